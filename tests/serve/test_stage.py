"""Serving starts and ends as it should, on the loopback address only; what did not pass is not served."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tests.serve.asking import ask
from tests.serve.conftest import Served
from tests.serve.runs import SETTINGS
from tuner.errors import ServeError
from tuner.records import Bundle
from tuner.rundir import Run
from tuner.serve import stage
from tuner.serve.check import served_names
from tuner.serve.models import verified


def test_a_server_names_the_run_and_its_adapters(served: Served, runs: tuple[Run, Run]) -> None:
    names = [run.folder.name for run in runs]
    assert served_names(served.url)[0] == names[0]
    assert [each["name"] for each in ask(served.url, "/lora-adapters").json] == names


def test_only_the_loopback_address_is_bound(served: Served) -> None:
    assert served.url.startswith("http://127.0.0.1:")
    port = int(served.url.rsplit(":", 1)[1])
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.2", port))  # answers if every address of this machine were bound


def test_a_taken_port_is_named_with_the_next_one(served: Served, runs: tuple[Run, Run]) -> None:
    port = int(served.url.rsplit(":", 1)[1])
    settings = SETTINGS.model_copy(update={"port": port})
    with pytest.raises(ServeError) as caught, stage.running(_bundle(runs[0]), runs[0].folder, settings):
        pass
    assert caught.value.message == f"port {port} on 127.0.0.1 is taken"
    assert caught.value.hint == f'stop the other server, or choose another port: SET="serve.port={port + 1}"'


def test_a_file_that_failed_was_altered_or_is_missing_is_refused(runs: tuple[Run, Run], tmp_path: Path) -> None:
    bundle, run = _bundle(runs[0]), tmp_path
    artefacts = {each.name: each for each in bundle.artefacts}
    path = run / artefacts["base-gguf"].path
    with pytest.raises(ServeError, match=r"base-f32\.gguf: no such file"):
        verified(bundle, run, "base-gguf")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"GGUF of another model")
    with pytest.raises(ServeError, match="altered since the export: sha256 is"):
        verified(bundle, run, "base-gguf")
    failed = replace(artefacts["base-gguf"], passed=False, max_abs_difference=0.84, mean_kl=0.0011)
    with pytest.raises(
        ServeError, match=r"log-probabilities differ by up to 0.84 from the evaluated model, mean KL 0.0011 nats"
    ):
        verified(replace(bundle, artefacts=[failed]), run, "base-gguf")
    with pytest.raises(ServeError, match="there is no base-gguf to serve: its experts are fused"):
        verified(replace(bundle, artefacts=[], skipped={"gguf": "its experts are fused"}), run, "base-gguf")


def test_a_file_that_the_engine_cannot_load_is_named(runs: tuple[Run, Run], tmp_path: Path) -> None:
    bundle = _bundle(runs[0])
    whole = next(each for each in bundle.artefacts if each.name == "adapter-gguf")
    wrong = {each.name: each for each in bundle.artefacts}["base-gguf"]  # a model is no adapter
    swapped = [each if each is not whole else replace(wrong, name="adapter-gguf") for each in bundle.artefacts]
    with (
        pytest.raises(
            ServeError, match=r"^the engine could not load base-f32\.gguf with base-f32\.gguf with .+: .* lora"
        ),
        stage.running(replace(bundle, artefacts=swapped), runs[0].folder, SETTINGS),
    ):
        pass


def test_a_base_that_is_exported_merged_is_served_without_an_adapter(served: Served, runs: tuple[Run, Run]) -> None:
    bundle = _bundle(runs[0])
    merged = [each for each in bundle.artefacts if each.name in ("merged", "merged-gguf")]
    body = {"prompt": "import json\n", "max_tokens": 16, "path": "shop/counter.py"}
    with stage.running(replace(bundle, artefacts=merged), runs[0].folder, SETTINGS) as url:
        names = [each["id"] for each in ask(url, "/v1/models").json["data"]]
        name = runs[0].folder.name
        assert names == [name, "tuned", f"{name}+bm25", "tuned+bm25"]
        answers = [ask(each, "/v1/completions", body).json["choices"][0]["text"] for each in (url, served.url)]
        assert answers[0] == answers[1]


def test_a_bundle_without_its_run_is_served_with_the_default_lengths(runs: tuple[Run, Run], tmp_path: Path) -> None:
    shutil.copytree(runs[0].folder / "export", tmp_path / "copied" / "export")
    with stage.running(_bundle(runs[0]), tmp_path / "copied", SETTINGS) as url:
        assert [each["id"] for each in ask(url, "/v1/models").json["data"]] == ["copied", "tuned", "base"]
        assert ask(url, "/v1/completions", {"prompt": "x = 1\n" * 900}).json["usage"]["prompt_tokens"] == 256


def test_serving_ends_on_a_signal_and_frees_the_port(runs: tuple[Run, Run]) -> None:
    seen: list[str] = []

    def ready(address: str) -> None:
        seen.append(ask(address, "/health").json["status"])
        seen.append(address)
        threading.Thread(target=lambda: (time.sleep(0.1), os.kill(os.getpid(), signal.SIGTERM))).start()

    before = signal.getsignal(signal.SIGTERM)
    stage.serve(_bundle(runs[0]), runs[0].folder, SETTINGS, ready)
    assert seen[0] == "ok"
    assert signal.getsignal(signal.SIGTERM) is before
    with pytest.raises(ServeError, match="no answer to GET"):
        served_names(seen[1])


def _bundle(run: Run) -> Bundle:
    return run.record("export", Bundle)
