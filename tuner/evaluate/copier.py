"""The trivial system: copy from the repository as it stood at the cut. Whoever is no better than this knows nothing.

In: `mined/pairs.jsonl`, whose pairs of kind `file` are the whole files that training saw, and frozen items. Out: a
prediction without bits. Two rules, in this order, both over files of the item's repository and language, without regard
to indentation and trailing blanks:

    1. of the lines that follow the same line as the cursor's does (blank ones skipped) and begin with what is typed,
       the most frequent one; the first in the alphabet where several are
    2. of the 20 pieces of about 20 lines that BM25 finds likest to the code around the cursor, best first, the line
       that begins with what is typed and follows the line most like the one before the cursor

Where neither finds a line the answer is empty. No random choice, no order of files or items decides.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from rapidfuzz import fuzz

from tuner.bm25 import ChunkIndex
from tuner.evaluate.replay import target_bytes
from tuner.records import Item, Pair, Prediction, read_jsonl
from tuner.truncation import cut

LINES_BEFORE, LINES_AFTER = 12, 4  # what BM25 is asked for: the code around the cursor, as retrieval does
PIECES = 20
BATCH = 64

Place = tuple[str, str]  # repository and language


class Copier:
    """Answer by copying lines of the training files."""

    batch = BATCH
    times_alone = True

    def __init__(self, name: str, pairs: Path) -> None:
        self.name = name
        self.about = {"copies from": "the repository's files at the cut"}
        self._files: dict[tuple[str, str], list[str]] = {}
        self._languages: dict[tuple[str, str], str] = {}
        self._after: dict[Place, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
        for pair in read_jsonl(pairs, Pair):
            if pair.kind == "file":
                self._add(pair)
        self._indexes: dict[str, ChunkIndex] = {}

    def answer(self, items: Sequence[Item]) -> Iterator[Prediction]:
        """Answer the items in their order."""
        for item in items:
            raw = self._copied(item)
            yield Prediction(item.id, raw, cut(item, raw), None, target_bytes(item), None, None, None)

    def complete(self, item: Item) -> str:
        """Answer one item."""
        return cut(item, self._copied(item))

    def figures(self, items: Sequence[Item]) -> dict[str, float]:
        """Give none."""
        return {}

    def _add(self, pair: Pair) -> None:
        lines = pair.response.split("\n")
        self._files[pair.repo, pair.path] = lines
        self._languages[pair.repo, pair.path] = pair.language
        filled = [line.strip() for line in lines if line.strip()]
        after = self._after[pair.repo, pair.language]
        for line, following in pairwise(filled):
            after[line][following] += 1

    def _copied(self, item: Item) -> str:
        *above, line = item.prefix.split("\n")
        typed = line.lstrip()
        before = next((each.strip() for each in reversed(above) if each.strip()), "")
        found = self._most_frequent(item, before, typed) or self._nearest(item, above, before, typed)
        return found[len(typed) :] if found else ""

    def _most_frequent(self, item: Item, before: str, typed: str) -> str | None:
        after = self._after.get((item.repo, item.language))
        following = after.get(before, Counter()) if after else Counter()
        fitting = [(-count, line) for line, count in following.items() if _continues(line, typed)]
        return min(fitting)[1] if fitting else None

    def _nearest(self, item: Item, above: Sequence[str], before: str, typed: str) -> str | None:
        query = "\n".join([*above[-LINES_BEFORE:], typed, *item.suffix.split("\n")[:LINES_AFTER]])
        index = self._index(item.repo)
        for chunk in index.search(query, PIECES, lambda path: self._languages[item.repo, path] == item.language):
            lines = [each.strip() for each in self._files[item.repo, chunk.path][chunk.first : chunk.last]]
            filled = ["", *(each for each in lines if each)]
            fitting = [
                (-fuzz.ratio(earlier, before), at, line)
                for at, (earlier, line) in enumerate(pairwise(filled))
                if _continues(line, typed)
            ]
            if fitting:
                return min(fitting)[2]
        return None

    def _index(self, repo: str) -> ChunkIndex:
        index = self._indexes.get(repo)
        if index is None:
            index = self._indexes[repo] = ChunkIndex()
            for path in index.in_order(path for name, path in self._files if name == repo):
                index.add(path, "\n".join(self._files[repo, path]))
            index.seal()
        return index


def _continues(line: str, typed: str) -> bool:
    return line.startswith(typed) and len(line) > len(typed)
