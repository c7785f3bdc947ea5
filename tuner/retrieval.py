"""Find what a retrieval plug-in would show beside a cursor: the likest pieces of the repository at the cut.

In: `mined/pairs.jsonl`, whose pairs of kind `file` are the whole, redacted files that training saw, and an item or the
text around a cursor. Out: at most `count` pieces of about 20 lines, the likest last, next to the cursor. So retrieval
knows what the adapter knows, no more and no less; in an editor it would also see files written since.

Left out: pieces of another language, and those of which a third of the lines already stand around the cursor.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

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
        self._languages: dict[str, str] = {}  # the ending of a path, with its dot, and the language of such files
        for pair in read_jsonl(pairs, Pair):
            if pair.kind == "file":
                self._texts[pair.repo, pair.path] = pair.language, pair.response.split("\n")
                self._languages.setdefault(PurePosixPath(pair.path).suffix, pair.language)
        self._indexes: dict[str, ChunkIndex] = {}

    def neighbours(self, item: Item) -> Sequence[Neighbour]:
        """Give the likest pieces for an item, the likest last; none where nothing shares a rare word with it."""
        return self.beside(item.prefix, item.suffix, item.repo, item.language)

    def beside(self, prefix: str, suffix: str, repo: str, language: str | None) -> Sequence[Neighbour]:
        """Give the likest pieces for a cursor, the likest last; `language` None looks at files of every language."""
        before, after = prefix.split("\n"), suffix.split("\n")
        query = "\n".join([*before[-LINES_BEFORE:], *after[:LINES_AFTER]])
        seen = {line.strip() for line in [*before[-SEEN_LINES:], *after[:SEEN_LINES]]}
        index = self._index(repo)
        chosen: list[Neighbour] = []
        fits = functools.partial(self._is_in, repo, language)
        for chunk in index.search(query, CANDIDATES, fits, MIN_SHARED):
            lines = self._texts[repo, chunk.path][1][chunk.first : chunk.last]
            filled = [line.strip() for line in lines if line.strip()]
            if sum(line in seen for line in filled) <= MOST_SEEN_SHARE * len(filled):
                chosen.append(Neighbour(chunk.path, "\n".join(lines).strip("\n") + "\n"))
            if len(chosen) == self.count:
                break
        return chosen[::-1]

    def language_of(self, path: str) -> str | None:
        """Name the language of a path by the files of the index that end alike; None where none does."""
        ending = PurePosixPath(path).suffix
        return self._languages.get(ending) if ending else None

    def _is_in(self, repo: str, language: str | None, path: str) -> bool:
        return language is None or self._texts[repo, path][0] == language

    def _index(self, repo: str) -> ChunkIndex:
        index = self._indexes.get(repo)
        if index is None:
            index = self._indexes[repo] = ChunkIndex()
            for path in index.in_order(path for name, path in self._texts if name == repo):
                index.add(path, "\n".join(self._texts[repo, path][1]))
            index.seal()
        return index
