"""Find out what each row is from: its pair's path, language, commit and date, and how its response begins and ends.

In: the ids of the rows, `mined/pairs.jsonl` and the additions behind validation rows, each read once. Out: an `Origin`
for each id. Pieces of a file from which copies of evaluated additions were cut have ids of their own: their text is
looked up in the files that were cut, the only texts held. A row that is found neither way has no origin, which the
audit reports.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from tuner.records import Addition, Pair, RowKind

EDGE = 40  # characters at each end of a response that must be in its row


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a row is from. `edges` are the beginning and the end of its response, as `comparable` writes them."""

    kind: RowKind
    repo: str
    path: str
    language: str
    commit: str
    committed_at: int
    edges: tuple[str, str]


Source = tuple[str, str]  # a repository's name, and a path in it


class Origins:
    """The origins of the rows, built from the pairs in one reading."""

    def __init__(
        self, pairs: Iterable[Pair], additions: Iterable[Addition], wanted: set[str], cut_open: set[str]
    ) -> None:
        """Read what rows are from; `wanted` are their ids, `cut_open` those of files that lost copied lines."""
        self.pairs: Counter[str] = Counter()
        self._by_id: dict[str, Origin] = {}
        self._opened: list[tuple[str, Origin]] = []
        for pair in pairs:
            self.pairs[pair.kind] += 1
            if pair.id in wanted:
                self._by_id[pair.id] = _origin(pair)
            if pair.id in cut_open and pair.kind == "file":
                self._opened.append((comparable(pair.response), _origin(pair)))
        for each in additions:
            if each.id in wanted:
                about = (each.repo, each.path, each.language, each.commit, each.committed_at)
                self._by_id[each.id] = Origin("addition", *about, ("", ""))

    def of(self, pair_id: str, kind: RowKind, learned: str) -> Origin | None:
        """Give the origin of a row by its pair's id; that of a piece of a file by the text that it teaches."""
        found = self._by_id.get(pair_id)
        if found is not None or kind != "file":
            return found
        text = comparable(learned).strip("\ufffd")  # a window may begin or end in the middle of a character
        return next((origin for whole, origin in self._opened if text and text in whole), None)


def comparable(text: str) -> str:
    """Write text as a tokenizer that normalises gives it back: Qwen's composes characters (NFC)."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _origin(pair: Pair) -> Origin:
    text = comparable(pair.response).strip()
    return Origin(
        pair.kind, pair.repo, pair.path, pair.language, pair.commit, pair.committed_at, (text[:EDGE], text[-EDGE:])
    )
