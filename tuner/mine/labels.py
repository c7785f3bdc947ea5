"""What later history says of a commit's lines: where their file went, whether a fix soon took them away, what survived.

In: the commits before the cut, newest first. Out: for each file of a commit the path that it has at the cut, whether
its added lines are a bad example (`fixed_soon`), and a weight for sampling. Only history up to the cut is asked: what
happened later is what the evaluation is about.

    weight = max(0.2, 0.5 ^ (age / half_life)) * (1 + survival) / 2
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from tuner.mine.history import Change

DAY_SECONDS = 86_400
LEAST_FRESHNESS = 0.2


class Lineage:
    """Follow renames back from the cut. Feed it the changes of every commit, newest first."""

    def __init__(self) -> None:
        self._later: dict[str, str] = {}

    def note(self, changes: Iterable[Change]) -> None:
        """Learn the renames of one commit."""
        moved = {each.old_path: self.at_cut(each.path) for each in changes if each.status[:1] == "R"}
        self._later.update(moved)

    def at_cut(self, path: str) -> str:
        """Give the name that a path of this moment has at the cut."""
        return self._later.get(path, path)


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of the lines that a commit added to one file."""

    fixed_soon: bool
    survival: float


class Fates:
    """Judge commits, newest first. `lines_at_cut` gives the telling lines of a file, hashed; None where it is gone."""

    def __init__(self, fixed_within_days: int, lines_at_cut: Callable[[str], frozenset[int] | None]) -> None:
        self._window = fixed_within_days * DAY_SECONDS
        self._lines_at_cut = lines_at_cut
        self._taken: dict[tuple[str, int], int] = {}
        self._order: deque[tuple[int, tuple[str, int]]] = deque()

    def judge(self, path: str, added: list[int], committed_at: int) -> Fate:
        """Judge the lines that a commit added to `path` (as it is called at the cut)."""
        soon = any(
            0 <= self._taken.get((path, line), committed_at + self._window + 1) - committed_at <= self._window
            for line in added
        )
        alive = self._lines_at_cut(path)
        survival = len(alive.intersection(added)) / len(added) if alive and added else 0.0
        return Fate(soon and self._window > 0, survival)

    def note_fix(self, path: str, removed: list[int], committed_at: int) -> None:
        """Remember what a fix took away, for as long as the window lasts."""
        while self._order and self._order[0][0] > committed_at + 2 * self._window:
            date, key = self._order.popleft()
            if self._taken.get(key) == date:
                del self._taken[key]
        for line in removed:
            self._taken[path, line] = committed_at  # the earliest fix after a commit is the one met last
            self._order.append((committed_at, (path, line)))


def freshness(committed_at: int, cut_at: int, half_life_days: int) -> float:
    """Give 1 for code of the cut's day, half after each half-life, and never less than 0.2."""
    age_days = max(0, cut_at - committed_at) / DAY_SECONDS
    return max(LEAST_FRESHNESS, 0.5 ** (age_days / half_life_days))


def weight(committed_at: int, cut_at: int, half_life_days: int, survival: float = 1.0) -> float:
    """Give the sampling weight of a pair, from 0.1 to 1, to four digits."""
    return round(freshness(committed_at, cut_at, half_life_days) * (1 + survival) / 2, 4)
