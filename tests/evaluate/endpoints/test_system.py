"""An endpoint answers the items in their order, asks again where that helps, and voids what it cannot answer."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from tests.evaluate.endpoints.servers import Reply, Server, chat, completion, item, items, refusal, settings
from tests.evaluate.endpoints.systems import INFILLED, endpoint, numbered
from tuner.errors import EvaluateError
from tuner.evaluate.endpoints.system import EndpointSystem
from tuner.evaluate.system import System
from tuner.records import Item

FORMS = {
    "openai_chat": chat("self.n", model="m"),
    "openai_completions": completion("self.n", model="m"),
    "deepseek_fim": completion("self.n", model="m"),
    "mistral_fim": chat("self.n", model="m"),
    "llama_infill": Reply(INFILLED),
    "ollama": Reply({"response": "self.n", "model": "m", "prompt_eval_count": 20, "eval_count": 5, "done": True}),
}


@pytest.mark.parametrize("protocol", FORMS)
def test_every_protocol_gives_text_tokens_and_model(protocol: str) -> None:
    with Server(FORMS[protocol]) as server:
        system: System = endpoint(server, protocol)
        (found,) = system.answer([item()])
    assert (found.item_id, found.text, found.raw, found.void) == (item().id, "self.n", "self.n", None)
    assert (found.tokens, found.prompt_tokens, found.bits, found.target_bytes) == (5, 20, None, 6)
    assert found.latency_ms is not None and 0.0 < found.latency_ms < 20_000.0
    assert system.batch == 1
    assert system.about == {
        "protocol": protocol,
        "host": server.url.removeprefix("http://"),
        "model": "coder",
        "model_reported": "m",
        "price": "coder",
    }


def test_a_busy_server_is_asked_again_after_the_pause_that_it_names() -> None:
    pauses: list[float] = []
    busy = refusal(429, headers={"Retry-After": "7"})
    with Server(busy, refusal(503, headers={"Retry-After": "3"}), chat("self.n")) as server:
        system = endpoint(server, sleep=pauses.append)
        (found,) = system.answer([item()])
    assert (found.text, found.void, pauses) == ("self.n", None, [7.0, 3.0])
    assert system.figures([])["repeated_attempts"] == 2.0


def test_without_a_named_pause_each_is_longer_up_to_the_longest_with_jitter() -> None:
    def pauses(longest: float) -> list[float]:
        taken: list[float] = []
        with Server(refusal(500)) as server:
            system = endpoint(server, retries=4, longest_wait_seconds=longest, sleep=taken.append)
            (found,) = system.answer([item()])
        assert found.void == "server" and len(server.asked) == 5
        return taken

    for taken, base in zip(pauses(60.0), (0.5, 1.0, 2.0, 4.0), strict=True):
        assert base <= taken <= base + 0.5
    assert all(taken <= 1.0 for taken in pauses(1.0))
    assert pauses(60.0) != pauses(60.0)


def test_a_pause_longer_than_the_recipe_allows_is_not_waited_for() -> None:
    pauses: list[float] = []
    with Server(refusal(429, headers={"Retry-After": "61"})) as server:
        (found,) = endpoint(server, sleep=pauses.append).answer([item()])
        assert (found.void, pauses, len(server.asked)) == ("rate", [], 1)


@pytest.mark.parametrize("reply", [refusal(400), Reply(b"<html>"), chat(None, finish="content_filter"), Reply({})])
def test_what_cannot_get_better_is_not_asked_again(reply: Reply) -> None:
    with Server(reply) as server:
        (found,) = endpoint(server).answer([item()])
        assert (found.void, found.text, found.latency_ms, len(server.asked)) == ("protocol", "", None, 1)


def test_a_failure_in_the_middle_is_a_void_and_never_an_empty_answer() -> None:
    broken = Reply({"choices": []}, missing=5)
    with Server(chat("self.n"), refusal(400), broken, broken, chat(""), chat("self.n")) as server:
        found = list(endpoint(server, retries=1).answer(items(5)))
    assert [(each.void, each.text) for each in found] == [
        (None, "self.n"),
        ("protocol", ""),
        ("truncated", ""),
        (None, ""),
        (None, "self.n"),
    ]
    assert [each.item_id for each in found] == [each.id for each in items(5)]


@pytest.mark.parametrize("parallel", [1, 4])
def test_the_order_is_that_of_the_items_whoever_is_slow(parallel: int) -> None:
    def slow(body: dict[str, Any]) -> Reply:
        reply = numbered(body)
        return Reply(reply.body, before=lambda: time.sleep(0.05 if int(reply.body["content"]) % 3 == 0 else 0.0))

    with Server(slow) as server:
        found = list(endpoint(server, "llama_infill", parallel=parallel).answer(items(12)))
    assert [each.text for each in found] == [str(number) for number in range(12)]
    assert 1 <= server.most_at_once <= parallel
    assert parallel == 1 or server.most_at_once > 1


def test_answers_do_not_depend_on_what_was_asked_before() -> None:
    with Server(numbered) as server:
        whole = list(endpoint(server, "llama_infill").answer(items(6)))
        rest = list(endpoint(server, "llama_infill", parallel=2).answer(items(6)[3:]))
    assert [(each.item_id, each.text) for each in rest] == [(each.item_id, each.text) for each in whole[3:]]


def test_each_answer_is_given_as_soon_as_it_is_there() -> None:
    with Server(chat("self.n")) as server:
        for asked, _ in enumerate(endpoint(server).answer(items(4)), 1):
            assert len(server.asked) == asked


def test_a_format_failure_is_counted_apart_and_the_raw_answer_kept() -> None:
    with Server(chat("```python\nself.n\n```"), chat("", finish="length"), completion("x")) as server:
        fenced, thought = endpoint(server).answer(items(2))
        (plain,) = endpoint(server, "openai_completions").answer([item()])
    assert (fenced.text, fenced.raw, fenced.format_failure) == ("self.n", "```python\nself.n\n```", "fenced")
    assert (thought.text, thought.format_failure, thought.void) == ("", "only_reasoning", None)
    assert plain.format_failure is None


def test_completing_one_item_gives_its_text_or_says_why_not() -> None:
    with Server(chat("self.n"), refusal(400, "too long")) as server:
        system = endpoint(server)
        assert system.complete(item()) == "self.n"
        with pytest.raises(EvaluateError, match=r"system `rival`: protocol: http://.* answered 400: too long"):
            system.complete(item())


@pytest.mark.parametrize("jump", [-1e6, 1e6])
def test_a_clock_that_is_set_in_the_middle_changes_nothing(jump: float, monkeypatch: pytest.MonkeyPatch) -> None:
    true, pauses = time.time, list[float]()
    date = {"Date": "Sun, 06 Nov 1994 08:49:37 GMT", "Retry-After": "Sun, 06 Nov 1994 08:49:42 GMT"}

    def set_clock() -> None:
        monkeypatch.setattr(time, "time", lambda: true() + jump)

    slow = Reply(chat("self.n").body, before=set_clock)
    with Server(chat("self.n"), slow, refusal(429, headers=date), chat("self.n")) as server:
        found = list(endpoint(server, sleep=pauses.append).answer(items(3)))
    assert [each.void for each in found] == [None] * 3
    assert all(each.latency_ms is not None and 0.0 < each.latency_ms < 20_000.0 for each in found)
    assert pauses == [5.0]


def test_an_interrupted_program_does_not_wait_for_pauses() -> None:
    def turn(body: dict[str, Any]) -> Reply:
        reply = numbered(body)
        return reply if int(reply.body["content"]) < 2 else refusal(500, headers={"Retry-After": "50"})

    with Server(turn) as server:
        system = endpoint(server, "llama_infill", parallel=4, sleep=None)
        given = system.answer(items(12))
        assert [next(given).text, next(given).text] == ["0", "1"]
        started = time.monotonic()
        given.close()  # what an interrupt does
        while any(each.name.startswith("endpoint-rival") for each in threading.enumerate()):
            assert time.monotonic() - started < 20.0
            time.sleep(0.01)


@pytest.mark.parametrize("parallel", [1, 3])
def test_a_fault_of_ours_is_no_void(parallel: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(asked: Item) -> list[Any]:
        raise ZeroDivisionError

    with Server(chat("self.n")) as server:
        system = EndpointSystem("rival", settings(server.url, parallel=parallel), None, broken)
        with pytest.raises(ZeroDivisionError):
            list(system.answer(items(3)))
        assert server.asked == []


def test_a_model_that_changes_on_the_way_shows_as_two() -> None:
    with Server(chat("a", model="coder-2"), chat("b", model="coder-1")) as server:
        system = endpoint(server)
        list(system.answer(items(2)))
    assert system.about["model_reported"] == "coder-1, coder-2"
