"""An engine that ends is started again, adapters change without a dropped request, and slots are never lost."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from tests.serve.asking import Reply, ask, error_of, until
from tests.serve.conftest import Served
from tests.serve.runs import LONG, LONG_SETTINGS
from tuner.records import Base, Bundle
from tuner.rundir import Run
from tuner.serve import stage

SHORT = {"prompt": "import json\n", "max_tokens": 4}


@contextmanager
def serving(run: Run, base: Base, **settings: Any) -> Iterator[Served]:
    said: list[dict[str, Any]] = []
    chosen = LONG_SETTINGS.model_copy(update=settings)
    with stage.running(run.record("export", Bundle), run.folder, chosen, said.append) as url:
        yield Served(run, base, url, said)


def pids(served: Served) -> list[int]:
    return [each["pid"] for each in served.said if each["event"] == "engine runs"]


def gauge(served: Served, name: str) -> float:
    lines = ask(served.url, "/metrics").content.decode().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"tuner_{name} "))


def has_ended(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return (
        Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z" if Path("/proc").is_dir() else False
    )


@contextmanager
def in_background(served: Served, count: int = 1, body: Any = LONG) -> Iterator[list[Any]]:
    """Send requests that take long; give their replies as futures."""
    with ThreadPoolExecutor(count) as pool:
        sent = [pool.submit(ask, served.url, "/v1/completions", body) for _ in range(count)]
        until(lambda: gauge(served, "slots_busy") >= min(count, LONG_SETTINGS.parallel))
        yield sent


def test_a_crash_costs_one_retryable_error_and_the_engine_comes_back(runs: tuple[Run, Run], base: Base) -> None:
    with serving(runs[0], base) as served:
        with in_background(served) as sent:
            os.kill(pids(served)[0], signal.SIGKILL)
            reply: Reply = sent[0].result()
        assert reply.status == 503 and reply.headers["retry-after"] == "1"
        assert error_of(reply).startswith("the engine broke off its answer: ")
        assert ask(served.url, "/v1/completions", SHORT).status == 200  # waits for the new engine
        assert len(pids(served)) == 2 and gauge(served, "engine_restarts_total") == 1

        os.kill(pids(served)[1], signal.SIGKILL)
        client = OpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=2)
        assert client.completions.create(model="tuned", **SHORT).choices[0].text


def test_a_crash_in_a_stream_is_said_in_the_stream(runs: tuple[Run, Run], base: Base) -> None:
    with serving(runs[0], base) as served:
        with in_background(served, body=LONG | {"stream": True}) as sent:
            time.sleep(0.1)
            os.kill(pids(served)[0], signal.SIGKILL)
            reply = sent[0].result()
        assert reply.status in (200, 503)
        if reply.status == 200:
            assert reply.events[-1]["error"]["code"] == 503 and "[DONE]" not in reply.events


@contextmanager
def engine_held(served: Served) -> Iterator[None]:
    """Stop the engine's process for a while: nothing it was asked is answered meanwhile."""
    os.kill(pids(served)[0], signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pids(served)[0], signal.SIGCONT)


def test_a_request_that_the_end_of_the_server_cuts_off_may_ask_again(runs: tuple[Run, Run], base: Base) -> None:
    with ThreadPoolExecutor(1) as pool, ExitStack() as ending:
        served = ending.enter_context(serving(runs[0], base))
        with in_background(served, 3) as sent:
            until(lambda: gauge(served, "queue") == 1)  # two are with the engine, the third one waits
            with engine_held(served):
                ended = pool.submit(ending.close)
                replies: list[Reply] = [each.result() for each in sent]
        ended.result()
    assert {reply.status for reply in replies} == {503} and {reply.headers["retry-after"] for reply in replies} == {"1"}
    assert {error_of(reply) for reply in replies} == {"the server is being stopped; ask again"}
    assert [each["fault"] for each in served.said if each.get("status") == 503] == ["Stopping"] * 3


def test_a_stream_that_the_end_of_the_server_cuts_off_says_so(runs: tuple[Run, Run], base: Base) -> None:
    with ThreadPoolExecutor(1) as pool, ExitStack() as ending:
        served = ending.enter_context(serving(runs[0], base))
        connection = http.client.HTTPConnection(served.netloc, timeout=60)
        connection.request("POST", "/v1/completions", json.dumps(LONG | {"stream": True}))
        answer = connection.getresponse()  # it has begun
        with engine_held(served):
            ended = pool.submit(ending.close)
            reply = Reply(answer.status, {}, answer.read())
        ended.result()
    assert reply.status == 200 and "[DONE]" not in reply.events
    error = {"message": "the server is being stopped; ask again", "type": "unavailable_error", "code": 503}
    assert reply.events[-1] == {"error": error}


