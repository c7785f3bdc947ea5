"""Runs of words as arrays of 64-bit hashes: what both searches for copies compare.

A word is `[A-Za-z_0-9]+`, so that layout and punctuation do not hide a copy. Sequences are hashed over whole arrays,
because a loop over words in Python would take minutes on a large repository.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
WORD = re.compile(r"[A-Za-z_0-9]+")
GRAM = 5  # words; The Stack's near-deduplication takes as many
_MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)


def word_hashes(text: str) -> Hashes:
    """Hash every word of a text, in order."""
    words = WORD.findall(text)
    return np.fromiter(map(_hash_word, words), dtype=np.uint64, count=len(words))


def word_count(text: str) -> int:
    """Count the words of a text."""
    return sum(1 for _ in WORD.finditer(text))


def runs_of(words: Hashes, length: int) -> Hashes:
    """Hash every run of `length` consecutive words; empty where there are fewer."""
    count = len(words) - length + 1
    if count <= 0:
        return np.empty(0, dtype=np.uint64)
    hashes = words[:count].copy()
    for start in range(1, length):
        hashes *= _MULTIPLIER
        hashes += words[start : start + count]
    return hashes


def gram_set(text: str) -> Hashes:
    """Give the distinct 5-grams of a text, sorted."""
    return np.unique(runs_of(word_hashes(text), GRAM))


def found_in(hashes: Hashes, ordered: Hashes) -> NDArray[np.bool_]:
    """Say for each hash whether `ordered`, which is sorted, holds it."""
    if not len(ordered):
        return np.zeros(len(hashes), dtype=np.bool_)
    places = np.searchsorted(ordered, hashes)
    places[places == len(ordered)] = 0
    return np.asarray(ordered[places] == hashes, dtype=np.bool_)


def jaccard(one: Hashes, other: Hashes) -> float:
    """Give the exact Jaccard similarity of two arrays of distinct hashes."""
    if not len(one) and not len(other):
        return 0.0
    common = len(np.intersect1d(one, other, assume_unique=True))
    return common / (len(one) + len(other) - common)


@lru_cache(maxsize=1 << 18)
def _hash_word(word: str) -> int:
    return int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "big")
