"""Find files that are copies of other files, so that training does not see the same code many times over.

In: all whole files of the training side, twice. Out: for each copy, the file it copies; the first by path is kept.
Three filters, each cheaper than the next: a table of counted 5-grams leaves out every file that shares too little with
all others together; MinHash with locality-sensitive hashing (https://github.com/ekzhu/datasketch) proposes pairs; the
exact Jaccard similarity decides. Exact copies of any kind are found by their hash before this.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from datasketch import MinHash, MinHashLSH

from tuner.dataset.grams import Hashes, gram_set, jaccard

PERMUTATIONS = 128
TABLE_BITS = 24  # 16 MiB whatever the size of the repository; a collision only costs one more comparison
RECALL_WEIGHTS = (0.1, 0.9)  # a false proposal costs a comparison, a missed one leaves a copy in training


@dataclass(frozen=True, slots=True)
class _File:
    path: str
    pair_id: str
    grams: Hashes
    sketch: MinHash


class NearDuplicates:
    """Count every file, then offer every file again, then ask for the copies."""

    def __init__(self, threshold: float) -> None:
        self.threshold = threshold
        self._table = np.zeros(1 << TABLE_BITS, dtype=np.uint8)
        self._files: list[_File] = []

    def count(self, text: str) -> None:
        """Note the 5-grams of a file."""
        slots = np.unique(_slots(gram_set(text)))
        self._table[slots] = np.minimum(self._table[slots], 1) + 1

    def offer(self, path: str, pair_id: str, text: str) -> None:
        """Keep a sketch of a file if it may be a copy; all files must have been counted."""
        grams = gram_set(text)
        if not len(grams) or float(np.mean(self._table[_slots(grams)] >= 2)) < self.threshold:
            return
        sketch = MinHash(num_perm=PERMUTATIONS, hashfunc=int)
        sketch.update_batch((grams >> np.uint64(32)).tolist())
        self._files.append(_File(path, pair_id, grams, sketch))

    def copies(self) -> dict[str, str]:
        """Map the pair id of each copy to the path of the file that it copies."""
        proposals = MinHashLSH(threshold=self.threshold, num_perm=PERMUTATIONS, weights=RECALL_WEIGHTS)
        kept: dict[str, _File] = {}
        found: dict[str, str] = {}
        for file in sorted(self._files, key=lambda each: (each.path, each.pair_id)):
            alike = sorted((kept[each] for each in proposals.query(file.sketch)), key=lambda each: each.path)
            original = next((each for each in alike if jaccard(each.grams, file.grams) >= self.threshold), None)
            if original is not None:
                found[file.pair_id] = original.path
            elif file.pair_id not in kept:
                kept[file.pair_id] = file
                proposals.insert(file.pair_id, file.sketch)
        return found


def _slots(grams: Hashes) -> Hashes:
    return grams >> np.uint64(64 - TABLE_BITS)
