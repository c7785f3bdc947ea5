"""Who may ask, how much, and what is written down: nothing of the code."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from tests.serve.asking import ask, error_of, until
from tests.serve.conftest import Served
from tests.serve.runs import SETTINGS
from tuner.errors import ServeError
from tuner.records import Base, Bundle
from tuner.rundir import Run
from tuner.serve import stage
from tuner.serve.check import check, served_names
from tuner.serve.recorded import recorded

KEY = "s3cret-of-the-team"
PATHS = ("/health", "/metrics", "/v1/models", "/openapi.json", "/api/tags", "/nowhere")


@pytest.fixture(scope="module")
def guarded(runs: tuple[Run, Run], base: Base) -> Iterator[Served]:
    said: list[dict[str, Any]] = []
    settings = SETTINGS.model_copy(update={"key": "TUNER_TEST_KEY", "max_body_kib": 16, "hosts": ["code.example.org"]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUNER_TEST_KEY", KEY)
        with stage.running(runs[0].record("export", Bundle), runs[0].folder, settings, said.append) as url:
            yield Served(runs[0], base, url, said)


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "given", [{}, {"Authorization": "Bearer "}, {"Authorization": f"Bearer {KEY}x"}, {"X-Api-Key": "x"}]
)
def test_nothing_answers_without_the_key(guarded: Served, path: str, given: dict[str, str]) -> None:
    reply = ask(guarded.url, path, headers=given)
    assert reply.status == 401 and reply.headers["www-authenticate"] == "Bearer"
    assert error_of(reply) == "the API key is missing or wrong"


@pytest.mark.parametrize(
    "given", [{"Authorization": f"Bearer {KEY}"}, {"authorization": f"bearer {KEY}"}, {"X-Api-Key": KEY}]
)
def test_the_key_opens_everything(guarded: Served, given: dict[str, str]) -> None:
    body = {"prompt": "import json", "max_tokens": 1}
    assert ask(guarded.url, "/v1/completions", body, headers=given).status == 200
    assert ask(guarded.url, "/health", headers=given).status == 200
    assert served_names(guarded.url, KEY)[0] == guarded.run.folder.name
    assert not [each.fault for each in check(guarded.url, KEY, recorded()[:3]) if each.fault]


def test_a_key_that_is_not_there_stops_the_start(runs: tuple[Run, Run], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TUNER_TEST_KEY", raising=False)
    settings = SETTINGS.model_copy(update={"key": "TUNER_TEST_KEY"})
    with pytest.raises(ServeError) as caught, stage.running(runs[0].record("export", Bundle), runs[0].folder, settings):
        pass
    assert caught.value.message == "serve.key: the environment variable TUNER_TEST_KEY is not set"
    assert caught.value.hint == "export TUNER_TEST_KEY=..., or leave out serve.key"


@pytest.mark.parametrize("host", ["evil.example.org", "127.0.0.1.evil.example.org", "", "[", "10.0.0.1:80"])
def test_a_name_that_was_made_to_mean_this_machine_is_refused(served: Served, host: str) -> None:
    reply = ask(served.url, "/v1/models", headers={"Host": host})
    assert reply.status == 403
    assert error_of(reply) == "this server answers on the loopback address only, under its own name (serve.hosts)"


def test_own_names_are_taken(served: Served, guarded: Served) -> None:
    for host in ("localhost:8012", "127.0.0.1", "[::1]:8012"):
        assert ask(served.url, "/v1/models", headers={"Host": host}).status == 200
    given = {"Authorization": f"Bearer {KEY}", "Host": "code.example.org"}
    assert ask(guarded.url, "/v1/models", headers=given).status == 200
    assert ask(served.url, "/v1/models", headers={"Host": "code.example.org"}).status == 403


@pytest.mark.parametrize("origin", ["http://example.org", "null", "http://localhost:3000", "vscode-webview://x"])
def test_a_web_page_may_not_ask(served: Served, origin: str) -> None:
    reply = ask(served.url, "/v1/completions", {"prompt": "x"}, headers={"Origin": origin})
    assert reply.status == 403 and error_of(reply) == "web pages may not ask this server"
    assert ask(served.url, "/v1/models", headers={"Origin": served.url}).status == 200


def test_a_body_that_is_too_large_is_refused_announced_or_not(guarded: Served) -> None:
    given = {"Authorization": f"Bearer {KEY}"}
    reply = ask(guarded.url, "/v1/completions", b'{"prompt": "' + b"x" * 20_000 + b'"}', headers=given)
    assert (reply.status, error_of(reply)) == (413, "the body is larger than 16 KiB (serve.max_body_kib)")
    host, port = guarded.netloc.split(":")
    with socket.create_connection((host, int(port))) as connection:
        head = f"POST /v1/completions HTTP/1.1\r\nHost: {guarded.netloc}\r\nX-Api-Key: {KEY}\r\n"
        chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
        connection.sendall(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 2)
        assert connection.recv(64).startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the body is empty, wanted a JSON object"),
        (b'{"prompt": "\xff"}', "the body is not UTF-8: byte 0xff at 12"),
        (b'{"prompt": "\xc3', "the body is not UTF-8: byte 0xc3 at 12"),
        (b"{", "the body is not JSON: EOF while parsing an object at line 1 column 1"),
        (b"[1]", "the body is a JSON array, wanted an object"),
        (b'"x"', "the body is a JSON string, wanted an object"),
        (b"null", "the body is a JSON value, wanted an object"),
        (b'{"prompt": NaN}', "the body is not JSON: expected value at line 1 column 12"),
        (b"[" * 100_000, "the body is not JSON: recursion limit exceeded at line 1 column 202"),
    ],
)
def test_a_body_that_is_none_says_why(served: Served, body: bytes, message: str) -> None:
    reply = ask(served.url, "/v1/completions", body, method="POST")
    assert (reply.status, error_of(reply)) == (400, message)


def test_what_is_not_there_is_said(served: Served) -> None:
    missing, other = ask(served.url, "/v2/completions", {}), ask(served.url, "/v1/completions")
    assert (missing.status, error_of(missing)) == (404, "there is no such endpoint; GET /openapi.json lists them")
    assert (other.status, error_of(other)) == (405, "this endpoint has other methods")
    assert other.headers["allow"] == "POST"


def test_every_request_has_an_id_and_one_record_without_code(served: Served) -> None:
    word = "zanzibar_secret_word"
    before = len(served.said)
    body = {"prompt": f"{word} = 1\n", "suffix": f"\n{word}", "path": f"{word}.py", "stop": [word], "max_tokens": 2}
    reply = ask(served.url, "/v1/completions", body, headers={"X-Request-Id": "mine-7"})
    assert reply.headers["x-request-id"] == "mine-7"
    ask(served.url, f"/{word}", {"prompt": word}, headers={"X-Request-Id": "not one\tof ours"})
    ask(served.url, "/v1/completions", {"prompt": [word, word], "model": word})
    ask(served.url, "/v1/completions", {"model": word, "prompt": "x"}, headers={"Authorization": f"Bearer {word}"})
    records = until(lambda: (found := served.said[before:]) and len(found) == 4 and found)
    assert {each["event"] for each in records} == {"request"} and word not in json.dumps(served.said)
    first = next(each for each in records if each["id"] == "mine-7")
    assert {"protocol", "status", "ms", "model", "prompt_tokens", "tokens", "cached_tokens"} <= set(first)
    assert word not in ask(served.url, "/metrics").content.decode()


def test_metrics_count_what_was_asked(served: Served) -> None:
    ask(served.url, "/v1/completions", {"prompt": "import json", "max_tokens": 1, "model": "base"})
    lines = ask(served.url, "/metrics").content.decode().splitlines()
    figures = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert float(figures['tuner_requests_total{protocol="openai",status="200"}']) >= 1
    assert float(figures['tuner_tokens_total{model="base"}']) >= 1
    assert float(figures['tuner_answer_seconds_count{protocol="openai"}']) >= 1
    assert (figures["tuner_slots"], figures["tuner_engine_up"]) == ("2", "1")
    assert all(line.startswith(("# TYPE tuner_", "tuner_")) for line in lines)
