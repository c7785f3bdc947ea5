"""Asking stops before the budget could be exceeded, and goes on where it was without paying twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.evaluate.endpoints.servers import NEIGHBOURS, Reply, Server, chat, item, items, refusal
from tests.evaluate.endpoints.systems import GOES_ON, PRICE, endpoint, stopped
from tuner.evaluate.stage import answer_all, answered_before
from tuner.evaluate.system import Stopped
from tuner.progress import Progress
from tuner.rundir import Workspace


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    (tmp_path / "scratch").mkdir()
    return Workspace(tmp_path, tmp_path, tmp_path / "scratch", Progress())


def test_asking_stops_before_the_budget_could_be_exceeded_and_goes_on_where_it_was(work: Workspace) -> None:
    asked, price = items(5), PRICE
    with Server(chat("self.n", read=2_000, written=500)) as server:
        first = endpoint(server, price=price, budget_dollars=7.6)
        with pytest.raises(Stopped) as caught:
            answer_all(first, asked, first.batch, work)
        assert len(server.asked) == 3 and first.meter.spent == pytest.approx(7.5)
        question = first.asker.question(asked[3], NEIGHBOURS)
        assert caught.value.message == (
            f"system `rival`: $7.5000 of its budget of $7.6000 is spent, and the next question could cost up to "
            f"${question.most:.4f}"
        )
        assert caught.value.hint == f"raise `compare.endpoints.rival.budget_dollars`; {GOES_ON}"
        kept = answered_before(work.scratch / "rival.answered.jsonl")
        assert [each.item_id for each in kept] == [each.id for each in asked[:3]]
        # the same budget again: what was spent before counts, and nothing is asked
        again = endpoint(server, price=price, budget_dollars=7.6, answered=kept)
        with pytest.raises(Stopped, match=r"\$7\.5000 of its budget of \$7\.6000 is spent"):
            answer_all(again, asked, again.batch, work)
        assert len(server.asked) == 3
        more = endpoint(server, price=price, budget_dollars=20.0, answered=kept)
        found = answer_all(more, asked, more.batch, work)
    assert [each.item_id for each in found] == [each.id for each in asked]
    assert len(server.asked) == 5 and more.figures(asked)["dollars"] == pytest.approx(12.5)


def test_several_requests_at_once_keep_the_budget_too() -> None:
    with Server(chat("self.n", read=300, written=10)) as server:
        system = endpoint(server, price=PRICE, budget_dollars=4.0, parallel=8)
        given, message, _ = stopped(system, items(40))
    assert system.meter.spent <= 4.0
    assert len(given) == len(server.asked) == round(system.meter.spent / 0.31)
    assert "of its budget of $4.0000 is spent" in message


def test_an_answer_without_counted_tokens_counts_with_what_it_could_have_cost() -> None:
    with Server(Reply({"response": "self.n"})) as server:
        system = endpoint(server, "ollama", price=PRICE, budget_dollars=10.0)
        (found,) = system.answer([item()])
        most = system.asker.question(item(), NEIGHBOURS).most
        assert found.tokens is None and system.meter.spent == pytest.approx(most)
        resumed = endpoint(server, "ollama", price=PRICE, answered=[found])
        assert resumed.meter.spent == pytest.approx(6.192)


def test_an_attempt_that_broke_off_may_have_been_paid_for() -> None:
    with Server(Reply({}, missing=9), chat("self.n")) as server:
        system = endpoint(server, price=PRICE, budget_dollars=10.0)
        (found,) = system.answer([item()])
        most = system.asker.question(item(), NEIGHBOURS).most
    assert found.void is None and system.meter.spent == pytest.approx(most + 0.025)


def test_an_outage_is_asked_again_and_a_single_failure_is_not(work: Workspace) -> None:
    asked = items(8)
    with Server(chat("self.n"), refusal(400), chat("self.n"), refusal(500)) as server:
        system = endpoint(server, retries=0)
        with pytest.raises(Stopped, match="server, 5 times"):
            answer_all(system, asked, system.batch, work)
        kept = answered_before(work.scratch / "rival.answered.jsonl")
        assert [each.void for each in kept] == [None, "protocol", None]
        server.replies.append(chat("self.n"))
        found = answer_all(endpoint(server, retries=0), asked, 1, work)
    assert [each.void for each in found] == [None, "protocol", *[None] * 6]
    assert len(server.asked) == 3 + 5 + 5
