"""Remember the lines in which a search finds nothing, so that a line of a thousand texts is searched once.

In: a search that gives the places of a text at which it begins to look closer, and texts. Out: which of a text's lines
are worth a look. Only for searches that need no more than one line to know whether to look: what they then find may
reach over several. The versions of a file, and the pairs that are cut from it, share nearly all of their lines.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from itertools import accumulate

MOST_CHARS = 3 << 20  # of remembered lines, about 10 MiB with what a set needs beside them


class QuietLines:
    """The lines that one search has seen. `places` gives the offsets in a text that are worth a look, in any order."""

    def __init__(self, places: Callable[[str], Iterable[int]]) -> None:
        self._places = places
        self._known: set[str] = set()
        self._loud: set[str] = set()
        self._size = 0

    def loud(self, lines: list[str]) -> list[int]:
        """Give the numbers of the lines that are worth a look, from 0."""
        if not self._known.issuperset(lines):
            if self._size > MOST_CHARS:
                self._known.clear()
                self._loud.clear()
                self._size = 0
            self._learn(list(set(lines).difference(self._known)))
        if self._loud.isdisjoint(lines):
            return []
        return [number for number, line in enumerate(lines) if line in self._loud]

    def _learn(self, lines: list[str]) -> None:
        text = "\n".join(lines)
        self._size += len(text)
        self._known.update(lines)
        if places := list(self._places(text)):
            starts = [0, *accumulate(len(line) + 1 for line in lines)]
            self._loud.update(lines[bisect_right(starts, place) - 1] for place in places)
