"""Find pairs that are copies of other pairs of their kind, so that training does not see the same code many times over.

In: all pairs of the training side, twice. Out: for each copy, the path of what it copies; of a group of copies the
newest is kept, and of equally new ones the first by path. What is compared is what a pair is about: the whole file; of
a hole what fills it and the signature before it, since holes of one file share their surroundings; else request, code
and answer together. Texts of fewer than 20 words are not compared here: exact copies are found by their hash before.

Three filters, each cheaper than the next: a table of counted 5-grams leaves out every text that shares too little with
all others together; MinHash with locality-sensitive hashing (https://github.com/ekzhu/datasketch) proposes pairs; the
exact Jaccard similarity decides. Memory holds the table and a kibibyte or two for each text that passes the first
filter, never a text or its 5-grams: those are read again for the few comparisons that are proposed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from datasketch import LeanMinHash, MinHash, MinHashLSH

from tuner.dataset.grams import Hashes, gram_set, jaccard, word_count
from tuner.records import INFILLING_KINDS, Pair, RowKind, content_id

FEWEST_WORDS = 20  # shorter texts are alike by chance
PERMUTATIONS = 128
TABLE_BITS = 25  # 32 MiB whatever the size of the repository; a collision only costs one more comparison
RECALL_WEIGHTS = (0.1, 0.9)  # a false proposal costs a comparison, a missed one leaves a copy in training
REMEMBERED = 256  # texts whose 5-grams are at hand while copies are compared


@dataclass(frozen=True, slots=True)
class Candidate:
    """A text that may be a copy: where it can be read again, and what decides which of two is kept."""

    offset: int
    kind: RowKind
    pair_id: str
    path: str
    committed_at: int

    @property
    def order(self) -> tuple[int, str, str]:
        """The newest first, then by path."""
        return -self.committed_at, self.path, self.pair_id


def compared_text(pair: Pair) -> str:
    """Give the text by which a pair is compared with others of its kind."""
    if pair.kind == "file":
        return pair.response
    if pair.kind in INFILLING_KINDS:
        return pair.instruction + pair.response
    return "\n".join((pair.instruction, pair.context, pair.response))


class NearDuplicates:
    """Count every text, then offer every text again, then ask for the copies."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self._table = np.zeros(1 << TABLE_BITS, dtype=np.uint8)
        self._offered: list[tuple[Candidate, LeanMinHash]] = []

    def count(self, kind: RowKind, text: str) -> bool:
        """Note the 5-grams of a text; False where it is too short to be compared."""
        if word_count(text) < FEWEST_WORDS:
            return False
        slots = np.unique(_slots(_grams(kind, text)))
        self._table[slots] = np.minimum(self._table[slots], 1) + 1
        return True

    def offer(self, candidate: Candidate, text: str) -> None:
        """Keep a sketch of a text if it may be a copy; all texts must have been counted."""
        grams = _grams(candidate.kind, text)
        if float(np.mean(self._table[_slots(grams)] >= 2)) < self.threshold:
            return
        sketch = MinHash(num_perm=PERMUTATIONS, hashfunc=int)
        sketch.update_batch((grams >> np.uint64(32)).tolist())
        self._offered.append((candidate, LeanMinHash(sketch)))

    def copies(self, read: Callable[[int], str]) -> dict[str, str]:
        """Map the pair id of each copy to the path of what it copies; `read` gives the text at an offset again."""

        @lru_cache(maxsize=REMEMBERED)
        def grams_of(kind: RowKind, offset: int) -> Hashes:
            return _grams(kind, read(offset))

        proposals = MinHashLSH(threshold=self.threshold, num_perm=PERMUTATIONS, weights=RECALL_WEIGHTS)
        kept: dict[int, Candidate] = {}
        found: dict[str, str] = {}
        for each, sketch in sorted(self._offered, key=lambda offered: offered[0].order):
            for other in sorted((kept[offset] for offset in proposals.query(sketch)), key=lambda one: one.order):
                alike = jaccard(grams_of(other.kind, other.offset), grams_of(each.kind, each.offset))
                if alike >= self.threshold:
                    found[each.pair_id] = other.path
                    break
            else:
                kept[each.offset] = each
                proposals.insert(each.offset, sketch)
        return found


def _grams(kind: RowKind, text: str) -> Hashes:
    """Give the 5-grams of a text, salted by its kind, so that one search serves all kinds and mixes none."""
    return gram_set(text) ^ _salt(kind)


@lru_cache
def _salt(kind: RowKind) -> np.uint64:
    return np.uint64(int(content_id(kind), 16))


def _slots(grams: Hashes) -> Hashes:
    return grams >> np.uint64(64 - TABLE_BITS)
