"""What later history says of a commit's lines: where their file went, whether a fix soon took them away, what survived.

In: the commits before the cut, newest first. Out: for each file of a commit the path that it has at the cut, whether
its added lines are a bad example (`fixed_soon`), and a weight for sampling; for each file at the cut a weight too. Only
history up to the cut is asked: what happened later is what the evaluation is about.

    of a change  max(0.2, 0.5 ^ (age / half_life)) * (1 + survival) / 2
    of a file    max(0.02, (warmth / the warmest file's) ^ 0.7), warmth = sum of 0.5 ^ (age / half_life) over changes
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass

from tuner.mine.history import Change

DAY_SECONDS = 86_400
LEAST_FRESHNESS = 0.2
LEAST_OF_A_FILE = 0.02
# A file that is changed twice as often gets somewhat less than twice the rows: the next change may come elsewhere.
FOLLOWS_WARMTH = 0.7


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


class Warmth:
    """How often files were changed, where a change counts half for every `half_life_days` before the cut.

    What is changed often will be changed again: most later lines come to a small part of the files.
    """

    def __init__(self, cut_at: int, half_life_days: int) -> None:
        self._cut_at, self._half_life_days = cut_at, half_life_days
        self._of: Counter[str] = Counter()

    def note(self, paths: Iterable[str], committed_at: int) -> None:
        """Learn of a change to files, by the paths that they have at the cut."""
        counts = 0.5 ** (_age_days(committed_at, self._cut_at) / self._half_life_days)
        for path in paths:
            self._of[path] += counts

    def weights(self, paths: Collection[str]) -> dict[str, float]:
        """Give the sampling weight of each file, from 0.02 to 1 for the warmest, to four digits."""
        warmest = max((self._of[path] for path in paths), default=0.0)
        if warmest == 0.0:
            return dict.fromkeys(paths, 1.0)
        return {path: round(max(LEAST_OF_A_FILE, (self._of[path] / warmest) ** FOLLOWS_WARMTH), 4) for path in paths}


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
    return max(LEAST_FRESHNESS, 0.5 ** (_age_days(committed_at, cut_at) / half_life_days))


def weight(committed_at: int, cut_at: int, half_life_days: int, survival: float) -> float:
    """Give the sampling weight of a pair from a commit, from 0.1 to 1, to four digits."""
    return round(freshness(committed_at, cut_at, half_life_days) * (1 + survival) / 2, 4)


def _age_days(committed_at: int, cut_at: int) -> float:
    return max(0, cut_at - committed_at) / DAY_SECONDS
