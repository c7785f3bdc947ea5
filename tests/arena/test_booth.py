"""What a voter meets: one duel after the other, back and forth, on again after a stop, and the ratings at the end."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.arena.arenas import TRUTH, compared_run, items, neutral_answers
from tuner.arena import booth as room
from tuner.arena.booth import Answer, Booth
from tuner.arena.duels import ROUND
from tuner.arena.stage import open_arena
from tuner.arena.votes import Votes

SYSTEMS = ("base", "tuned", "copilot-x")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = items(40)
    return compared_run(tmp_path_factory.mktemp("runs"), found, neutral_answers(SYSTEMS, found)).folder


@pytest.fixture
def booth(folder: Path, tmp_path: Path) -> Iterator[Booth]:
    from tuner.rundir import Run

    arena = open_arena(Run.find(folder))
    votes = Votes(tmp_path / "votes.sqlite", arena.items_sha256, wait_seconds=0.05)
    yield Booth(arena, votes, lambda: 1_700_000_000.0)
    votes.close()


def token(page: Answer) -> str:
    return re.findall(r'name="duel" value="(\w+)"', page.body)[0]


def cast(booth: Booth, choice: str = "left", voter: str = "anna") -> None:
    """Vote on the duel that is shown, without having it drawn."""
    found = booth.votes.voter(voter)
    assert found is not None
    judged = {each.duel for each in booth.votes.of(found.number)}
    shown = next(each for each in booth.ballot(found.number) if each.duel.id not in judged)
    booth.vote({"voter": voter, "duel": shown.token, "choice": choice, "seconds": "2.5"})


def test_a_name_is_let_in_and_known_again(booth: Booth) -> None:
    assert booth.enter({"voter": "  Ada L. "}).goto == "vote?voter=Ada+L."
    assert booth.enter({"voter": "Ada L."}).goto == "vote?voter=Ada+L."
    assert booth.votes.enter("Ada L.", 2.0).number == 1


@pytest.mark.parametrize("name", ["", "   ", "x" * 41, "a\u202eb", "a\nb", "a\tb", "\x00"])
def test_a_name_that_cannot_be_seen_whole_is_refused(booth: Booth, name: str) -> None:
    answer = booth.enter({"voter": name})
    assert answer.status == 400
    assert "a name has 1 to 40 characters, and all of them can be seen" in answer.body


def test_a_voter_who_did_not_enter_is_sent_to_the_door(booth: Booth) -> None:
    assert booth.duel({"voter": "nobody"}).goto == "./?voter=nobody"
    assert booth.vote({"voter": "nobody", "choice": "left"}).goto == "./?voter=nobody"
    assert 'value="nobody"' in booth.door({"voter": "nobody"}).body


def test_a_page_shows_the_file_the_place_and_two_answers_but_no_system_and_no_truth(booth: Booth) -> None:
    booth.enter({"voter": "anna"})
    page = booth.duel({"voter": "anna"}).body
    assert "shop/orders.py" in page and "Which would you rather have accepted?" in page
    assert page.count("<mark>") == 2
    for said in (*SYSTEMS, TRUTH[:8], "Tiny-Base", "rating"):
        assert said not in page


def test_a_vote_leads_to_another_duel_and_is_stored_with_what_stood_where(booth: Booth) -> None:
    booth.enter({"voter": "anna"})
    first = booth.duel({"voter": "anna"})
    assert "1 of 50" in first.body and "nothing stored yet" in first.body
    assert booth.vote({"voter": "anna", "duel": token(first), "choice": "right", "seconds": "4.2"}).goto
    second = booth.duel({"voter": "anna"})
    assert token(second) != token(first)
    assert "2 of 50" in second.body and "stored: right" in second.body
    (stored,) = booth.votes.all()
    shown = next(each for each in booth.ballot(1) if each.token == token(first))
    assert (stored.left, stored.right) == shown.systems
    assert (stored.duel, stored.choice, stored.seconds) == (shown.duel.id, "right", 4.2)


def test_the_same_form_sent_twice_is_one_vote(booth: Booth) -> None:
    booth.enter({"voter": "anna"})
    form = {"voter": "anna", "duel": token(booth.duel({"voter": "anna"})), "choice": "left"}
    booth.vote(form)
    booth.vote({**form, "choice": "right"})
    assert [each.choice for each in booth.votes.all()] == ["left"]


def test_undo_shows_the_last_duel_again_on_the_same_sides(booth: Booth) -> None:
    booth.enter({"voter": "anna"})
    cast(booth)
    second = booth.duel({"voter": "anna"}).body
    cast(booth, "skip")
    booth.undo({"voter": "anna"})
    assert booth.duel({"voter": "anna"}).body == second


def test_who_comes_back_goes_on_where_they_stopped(booth: Booth) -> None:
    booth.enter({"voter": "anna"})
    for _ in range(3):
        cast(booth)
    before = booth.duel({"voter": "anna"}).body
    again = Booth(booth.arena, booth.votes, booth.clock)  # as after a restart
    again.enter({"voter": "anna"})
    assert again.duel({"voter": "anna"}).body == before


def test_two_voters_have_their_own_orders_and_votes(booth: Booth) -> None:
    for name in ("anna", "ben"):
        booth.enter({"voter": name})
    cast(booth)
    assert "1 of 50" in booth.duel({"voter": "ben"}).body
    orders = [[each.duel.id for each in booth.ballot(number)] for number in (1, 2)]
    assert orders[0] != orders[1]


def test_a_pause_follows_each_round_and_the_end_the_last(booth: Booth) -> None:
    booth.enter({"voter": "anna"})
    for _ in range(ROUND):
        cast(booth, "equal")
    pause = booth.duel({"voter": "anna"}).body
    assert "Round 1 is done" in pause and "Go on with the next 50" in pause
    assert "1 of 50" in booth.duel({"voter": "anna", "round": "1"}).body
    for _ in range(len(booth.arena.duels) - ROUND):
        cast(booth, "equal")
    assert "All is voted on" in booth.duel({"voter": "anna"}).body


def test_a_voter_may_pause_at_any_moment_and_go_on(booth: Booth) -> None:
    booth.enter({"voter": "anna"})
    cast(booth)
    before = booth.duel({"voter": "anna"}).body
    assert 'href="vote?voter=anna&amp;pause="' in before
    pause = booth.duel({"voter": "anna", "pause": ""}).body
    assert "1 of your votes is stored" in pause and "Go on with the other 49" in pause
    assert booth.duel({"voter": "anna", "round": "0"}).body == before


def test_ratings_are_shown_only_to_who_has_ended_and_ending_is_for_good(booth: Booth) -> None:
    booth.enter({"voter": "anna"})
    cast(booth)
    assert booth.ratings({"voter": "anna"}).goto == "vote?voter=anna"
    assert booth.ratings({"voter": "nobody"}).goto == "vote?voter=nobody"
    late = {"voter": "anna", "duel": token(booth.duel({"voter": "anna"})), "choice": "left"}
    assert booth.end({"voter": "anna"}).goto == "ratings?voter=anna"
    page = booth.ratings({"voter": "anna"}).body
    assert all(name in page for name in SYSTEMS)
    assert booth.duel({"voter": "anna"}).goto == "ratings?voter=anna"
    booth.vote(late)
    booth.undo({"voter": "anna"})
    assert len(booth.votes.all()) == 1


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"choice": "tuned"}, "a choice is one of left, right, equal, both_bad, skip"),
        ({"duel": "0" * 16}, "this duel is not, or no longer, part of the vote"),
        ({"duel": ""}, "this duel is not, or no longer, part of the vote"),
        ({"seconds": "-1"}, "a vote takes a positive number of seconds"),
        ({"seconds": "nan"}, "a vote takes a positive number of seconds"),
        ({"seconds": "inf"}, "a vote takes a positive number of seconds"),
        ({"seconds": "<script>"}, "a vote takes a positive number of seconds"),
    ],
)
def test_what_our_page_would_not_send_is_refused_and_not_stored(
    booth: Booth, changed: dict[str, str], said: str
) -> None:
    booth.enter({"voter": "anna"})
    form = {"voter": "anna", "duel": token(booth.duel({"voter": "anna"})), "choice": "left", **changed}
    answer = booth.vote(form)
    assert answer.status == 400 and said in answer.body
    assert booth.votes.all() == []


def test_a_vote_that_cannot_be_stored_is_said(booth: Booth) -> None:
    booth.enter({"voter": "anna"})
    form = {"voter": "anna", "duel": token(booth.duel({"voter": "anna"})), "choice": "left"}
    with sqlite3.connect(booth.votes.path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        answer = booth.vote(form)
        other.execute("ROLLBACK")
    assert answer.status == 503
    assert "Nothing was stored" in answer.body and "another program has held it locked" in answer.body
    assert 'href="vote?voter=anna"' in answer.body
    assert booth.vote(form).goto == "vote?voter=anna"


def test_every_choice_of_the_page_is_one_that_is_stored(booth: Booth) -> None:
    from tuner.arena.votes import CHOICES

    booth.enter({"voter": "anna"})
    page = booth.duel({"voter": "anna"}).body
    assert tuple(re.findall(r'name="choice" value="(\w+)"', page)) == CHOICES
    keys = room.files("tuner.arena").joinpath("arena.js").read_text(encoding="utf-8")
    assert set(re.findall(r'"(left|right|equal|both_bad|skip)"', keys)) == set(CHOICES)


def test_a_name_is_escaped_wherever_it_stands(booth: Booth) -> None:
    name = "<b>\"'&"
    booth.enter({"voter": name})
    page = booth.duel({"voter": name}).body
    assert "<b>" not in page and "&lt;b&gt;" in page
