"""Hold a repository's log in memory where it is small enough, since the stage goes through it three times.

In: a `Git`, and how much may be held. Out: the same commits, newest first, as often as they are asked for. A longer log
is read from git each time, so that a long history costs time and no memory.
"""

from __future__ import annotations

from collections.abc import Iterator

from tuner.mine.history import Commit, read_commits
from tuner.mine.plumbing import Git

MOST_HELD = 60_000  # commits and changed files of all repositories together, some 40 MiB
MESSAGE_CHARS = 400  # of a message, that count as much as a changed file


class HeldLog:
    """The newest commits of one repository; `room` is what may be held of them."""

    def __init__(self, git: Git, revision: str, max_commits: int, room: int = MOST_HELD) -> None:
        self._asked, self._room = (git, revision, max_commits), room
        self._held: list[Commit] | None = None

    def __iter__(self) -> Iterator[Commit]:
        if self._held is not None:
            yield from self._held
            return
        held: list[Commit] = []
        left = self._room
        for commit in read_commits(*self._asked):
            left -= 1 + len(commit.changes) + len(commit.message) // MESSAGE_CHARS
            if left >= 0:
                held.append(commit)
            else:
                held.clear()
            yield commit
        if left >= 0:
            self._held = held

    def forget(self) -> None:
        """Free the memory; whoever asks again has git asked."""
        self._held = None
