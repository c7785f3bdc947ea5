"""Find what a retrieval plug-in would show beside a cursor: the likest pieces of the repository at the cut.

In: `mined/pairs.jsonl`, whose pairs of kind `file` are the whole, redacted files that training saw, and an item. Out:
at most `count` pieces of about 20 lines, the likest last, next to the cursor. So retrieval knows what the adapter
knows, no more and no less; in an editor it would also see files written since.

Left out: pieces of another language, and those of which a third of the lines already stand around the cursor.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

from tuner.bm25 import ChunkIndex
from tuner.records import Item, Neighbour, Pair, read_jsonl

LINES_BEFORE, LINES_AFTER = 12, 4  # the query: what stands around the cursor
SEEN_LINES = 40  # what stands in sight of the cursor, on each side
MOST_SEEN_SHARE = 0.3
CANDIDATES = 20
MIN_SHARED = 3  # rare words that a piece has in common with the query


class Retrieval:
    """An index over the files of every repository of a run."""

    def __init__(self, pairs: Path, count: int) -> None:
        self.count = count
        self._texts: dict[tuple[str, str], tuple[str, list[str]]] = {}
        for pair in read_jsonl(pairs, Pair):
            if pair.kind == "file":
                self._texts[pair.repo, pair.path] = pair.language, pair.response.split("\n")
        self._indexes: dict[str, ChunkIndex] = {}

    def neighbours(self, item: Item) -> Sequence[Neighbour]:
        """Give the likest pieces for an item, the likest last; none where nothing shares a rare word with it."""
        before, after = item.prefix.split("\n"), item.suffix.split("\n")
        query = "\n".join([*before[-LINES_BEFORE:], *after[:LINES_AFTER]])
        seen = {line.strip() for line in [*before[-SEEN_LINES:], *after[:SEEN_LINES]]}
        index = self._index(item.repo)
        chosen: list[Neighbour] = []
        fits = functools.partial(self._is_in, item.repo, item.language)
        for chunk in index.search(query, CANDIDATES, fits, MIN_SHARED):
            lines = self._texts[item.repo, chunk.path][1][chunk.first : chunk.last]
            filled = [line.strip() for line in lines if line.strip()]
            if sum(line in seen for line in filled) <= MOST_SEEN_SHARE * len(filled):
                chosen.append(Neighbour(chunk.path, "\n".join(lines).strip("\n") + "\n"))
            if len(chosen) == self.count:
                break
        return chosen[::-1]

    def _is_in(self, repo: str, language: str, path: str) -> bool:
        return self._texts[repo, path][0] == language

    def _index(self, repo: str) -> ChunkIndex:
        index = self._indexes.get(repo)
        if index is None:
            index = self._indexes[repo] = ChunkIndex()
            for path in index.in_order(path for name, path in self._texts if name == repo):
                index.add(path, "\n".join(self._texts[repo, path][1]))
            index.seal()
        return index
