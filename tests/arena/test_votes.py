"""A vote that was acknowledged is there: after a kill, beside other writers, and never twice."""

from __future__ import annotations

import os
import signal
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.pipelines import ROOT
from tuner.arena.votes import CHOICES, Choice, Vote, Votes
from tuner.errors import DataError, MachineError, RunError, TunerError

ITEMS = "5" * 64
# Votes as fast as it can, and says each duel once its vote is stored.
VOTING = """
import sys
from pathlib import Path
from tuner.arena.votes import Vote, Votes
votes = Votes(Path(sys.argv[1]), "5" * 64)
voter = votes.enter(sys.argv[2], 1.0).number
for number in range(100_000):
    assert votes.cast(Vote(voter, f"duel-{number}", "item", "base", "tuned", "left", 1.0), 2.0)
    print(f"duel-{number}", flush=True)
"""


@pytest.fixture
def votes(tmp_path: Path) -> Iterator[Votes]:
    opened = Votes(tmp_path / "arena/votes.sqlite", ITEMS)
    yield opened
    opened.close()


def vote(voter: int, duel: str = "d1", choice: Choice = "left") -> Vote:
    return Vote(voter, duel, "i1", "base", "tuned", choice, 3.5)


def test_votes_are_read_as_they_were_cast(votes: Votes) -> None:
    anna, ben = votes.enter("anna", 1.0), votes.enter("ben", 2.0)
    assert (anna.number, ben.number) == (1, 2)
    cast = [vote(1, f"d{number}", choice) for number, choice in enumerate(CHOICES)] + [vote(2)]
    assert all(votes.cast(each, 5.0) for each in cast)
    assert votes.all() == cast
    assert votes.of(2) == [vote(2)]


def test_the_same_name_is_the_same_voter(votes: Votes) -> None:
    assert votes.enter("anna", 1.0) == votes.enter("anna", 9.0) == votes.voter("anna")
    assert votes.voter("Anna") is None


def test_a_second_vote_on_the_same_duel_changes_nothing(votes: Votes) -> None:
    voter = votes.enter("anna", 1.0).number
    assert votes.cast(vote(voter), 2.0)
    assert not votes.cast(vote(voter, choice="right"), 3.0)
    assert votes.all() == [vote(voter)]


def test_a_vote_taken_back_can_be_cast_again_and_stays_in_the_file(votes: Votes) -> None:
    voter = votes.enter("anna", 1.0).number
    votes.cast(vote(voter, "d1"), 2.0)
    votes.cast(vote(voter, "d2"), 3.0)
    assert votes.take_back(voter)
    assert votes.of(voter) == [vote(voter, "d1")]
    assert votes.cast(vote(voter, "d2", "right"), 4.0)
    assert [each.choice for each in votes.of(voter)] == ["left", "right"]
    kept = sqlite3.connect(votes.path).execute("SELECT duel, choice, taken_back FROM votes ORDER BY number").fetchall()
    assert kept == [("d1", "left", 0), ("d2", "left", 1), ("d2", "right", 0)]


def test_there_is_nothing_to_take_back_before_the_first_vote(votes: Votes) -> None:
    assert not votes.take_back(votes.enter("anna", 1.0).number)


def test_who_has_ended_votes_no_more_and_takes_nothing_back(votes: Votes) -> None:
    voter = votes.enter("anna", 1.0).number
    votes.cast(vote(voter), 2.0)
    votes.end(voter, 3.0)
    again = votes.enter("anna", 4.0)
    assert again.ended
    assert not votes.cast(vote(voter, "d2"), 5.0)
    assert not votes.take_back(voter)
    assert votes.all() == [vote(voter)]


def test_many_voters_and_threads_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "votes.sqlite"
    opened = [Votes(path, ITEMS), Votes(path, ITEMS)]  # as two servers on one run

    def voting(number: int) -> None:
        mine = opened[number % 2]
        voter = mine.enter(f"voter {number}", 1.0).number
        for duel in range(15):
            assert mine.cast(vote(voter, f"d{duel}"), 2.0)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(voting, range(6)))
    assert len({(each.voter, each.duel) for each in opened[0].all()}) == 6 * 15
    for each in opened:
        each.close()


def test_the_same_vote_from_two_threads_is_one(votes: Votes) -> None:
    voter = votes.enter("anna", 1.0).number
    with ThreadPoolExecutor(4) as pool:
        stored = list(pool.map(lambda _: votes.cast(vote(voter), 2.0), range(16)))
    assert stored.count(True) == 1


