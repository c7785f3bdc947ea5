"""Remember the lines in which a search finds nothing, so that a line of a thousand texts is searched once.

In: a search that gives the places of a text at which it begins to look closer, and texts. Out: which of a text's lines
are worth a look. Only for searches that need no more than one line to know whether to look: what they then find may
reach over several. The versions of a file, and the pairs that are cut from it, share nearly all of their lines.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from itertools import accumulate

# Of lines that are noted together; those before them are kept as well, 14 MiB with all that a set needs.
MOST_CHARS = 2 << 20
FEW = 3  # different loud lines of a text that are looked for one by one, which C does


class QuietLines:
    """The lines that one search has seen. `places` gives the offsets in a text that are worth a look, in any order.

    When they become too many, those that nobody asked for since the last time are forgotten.
    """

    def __init__(self, places: Callable[[str], Iterable[int]]) -> None:
        self._places = places
        self._quiet: set[str] = set()
        self._loud: set[str] = set()
        self._older: tuple[set[str], set[str]] = (set(), set())  # quiet and loud ones
        self._size = 0

    def loud(self, lines: list[str]) -> list[int]:
        """Give the numbers of the lines that are worth a look, from 0."""
        if self._quiet.issuperset(lines):  # as most texts are: one pass over the lines
            return []
        if new := set(lines) - self._quiet - self._loud:
            if self._size > MOST_CHARS:
                self._older = self._quiet, self._loud
                self._quiet, self._loud, self._size = set(), set(), 0
                new = set(lines)
            self._note(new)
        loud = self._loud.intersection(lines)
        if len(loud) > FEW:
            return [number for number, line in enumerate(lines) if line in loud]
        return sorted(number for line in loud for number in _all_places(lines, line))

    def _note(self, lines: set[str]) -> None:
        """Note lines as quiet or loud; only those that are not known from before are searched."""
        self._size += sum(map(len, lines))
        quiet, loud = (lines & older for older in self._older)
        self._quiet |= quiet
        self._loud |= loud
        if new := list(lines - quiet - loud):
            found = set(self._searched(new))
            self._loud |= found
            self._quiet.update(new)
            self._quiet -= found

    def _searched(self, lines: list[str]) -> Iterator[str]:
        if places := list(self._places("\n".join(lines))):
            starts = [0, *accumulate(len(line) + 1 for line in lines)]
            yield from (lines[bisect_right(starts, place) - 1] for place in places)


def _all_places(lines: list[str], line: str) -> Iterator[int]:
    place = -1
    for _ in range(lines.count(line)):
        place = lines.index(line, place + 1)
        yield place
