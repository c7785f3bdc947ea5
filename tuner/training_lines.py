"""Tell whether an answer stands verbatim in what the adapter was trained on.

In: the mined pairs, of which the responses are what is learned. Out: hashes of their lines, and of each line with the
one before it; texts are not held. Lines are compared without blanks at their ends, and empty ones are passed over.
A run of lines counts as copied when each pair of neighbours stands in the training text: an exact search would find
nothing else but for chains of two texts that share a line.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

LEXEME = re.compile(r"\w+|[^\w\s]")
FEWEST_CHARS = 6  # visible characters of a line that says something
SPAN = 50  # lexemes that are copied and not met by chance


@dataclass(frozen=True, slots=True)
class TrainingLines:
    """Hashed lines and neighbouring lines of all training text."""

    single: frozenset[int]
    paired: frozenset[int]

    @staticmethod
    def of(texts: Iterable[str]) -> TrainingLines:
        """Hash the lines of the texts."""
        single: set[int] = set()
        paired: set[int] = set()
        for text in texts:
            lines = told_lines(text)
            single.update(map(hash, lines))
            paired.update(map(hash, itertools.pairwise(lines)))
        return TrainingLines(frozenset(single), frozenset(paired))

    def has_line(self, line: str) -> bool:
        """Tell whether a line stands there; lines that say next to nothing do not count."""
        return len("".join(line.split())) >= FEWEST_CHARS and hash(line.strip()) in self.single

    def longest_run(self, lines: Sequence[str]) -> int:
        """Count the lexemes of the longest run of lines that stands there."""
        longest = run = 0
        for place, line in enumerate(lines):
            if hash(line) not in self.single:
                run = 0
                continue
            goes_on = place > 0 and run > 0 and hash((lines[place - 1], line)) in self.paired
            run = (run if goes_on else 0) + len(LEXEME.findall(line))
            longest = max(longest, run)
        return longest


def told_lines(text: str) -> list[str]:
    """Give the lines of a text that hold something, without blanks at their ends."""
    return [line.strip() for line in text.split("\n") if line.strip()]
