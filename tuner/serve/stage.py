"""Serve an exported model to the editors on this machine until it is told to stop.

In: the `Bundle` of a run, its folder and `recipe.serve`. Out: llama.cpp's HTTP API on 127.0.0.1, among it
`/v1/completions`, `/v1/chat/completions`, `/infill` (where the base has infilling tokens), `/health`, `/lora-adapters`.
Refused: a file whose answers were found to differ from the evaluated model, one that is missing or was altered since
the export, and a run whose base GGUF cannot express. Every file is hashed before it is loaded.

    make serve RUN=adapters/...
"""

from __future__ import annotations

import http.client
import json
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tuner.errors import ServeError
from tuner.recipe import ServeSettings
from tuner.records import Artefact, Bundle, sha256_file
from tuner.serve.engine import engine, require_free_port

_TIMEOUT_SECONDS = 120
_EXPORT_AGAIN = "repeat the `make export` command"


def serve(bundle: Bundle, run_folder: Path, settings: ServeSettings, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is called with the URL once the model answers."""
    stop = threading.Event()
    previous = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with running(bundle, run_folder, settings) as url:
            ready(url)
            stop.wait()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def running(bundle: Bundle, run_folder: Path, settings: ServeSettings) -> Iterator[str]:
    """Serve while the context lasts, and yield the URL."""
    require_free_port(settings.port)  # before the files are hashed, which takes a while
    base, adapter = (verified(bundle, run_folder, name) for name in ("base-gguf", "adapter-gguf"))
    with engine(base, adapter, run_folder.name, settings) as url:
        yield url


def verified(bundle: Bundle, run_folder: Path, name: str) -> Path:
    """Find an artefact's file and make sure that it is the one that passed."""
    artefact = next((each for each in bundle.artefacts if each.name == name), None)
    if artefact is None:
        reason = bundle.skipped.get("gguf", "the bundle does not list it")
        raise ServeError(
            f"{run_folder / bundle.folder}: there is no {name} to serve: {reason}",
            "serve the PEFT folder with vLLM; see export/README.md",
        )
    path = run_folder / artefact.path
    if artefact.passed is False:
        raise ServeError(
            f"{path}: {_failure(artefact)}", f"read {run_folder / bundle.folder / 'parity.json'}, then {_EXPORT_AGAIN}"
        )
    if not path.is_file():
        raise ServeError(f"{path}: no such file", _EXPORT_AGAIN)
    found = sha256_file(path)
    if found != artefact.sha256:
        raise ServeError(
            f"{path}: altered since the export: sha256 is {found[:12]}…, wanted {artefact.sha256[:12]}…", _EXPORT_AGAIN
        )
    return path


def check(url: str) -> list[tuple[str, str]]:
    """Ask a running server for its health, its adapters and one completion, and list what came back."""
    model = _ask(url, "GET", "/v1/models")["data"][0]["id"]
    adapters = _ask(url, "GET", "/lora-adapters")
    loaded = ", ".join(f"{Path(each['path']).name} at scale {each['scale']:g}" for each in adapters) or "none"
    prompt = "def add(a, b):\n    return"
    body = {"model": model, "prompt": prompt, "max_tokens": 16, "temperature": 0}
    answer = _ask(url, "POST", "/v1/completions", body)
    return [
        ("GET /health", _ask(url, "GET", "/health")["status"]),
        ("GET /v1/models", model),
        ("GET /lora-adapters", loaded),
        ("POST /v1/completions", answer["choices"][0]["text"]),
    ]


def _failure(artefact: Artefact) -> str:
    if artefact.max_abs_difference is None or artefact.mean_kl is None:
        return "failed its parity check: the engine could not answer from it"
    return (
        f"failed its parity check: log-probabilities differ by up to {artefact.max_abs_difference:.3g} "
        f"from the evaluated model, mean KL {artefact.mean_kl:.3g} nats"
    )


def _ask(url: str, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    # http.client and not a library that honours proxies: the request must not leave the machine.
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_TIMEOUT_SECONDS)
    try:
        text = json.dumps(body) if body is not None else None
        connection.request(method, path, text, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
    except OSError as error:
        raise ServeError(
            f"{url}: no answer to {method} {path}: {error}", "is the server running? `tuner serve` starts it"
        ) from None
    finally:
        connection.close()
    if answer.status != 200:
        raise ServeError(f"{url}: {method} {path} answered {answer.status}: {content[:200].decode(errors='replace')}")
    return json.loads(content)
