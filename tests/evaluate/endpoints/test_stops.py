"""What is hopeless is stopped at once or soon, in exact words, and what was answered is kept."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from tests.evaluate.endpoints.servers import Reply, Server, chat, items, refusal
from tests.evaluate.endpoints.systems import GOES_ON, endpoint, numbered, stopped


@pytest.mark.parametrize("protocol", ["openai_chat", "mistral_fim"])
@pytest.mark.parametrize(
    ("reply", "void"),
    [
        (refusal(401), "auth"),
        (refusal(402), "quota"),
        (refusal(403), "no_access"),
        (refusal(404, "model 'coder' not found"), "no_model"),
        (refusal(429, code="insufficient_quota"), "quota"),
    ],
)
def test_what_no_other_item_would_escape_stops_at_once(protocol: str, reply: Reply, void: str) -> None:
    with Server(reply) as server:
        given, message, hint = stopped(endpoint(server, protocol), items(3))
        assert len(server.asked) == 1
    assert given == []
    assert message.startswith(f"system `rival`: {void}: {server.url}")
    assert hint is not None and hint.endswith(GOES_ON)


def test_the_message_says_what_was_seen_where_and_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def said(reply: Reply, **fields: Any) -> tuple[str, str]:
        with Server(reply) as server:
            _, message, hint = stopped(endpoint(server, "ollama", retries=0, **fields), items(9))
        return message.replace(f"{server.url}/api/generate", "URL"), str(hint).removesuffix(f"; {GOES_ON}")

    name = "compare.endpoints.rival"
    monkeypatch.setenv("MY_KEY", "sk-1")
    assert said(refusal(401), key="MY_KEY") == (
        "system `rival`: auth: URL answered 401: the key was refused",
        "put a valid key into MY_KEY",
    )
    assert said(refusal(401))[1] == f"name the environment variable that holds the key: `{name}.key`"
    assert said(refusal(403, "no plan")) == (
        "system `rival`: no_access: URL answered 403: no plan",
        f"this key may not ask `coder`: change its plan, or `{name}.model`",
    )
    assert said(refusal(402, "Insufficient Balance")) == (
        "system `rival`: quota: URL answered 402: Insufficient Balance",
        "add credit there",
    )
    assert said(refusal(404, "model 'coder' not found")) == (
        "system `rival`: no_model: URL answered 404: model 'coder' not found",
        f"check `{name}.model` (coder) and `{name}.url`, up to and including its version",
    )
    assert said(refusal(429, "slow down")) == (
        "system `rival`: rate, 5 times without an answer between: URL answered 429: slow down",
        f"wait a while, or lower `{name}.parallel`",
    )
    assert said(refusal(500, "out of memory")) == (
        "system `rival`: server, 5 times without an answer between: URL answered 500: out of memory",
        "look at the server's own log, or wait a while",
    )
    assert said(Reply(b"<html><title>Log in</title>", content_type="text/html")) == (
        "system `rival`: protocol, 5 times without an answer between: URL answered with an HTML page: Log in",
        f"check `{name}.url`, `.protocol` and `.extra` against the API's documentation",
    )
    assert said(refusal(501, "This server does not support infill"))[0] == (
        "system `rival`: protocol: URL answered 501: This server does not support infill"
    )
    assert said(Reply({"done": True}))[0].endswith("URL answered without the text that `response` should hold")


def test_a_server_that_hangs_is_a_time_out_and_is_not_asked_twice_for_it() -> None:
    release = threading.Event()
    with Server(Reply({}, before=lambda: release.wait(20))) as server:
        given, message, hint = stopped(endpoint(server, "ollama", timeout_seconds=0.1), items(9))
        release.set()
        assert len(server.asked) == 5
    assert given == []
    assert message == (
        f"system `rival`: timeout, 5 times without an answer between: {server.url}/api/generate "
        "gave no whole answer in 0.1 s"
    )
    assert hint == f"raise `compare.endpoints.rival.timeout_seconds`; {GOES_ON}"


def test_no_server_at_the_address_is_said_at_once() -> None:
    with Server(Reply({})) as server:
        pass
    pauses: list[float] = []
    given, message, hint = stopped(endpoint(server, "ollama", sleep=pauses.append), items(3))
    assert (given, pauses) == ([], [])
    assert message == f"system `rival`: no answer at {server.url}/api/generate: Connection refused"
    assert hint == f"is the server running, and is `compare.endpoints.rival.url` right? {GOES_ON}"


def test_failures_with_an_answer_between_do_not_stop_it() -> None:
    turns = [reply for _ in range(6) for reply in (refusal(400), refusal(400), chat("self.n"))]
    with Server(*turns) as server:
        found = list(endpoint(server).answer(items(18)))
    assert [each.void for each in found] == ["protocol", "protocol", None] * 6


def test_two_kinds_of_failures_in_turn_stop_it_too() -> None:
    turns = [reply for _ in range(9) for reply in (refusal(400), refusal(500))]
    with Server(*turns) as server:
        given, message, _ = stopped(endpoint(server, retries=0), items(18))
        assert (given, len(server.asked)) == ([], 9)
    assert message.startswith("system `rival`: protocol, 5 times without an answer between: ")


def test_the_first_question_goes_alone() -> None:
    with Server(refusal(401)) as server:
        stopped(endpoint(server, "llama_infill", parallel=8), items(20))
        assert len(server.asked) == 1


def test_what_was_under_way_when_it_stopped_is_kept() -> None:
    met = threading.Barrier(3)

    def turn(body: dict[str, Any]) -> Reply:
        reply = numbered(body)
        number = int(reply.body["content"])
        return Reply(reply.body, 402 if number == 1 else 200, before=lambda: met.wait(20) if number else None)

    with Server(turn) as server:
        given, message, _ = stopped(endpoint(server, "llama_infill", parallel=3), items(9))
    assert message.startswith("system `rival`: quota: ")
    assert [each.text for each in given] == ["0", "2", "3"]


def test_no_key_reaches_any_text(monkeypatch: pytest.MonkeyPatch) -> None:
    key = "sk-0123456789abcdef"
    monkeypatch.setenv("MY_KEY", key)
    with Server(chat(f"x = '{key}'", model=key), refusal(403, f"{key} may not")) as server:
        system = endpoint(server, key="MY_KEY")
        given, message, hint = stopped(system, items(2))
        assert server.asked[0].headers["authorization"] == f"Bearer {key}"
    assert key not in repr([given, message, hint, system.about, vars(system)])
    assert given[0].text == "x = '[key]'"
