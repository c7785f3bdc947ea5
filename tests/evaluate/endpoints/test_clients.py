"""What leaves this machine is the body and the key alone; what comes back is an object, or a failure with its class."""

from __future__ import annotations

import socket
import threading
import time
from typing import Any

import pytest

from tests.evaluate.endpoints import servers
from tests.evaluate.endpoints.servers import Reply, Server, refusal
from tuner.evaluate.endpoints.clients import MOST_BYTES, Client
from tuner.evaluate.endpoints.failures import Failed

KEY = "sk-0123456789abcdef"
BODIES: dict[str, dict[str, Any]] = {
    "openai_chat": {"model": "coder", "messages": [{"role": "user", "content": "é"}], "max_tokens": 3, "odd": [1]},
    "openai_completions": {"model": "coder", "prompt": "é", "stop": ["\n"], "odd": {"a": None}},
    "deepseek_fim": {"model": "coder", "prompt": "é", "suffix": "b"},
    "mistral_fim": {"model": "coder", "prompt": "é", "suffix": "b"},
    "llama_infill": {"input_prefix": "é", "input_suffix": "b"},
    "ollama": {"model": "coder", "prompt": "é", "options": {"temperature": 0}},
}
PATHS = {
    "openai_chat": "/v1/chat/completions",
    "openai_completions": "/v1/completions",
    "deepseek_fim": "/completions",
    "mistral_fim": "/v1/fim/completions",
    "llama_infill": "/infill",
    "ollama": "/api/generate",
}
ENVIRONMENT = {
    "OPENAI_API_KEY": "sk-of-another-api",
    "OPENAI_ORG_ID": "org-1",
    "OPENAI_PROJECT_ID": "proj-1",
    "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
    "OPENAI_CUSTOM_HEADERS": "X-Team: shop\nAuthorization: Bearer sk-of-another-api",
    "HTTP_PROXY": "http://127.0.0.1:9",
    "ALL_PROXY": "http://127.0.0.1:9",
}


def client(server: Server, protocol: str = "openai_chat", key: str | None = None, **fields: Any) -> Client:
    return Client(servers.settings(server.url, protocol, **{"timeout_seconds": 20.0, **fields}), key)


def failed(*replies: Reply, protocol: str = "openai_chat", **fields: Any) -> Failed:
    with Server(*replies) as server, pytest.raises(Failed) as caught:
        client(server, protocol, **fields).ask(BODIES[protocol])
    return caught.value


@pytest.mark.parametrize("protocol", BODIES)
@pytest.mark.parametrize("key", [None, KEY])
def test_body_and_key_leave_and_nothing_else(protocol: str, key: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
        monkeypatch.setenv(name.lower(), value)
    with Server(Reply({"fine": True})) as server:
        assert client(server, protocol, key).ask(BODIES[protocol]) == {"fine": True}
    asked = server.asked[0]
    assert asked.path == PATHS[protocol]
    assert asked.body == BODIES[protocol]
    assert asked.headers.get("authorization") == (f"Bearer {KEY}" if key else None)
    known = {"host", "accept", "accept-encoding", "connection", "user-agent", "content-length", "content-type"}
    assert asked.headers.keys() - known - {"authorization"} == set()


@pytest.mark.parametrize("protocol", ["openai_chat", "ollama"])
def test_a_redirect_is_not_followed_with_code_and_key(protocol: str) -> None:
    with Server(Reply({"fine": True})) as elsewhere:
        gone = Reply({}, 307, {"Location": f"{elsewhere.url}/v1/chat/completions"})
        caught = failed(gone, protocol=protocol, key=KEY)
    assert (caught.void, caught.words) == ("protocol", "answered 307: it sends on to another address")
    assert caught.final and elsewhere.asked == []


@pytest.mark.parametrize("protocol", ["openai_chat", "llama_infill"])
def test_a_key_that_the_server_repeats_is_taken_out(protocol: str) -> None:
    assert failed(refusal(500, f"no such key: {KEY}"), protocol=protocol, key=KEY).words == (
        "answered 500: no such key: [key]"
    )
    with Server(Reply({"content": KEY})) as server:
        assert client(server, protocol, KEY).ask(BODIES[protocol]) == {"content": "[key]"}


@pytest.mark.parametrize("protocol", ["openai_chat", "ollama"])
@pytest.mark.parametrize(
    ("reply", "void", "words"),
    [
        (refusal(401), "auth", "answered 401: the key was refused"),
        (refusal(500, "out of memory"), "server", "answered 500: out of memory"),
        (
            Reply(b"<html><title>Sign in</title>", content_type="text/html"),
            "protocol",
            "answered with an HTML page: Sign in",
        ),
        (Reply([1]), "protocol", "answered with JSON that is no object: list"),
        (Reply(b'{"choices": ['), "truncated", "broke off its answer: the JSON has no end"),
        (Reply({"choices": []}, missing=9), "truncated", "broke off its answer on the way"),
        (Reply({"error": {"code": 429, "message": "slow"}}), "rate", "answered 429: slow"),
        (Reply(drop=True), "server", "broke the connection: Server disconnected without sending a response."),
        (Reply(b"x" * (MOST_BYTES + 1)), "protocol", "answered with more than 4,194,304 bytes"),
        (
            Reply(b"no gzip at all", headers={"Content-Encoding": "gzip"}),
            "protocol",
            "sent an answer whose compression is broken",
        ),
    ],
)
def test_both_clients_give_the_same_failure(protocol: str, reply: Reply, void: str, words: str) -> None:
    caught = failed(reply, protocol=protocol)
    assert (caught.void, caught.words) == (void, words)


@pytest.mark.parametrize("protocol", ["openai_chat", "ollama"])
def test_a_server_that_hangs_is_left_after_the_time_that_the_recipe_allows(protocol: str) -> None:
    release = threading.Event()
    caught = failed(Reply({}, before=lambda: release.wait(20)), protocol=protocol, timeout_seconds=0.2)
    release.set()
    assert (caught.void, caught.words, caught.retry) == ("timeout", "gave no whole answer in 0.2 s", False)


def test_an_answer_that_trickles_in_has_no_more_time_than_any_other() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
                )
                for _ in range(100):
                    time.sleep(0.05)
                    try:
                        connection.sendall(b" ")
                    except OSError:
                        return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        started = time.monotonic()
        with pytest.raises(Failed) as caught:
            Client(servers.settings(url, "ollama", timeout_seconds=0.3), None).ask(BODIES["ollama"])
        assert caught.value.void == "timeout"
        assert time.monotonic() - started < 4.0  # a pause between two bytes never reaches the limit: 5 s in all
        thread.join(5)


def test_an_address_where_nothing_ever_answered_is_told_apart_from_a_server_that_went_away() -> None:
    with Server(Reply({})) as server:
        asking = client(server, "ollama")
        asking.ask(BODIES["ollama"])
    asking.close()
    asking = client(server, "ollama")
    with pytest.raises(Failed) as caught:
        asking.ask(BODIES["ollama"])
    assert (caught.value.void, caught.value.words) == ("server", "Connection refused")
    assert caught.value.final and not caught.value.retry
    asking.reached = True
    with pytest.raises(Failed) as caught:
        asking.ask(BODIES["ollama"])
    assert caught.value.retry and not caught.value.final
    assert caught.value.words == "does not answer any more: Connection refused"
