"""Parse a text once for all the kinds that look at it, and count between its lines and bytes.

In: a text and a language with a grammar. Out: its tree, its functions, and the ranges of lines that hold its own tests.
The last few texts are kept, since the kinds look at the same change one after another.
"""

from __future__ import annotations

import functools
from bisect import bisect_right
from itertools import accumulate, count
from operator import add

from tree_sitter import Tree

from tuner.mine import syntax
from tuner.mine.languages import Language

KEPT = 32


class Parsed:
    """A text with its tree. Offsets are bytes, lines count from 0."""

    def __init__(self, text: str, language: Language) -> None:
        self.language = language
        self.data = text.encode("utf-8", "surrogatepass")
        self.tree: Tree = syntax.parse(self.data, language)

    @functools.cached_property
    def functions(self) -> list[tuple[str, int, int]]:
        """Every named function as (name, start, end), outer ones first."""
        return syntax.all_functions(self.tree, self.data, self.language)

    @functools.cached_property
    def _line_starts(self) -> list[int]:
        return list(map(add, accumulate(map(len, self.data.split(b"\n")), initial=0), count()))  # all of it in C

    def line_at(self, offset: int) -> int:
        """Give the line that holds a byte."""
        return bisect_right(self._line_starts, offset) - 1

    def start_of(self, line: int) -> int:
        """Give the first byte of a line."""
        return self._line_starts[line]

    def text(self, start: int, end: int) -> str:
        """Give the text between two offsets."""
        return self.data[start:end].decode("utf-8", "surrogatepass")


@functools.lru_cache(maxsize=KEPT)
def parsed(text: str, language: Language) -> Parsed:
    """Give a text's tree, from the last few if it was asked for."""
    return Parsed(text, language)