def test_a_kill_in_the_middle_of_voting_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "votes.sqlite"
    voting = [
        subprocess.Popen([sys.executable, "-c", VOTING, str(path), name], stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for name in ("anna", "ben")
    ]
    acknowledged: list[list[str]] = [[], []]

    def listen(place: int) -> None:
        for line in voting[place].stdout or []:
            acknowledged[place].append(line.strip())
            if len(acknowledged[place]) == 25 + 10 * place:
                os.kill(voting[place].pid, signal.SIGKILL)

    listeners = [threading.Thread(target=listen, args=(place,)) for place in (0, 1)]
    for each in listeners:
        each.start()
    for each in listeners:
        each.join()
    assert [each.wait() for each in voting] == [-signal.SIGKILL, -signal.SIGKILL]
    assert all(len(each) >= 25 for each in acknowledged)
    opened = Votes(path, ITEMS)
    for name, said in zip(("anna", "ben"), acknowledged, strict=True):
        voter = opened.voter(name)
        assert voter is not None
        stored = [each.duel for each in opened.of(voter.number)]
        assert stored[: len(said)] == said
        assert len(stored) <= len(said) + 3  # stored, but killed or unread before it was said
    assert opened._connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    opened.close()


def test_the_file_is_for_this_account_alone(votes: Votes) -> None:
    votes.enter("anna", 1.0)
    for path in votes.path.parent.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path.name


def test_votes_about_other_items_are_refused(votes: Votes) -> None:
    with pytest.raises(DataError) as caught:
        Votes(votes.path, "6" * 64)
    assert str(caught.value) == (
        f"{votes.path}: its votes are about items 555555555555, this run has 666666666666\n"
        "hint: the file is another run's; move it away to begin anew"
    )


def test_a_file_of_another_schema_is_refused(votes: Votes) -> None:
    votes._connection.execute("PRAGMA user_version = 7")
    with pytest.raises(DataError) as caught:
        Votes(votes.path, ITEMS)
    assert str(caught.value) == (
        f"{votes.path}: schema is 7, wanted 1\n"
        "hint: it was written by another version of tuner, or by another program; move it away to begin anew"
    )


def test_a_database_of_another_program_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "votes.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE bookmarks (url TEXT)")
    with pytest.raises(DataError, match="schema is 0, wanted 1"):
        Votes(path, ITEMS)


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "votes.sqlite"
    path.write_text("votes: none, this is a letter, and a long one\n" * 40, encoding="utf-8")
    before = path.read_bytes()
    with pytest.raises(DataError) as caught:
        Votes(path, ITEMS)
    assert str(caught.value) == (
        f"{path}: not a sound SQLite database: file is not a database\nhint: restore it, or move it away to begin anew"
    )
    assert path.read_bytes() == before


def test_a_locked_file_is_named_and_the_vote_can_be_cast_later(tmp_path: Path) -> None:
    opened = Votes(tmp_path / "votes.sqlite", ITEMS, wait_seconds=0.05)
    voter = opened.enter("anna", 1.0).number
    with sqlite3.connect(opened.path, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RunError) as caught:
            opened.cast(vote(voter), 2.0)
        assert opened.all() == []  # reading waits for nobody
        other.execute("ROLLBACK")
    assert str(caught.value) == (
        f"{opened.path}: another program has held it locked for 0.05 s\n"
        "hint: close what has it open, such as a database browser; votes that were confirmed are kept"
    )
    assert opened.cast(vote(voter), 3.0)
    opened.close()


def test_a_folder_in_place_of_the_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "votes.sqlite").mkdir()
    with pytest.raises(MachineError) as caught:
        Votes(tmp_path / "votes.sqlite", ITEMS)
    assert str(caught.value) == (
        f"{tmp_path / 'votes.sqlite'}: cannot be written: Is a directory\nhint: votes need a folder that can be written"
    )


def test_a_full_disk_is_named_and_what_was_stored_stays(votes: Votes) -> None:
    voter = votes.enter("anna", 1.0).number
    assert votes.cast(vote(voter), 2.0)
    pages = votes._connection.execute("PRAGMA page_count").fetchone()[0]
    votes._connection.execute(f"PRAGMA max_page_count = {pages}")  # as if nothing more went onto the disk
    with pytest.raises(TunerError, match="cannot be written: database or disk is full"):
        for number in range(500):
            votes.cast(vote(voter, f"duel-{number}-{'x' * 200}"), 3.0)
    assert vote(voter) in votes.all()
