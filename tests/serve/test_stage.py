"""A served bundle answers the real client on the loopback address; what did not pass is not served."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from openai import OpenAI

from tests.export.bundles import tiny_bundle
from tuner.errors import ServeError
from tuner.recipe import ExportSettings, ServeSettings
from tuner.records import Bundle
from tuner.serve import stage

SETTINGS = ServeSettings(port=0, context_tokens=512, threads=1)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Bundle]:
    torch.set_num_threads(1)
    run = tmp_path_factory.mktemp("runs") / "shop-tiny-1a2b3c4d"
    run.mkdir()
    return run, tiny_bundle(run, "llama", ExportSettings(parity_prompts=1), spread=0.2)[1]


@pytest.fixture(scope="module")
def url(exported: tuple[Path, Bundle]) -> Iterator[str]:
    run, bundle = exported
    with stage.running(bundle, run, SETTINGS) as address:
        yield address


def test_the_openai_client_completes_whole_and_streamed(url: str) -> None:
    client = OpenAI(base_url=f"{url}/v1", api_key="none")
    asked = {"model": "shop-tiny-1a2b3c4d", "prompt": "def add(a, b):", "max_tokens": 8, "temperature": 0}
    whole = client.completions.create(**asked).choices[0].text
    streamed = "".join(
        chunk.choices[0].text for chunk in client.completions.create(**asked, stream=True) if chunk.choices
    )
    assert whole
    assert streamed == whole
    untuned = client.completions.create(**asked, extra_body={"lora": [{"id": 0, "scale": 0.0}]}).choices[0].text
    assert untuned != whole
    chat = client.chat.completions.create(model="tuned", messages=[{"role": "user", "content": "hi"}], max_tokens=4)
    assert chat.choices[0].message.content


def test_check_names_the_run_and_its_adapter(url: str) -> None:
    answers = dict(stage.check(url))
    assert answers["GET /health"] == "ok"
    assert answers["GET /v1/models"] == "shop-tiny-1a2b3c4d"
    assert answers["GET /lora-adapters"] == "adapter-f32.gguf at scale 1"
    assert answers["POST /v1/completions"]


def test_only_the_loopback_address_is_bound(url: str) -> None:
    assert url.startswith("http://127.0.0.1:")
    port = int(url.rsplit(":", 1)[1])
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.2", port))  # answers if every address of this machine were bound


def test_a_web_page_of_another_origin_may_not_read_answers(url: str) -> None:
    import http.client

    connection = http.client.HTTPConnection(url.removeprefix("http://"))
    connection.request("GET", "/v1/models", headers={"Origin": "http://example.org"})
    assert connection.getresponse().getheader("Access-Control-Allow-Origin") == "http://localhost"


def test_a_taken_port_is_named_with_the_next_one(url: str, exported: tuple[Path, Bundle]) -> None:
    run, bundle = exported
    port = int(url.rsplit(":", 1)[1])
    with pytest.raises(ServeError) as caught, stage.running(bundle, run, ServeSettings(port=port)):
        pass
    assert caught.value.message == f"port {port} on 127.0.0.1 is taken"
    assert caught.value.hint == f'stop the other server, or choose another port: SET="serve.port={port + 1}"'


def test_a_file_that_failed_was_altered_or_is_missing_is_refused(exported: tuple[Path, Bundle], tmp_path: Path) -> None:
    _, bundle = exported
    run = tmp_path
    artefacts = {each.name: each for each in bundle.artefacts}
    path = run / artefacts["base-gguf"].path
    with pytest.raises(ServeError, match=r"base-f16\.gguf: no such file"):
        stage.verified(bundle, run, "base-gguf")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"GGUF of another model")
    with pytest.raises(ServeError, match="altered since the export: sha256 is"):
        stage.verified(bundle, run, "base-gguf")
    failed = replace(artefacts["base-gguf"], passed=False, max_abs_difference=0.84, mean_kl=0.0011)
    with pytest.raises(
        ServeError, match=r"log-probabilities differ by up to 0.84 from the evaluated model, mean KL 0.0011 nats"
    ):
        stage.verified(replace(bundle, artefacts=[failed]), run, "base-gguf")
    with pytest.raises(ServeError, match="there is no base-gguf to serve: its experts are fused"):
        stage.verified(replace(bundle, artefacts=[], skipped={"gguf": "its experts are fused"}), run, "base-gguf")


def test_a_file_that_the_engine_cannot_load_is_named(tmp_path: Path) -> None:
    from tuner.serve.engine import engine

    (tmp_path / "base.gguf").write_bytes(b"GGUF of another model")
    with (
        pytest.raises(ServeError, match=r"the engine could not load base.gguf"),
        engine(tmp_path / "base.gguf", None, "x", SETTINGS),
    ):
        pass


def test_serving_ends_on_a_signal_and_frees_the_port(exported: tuple[Path, Bundle]) -> None:
    run, bundle = exported
    seen: list[str] = []

    def ready(address: str) -> None:
        seen.append(stage.check(address)[0][1])
        seen.append(address)
        threading.Thread(target=lambda: (time.sleep(0.1), os.kill(os.getpid(), signal.SIGTERM))).start()

    before = signal.getsignal(signal.SIGTERM)
    stage.serve(bundle, run, SETTINGS, ready)
    assert seen[0] == "ok"
    assert signal.getsignal(signal.SIGTERM) is before
    with pytest.raises(ServeError, match="no answer to GET"):
        stage.check(seen[1])