def test_an_engine_whose_file_was_altered_does_not_start_again_until_it_is_whole(
    runs: tuple[Run, Run], base: Base, tmp_path: Path
) -> None:
    adapters = tmp_path / "adapters"
    shutil.copytree(runs[0].folder, adapters / runs[0].folder.name)
    run = Run.find(adapters / runs[0].folder.name)
    path = next(run.folder.glob("export/gguf/base-*.gguf"))
    with serving(run, base) as served:
        whole = path.read_bytes()
        path.unlink()  # a new file, as the engine still has the old one open
        path.write_bytes(whole[:-4096])
        os.kill(pids(served)[0], signal.SIGKILL)
        until(lambda: any(each["event"] == "engine does not start" for each in served.said))
        reply = ask(served.url, "/v1/completions", SHORT)
        assert reply.status == 503
        assert error_of(reply).startswith(f"the engine does not start: {path}: altered since the export: sha256 is ")
        assert ask(served.url, "/health").status == 503
        path.write_bytes(whole)
        until(lambda: len(pids(served)) == 2)
        assert ask(served.url, "/v1/completions", SHORT).status == 200


def test_a_new_adapter_is_picked_up_and_no_request_is_dropped(
    runs: tuple[Run, Run], base: Base, tmp_path: Path
) -> None:
    adapters = tmp_path / "adapters"
    first, second = (adapters / run.folder.name for run in runs)
    shutil.copytree(runs[0].folder, first)
    stop, statuses = threading.Event(), []
    with serving(Run.find(first), base, watch_seconds=0.1) as served:

        def keep_asking() -> None:
            while not stop.is_set():
                statuses.append(ask(served.url, "/v1/completions", SHORT).status)

        with ThreadPoolExecutor(3) as pool, in_background(served) as long:
            asking = [pool.submit(keep_asking) for _ in range(2)]
            shutil.copytree(runs[1].folder, tmp_path / "beside")
            (tmp_path / "beside").rename(second)
            until(lambda: second.name in [each["id"] for each in ask(served.url, "/v1/models").json["data"]])
            body = SHORT | {"model": second.name}
            assert ask(served.url, "/v1/completions", body).status == 200
            assert long[0].result().status == 200  # answered by the engine that it began with
            until(lambda: has_ended(pids(served)[0]))
            stop.set()
            for each in asking:
                each.result()
        assert len(statuses) > 2 and set(statuses) == {200}

        shutil.rmtree(second)
        until(lambda: ask(served.url, "/v1/completions", body).status == 404)


def test_runs_that_cannot_be_served_are_left_out_and_named(runs: tuple[Run, Run], base: Base, tmp_path: Path) -> None:
    adapters = tmp_path / "adapters"
    first, second = (adapters / run.folder.name for run in runs)
    shutil.copytree(runs[0].folder, first)
    shutil.copytree(runs[1].folder, second)
    path = second / "export/gguf/adapter-f32.gguf"
    path.write_bytes(path.read_bytes()[:-16])
    with serving(Run.find(first), base) as served:
        named = [each for each in served.said if each["event"] == "run is not served"]
        assert [each["run"] for each in named] == [second.name]
        assert named[0]["reason"].startswith(f"{path}: altered since the export: sha256 is ")
        assert ask(served.url, "/v1/completions", SHORT | {"model": second.name}).status == 404


def test_a_queue_that_is_full_says_when_to_come_back(runs: tuple[Run, Run], base: Base) -> None:
    with (
        serving(runs[0], base, queue=1) as served,
        in_background(served, 2),
        in_background(served, 1, SHORT) as waiting,
    ):
        until(lambda: gauge(served, "queue") == 1)
        reply = ask(served.url, "/v1/completions", SHORT)
        assert reply.status == 429 and reply.headers["retry-after"] == "1"
        assert error_of(reply) == "1 requests wait already, and no more may (serve.queue)"
        warming = {"input_prefix": "", "input_suffix": "", "prompt": "", "n_predict": 0}
        assert ask(served.url, "/infill", warming).status == 200  # never worth waiting for
        assert waiting[0].result().status == 200


def test_an_answer_that_takes_too_long_is_given_up(runs: tuple[Run, Run], base: Base) -> None:
    with serving(runs[0], base, timeout_seconds=0.2) as served:
        reply = ask(served.url, "/v1/completions", LONG)
        assert (reply.status, error_of(reply)) == (504, "no answer in time (serve.timeout_seconds)")
        until(lambda: gauge(served, "engine_slots_processing") == 0)


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_goes_away_frees_its_slot(runs: tuple[Run, Run], base: Base, stream: bool) -> None:
    with serving(runs[0], base) as served:
        for _ in range(3):
            leave(served, LONG | {"stream": stream})
        until(lambda: gauge(served, "slots_busy") == 0 and gauge(served, "engine_slots_processing") == 0)
        until(lambda: len([each for each in served.said if each.get("left")]) == 3)
        assert ask(served.url, "/v1/completions", SHORT).status == 200


def leave(served: Served, body: Any) -> None:
    """Send a request and close the connection while it is being answered."""
    content = json.dumps(body).encode()
    host, port = served.netloc.split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = f"POST /v1/completions HTTP/1.1\r\nHost: {served.netloc}\r\nContent-Length: {len(content)}\r\n\r\n"
        connection.sendall(head.encode() + content)
        until(lambda: gauge(served, "slots_busy") > 0)
