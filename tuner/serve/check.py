"""Send a running server what each client sends, and say what came back.

In: the server's address on this machine, and its key where it wants one. Out: one `Checked` for each recorded request:
status, time, the text that the client would show, and what is wrong, which is nothing if all is well. The bodies go out
as they were recorded; only the key is the server's. Refused: an address of another machine, and a server that does not
answer at all.
"""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from tuner.errors import ServeError
from tuner.serve.guard import LOOPBACK
from tuner.serve.reading import read
from tuner.serve.recorded import Sent, recorded

_TIMEOUT_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Checked:
    """One request and what came of it. `text` is None where the client looks for no completion."""

    sent: Sent
    status: int
    ms: float
    text: str | None
    fault: str


def served_names(url: str, key: str | None = None) -> list[str]:
    """Ask a running server for the names of its models; the run that is served comes first."""
    _require_own_machine(url)
    status, _, content = _ask(url, "GET", "/v1/models", [*_authorization(key)], b"")
    if status != 200:
        hint = "give its key's variable: --set serve.key=TUNER_KEY" if status == 401 else "is it `tuner serve`?"
        raise ServeError(f"{url}: GET /v1/models answered {status}, wanted 200", hint)
    try:
        return [str(each["id"]) for each in json.loads(content)["data"]]
    except (ValueError, KeyError, TypeError):
        raise ServeError(f"{url}: GET /v1/models answered with no list of models", "is it `tuner serve`?") from None


def check(url: str, key: str | None = None, sents: Sequence[Sent] | None = None) -> Iterator[Checked]:
    """Send the recorded requests, one after another, and yield what came of each."""
    _require_own_machine(url)
    for sent in recorded() if sents is None else sents:
        started = time.monotonic()
        try:
            headers = [*sent.headers, *_authorization(key)]
            status, media_type, content = _ask(url, sent.method, sent.path, headers, sent.body)
        except ServeError as error:
            yield Checked(sent, 0, 1000 * (time.monotonic() - started), None, error.message)
            continue
        found = read(sent.path, sent.body, status, media_type, content)
        yield Checked(sent, status, 1000 * (time.monotonic() - started), found.text, found.fault)


def _require_own_machine(url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname not in LOOPBACK:
        raise ServeError(f"{url}: wanted an address of this machine", "for example http://127.0.0.1:8012")


def _authorization(key: str | None) -> Iterator[tuple[str, str]]:
    if key:
        yield "Authorization", f"Bearer {key}"


def _ask(url: str, method: str, path: str, headers: Sequence[tuple[str, str]], body: bytes) -> tuple[int, str, bytes]:
    # http.client and not a library that honours proxies: the request must not leave the machine.
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=_TIMEOUT_SECONDS)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers:
            connection.putheader(name, value)
        if method != "GET":
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body or None)
        answer = connection.getresponse()
        return answer.status, answer.getheader("content-type", ""), answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise ServeError(
            f"{url}: no answer to {method} {path}: {error or type(error).__name__}",
            "is the server running? `tuner serve` starts it",
        ) from None
    finally:
        connection.close()
