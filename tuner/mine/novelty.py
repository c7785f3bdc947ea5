"""Find the parts of a text that are new beside texts in which nothing was found.

In: searched texts, and another one. Out: its pieces, of which the new ones hold a line, or three lines in this order,
that no searched text has, with the lines around. A search of many versions of a file, or of many pairs from one file,
then costs little more than a search of what differs. Of many texts only the hashes of their lines are remembered.
This is for a scanner that must be given whole texts; our own rules know which lines are quiet (`quiet`).
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from tuner.mine.placeholders import Redacted
from tuner.mine.redact import Scanner, redact

LINES_AROUND = 12  # more than any rule looks at, private keys excepted: those are new from their first line to the last
MOST_REMEMBERED = 200_000  # windows of three lines, about 12 MiB
EDGE = 1  # no hash of a line: that of the empty one is 0


class Searched:
    """The lines of texts in which nothing was found."""

    def __init__(self, *texts: str) -> None:
        self._windows: set[int] = set()
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        """Note a text in which nothing was found."""
        if len(self._windows) > MOST_REMEMBERED:
            self._windows.clear()
        self._windows.update(_windows(text.split("\n")))

    def new_pieces(self, text: str) -> Iterator[str]:
        """Yield the new pieces of a text, in order."""
        lines = text.split("\n")
        return (piece for piece, is_new in _cut(lines, _new_ranges(lines, self._windows)) if is_new)


def redact_beside(text: str, known: str | None, scanner: Scanner | None = None) -> Redacted:
    """Redact a text as `redact` does, looking only at what is new in it beside `known`, a redacted text."""
    if known is None or scanner is None:  # our own rules remember the lines that they know, wherever they stand
        return redact(text, scanner=scanner)
    counts: Counter[str] = Counter()
    pieces, shapes = [], 0
    for piece, is_new in pieces_beside(text, known):
        if is_new:
            redacted = redact(piece, scanner=scanner)
            counts.update(redacted.counts)
            shapes += redacted.shapes
            piece = redacted.text
        pieces.append(piece)
    return Redacted("\n".join(pieces), dict(sorted(counts.items())), shapes)


def pieces_beside(text: str, known: str) -> Iterator[tuple[str, bool]]:
    """Cut a text at line ends into pieces, each with whether it is new or stands within `LINES_AROUND` of that."""
    lines, others = text.split("\n"), known.split("\n")
    front = _in_common(lines, others)
    back = _in_common(lines[: front - len(lines) - 1 : -1], others[: front - len(others) - 1 : -1])
    start = max(0, front - 2)
    seen = set(_windows(others[start : len(others) - back + 2]))
    ranges = _new_ranges(lines[start : len(lines) - back + 2], seen)
    return _cut(lines, ((first + start, last + start) for first, last in ranges))


def _in_common(lines: Sequence[str], others: Sequence[str]) -> int:
    """Count the lines from the first on that are the same in both."""
    same = list(map(operator.eq, lines, others))
    return same.index(False) if False in same else len(same)


def _new_ranges(lines: list[str], seen: set[int]) -> Iterator[tuple[int, int]]:
    """Yield the ranges of lines that are new, with those around, perhaps beyond both ends."""
    start, end = 0, -1
    for number, window in enumerate(_windows(lines)):
        if window not in seen:  # the lines `number - 2` to `number`
            first = number - 2 - LINES_AROUND
            if end < 0 or first > end:
                if end >= 0:
                    yield start, end
                start = first
            end = number + 1 + LINES_AROUND
    if end >= 0:
        yield start, end


def _cut(lines: list[str], ranges: Iterable[tuple[int, int]]) -> Iterator[tuple[str, bool]]:
    done = 0
    for start, end in ranges:
        if done < start:
            yield "\n".join(lines[done:start]), False
        yield "\n".join(lines[max(start, done) : end]), True
        done = end
    if done < len(lines):
        yield "\n".join(lines[done:]), False


def _windows(lines: list[str]) -> Iterator[int]:
    """Yield a hash of each line with the two before it, and of the last lines with the end."""
    hashes = [EDGE, EDGE, *map(hash, lines), EDGE, EDGE]
    return map(hash, zip(hashes, hashes[1:], hashes[2:], strict=False))
