"""The log is asked for once where it is short, and from git each time where it is long."""

from __future__ import annotations

from pathlib import Path

from tuner.mine.held_log import HeldLog
from tuner.mine.history import read_commits
from tuner.mine.plumbing import Git
from tuner.records import Repo


def test_the_commits_are_the_same_each_time_held_or_not(tiny: Path, tiny_opened: Repo) -> None:
    git = Git(tiny)
    read = list(read_commits(git, tiny_opened.revision, 100))
    held, too_long = (HeldLog(git, tiny_opened.revision, 100, room) for room in (1_000, len(read)))
    for _ in range(2):
        assert list(held) == list(too_long) == read
    assert next(iter(held)) is next(iter(held))
    assert next(iter(too_long)) is not next(iter(too_long))
    held.forget()
    assert next(iter(held)) is not next(iter(held))


def test_a_log_that_was_not_read_to_its_end_is_not_held(tiny: Path, tiny_opened: Repo) -> None:
    log = HeldLog(Git(tiny), tiny_opened.revision, 100)
    first = next(iter(log))
    assert len(list(log)) > 1
    assert next(iter(log)) == first
