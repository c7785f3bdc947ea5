"""Find the pieces of a repository's files that share the rarest words with a piece of code: BM25 over chunks.

BM25 as in Robertson and Zaragoza (2009), k1 = 1.2 and b = 0.75. In: the texts of the files. Out: chunks of about 20
lines, best first. A term is an identifier in lower case, and each word of it (`parse_args`, `parse`, `args`): the whole
name finds the same thing, its words find what is alike, and their own rarity weighs them.

Memory is bounded: one 32-bit posting for each term of a chunk, 40 to 60 of them, and at most `MAX_CHUNKS` chunks (about
a million lines): some 12 MB of postings and 60 MB in all. Files beyond that are left out by the hash of their path, so
that which ones does not depend on the order of work. Of a query, the 24 rarest terms that find anything are looked up,
and none that one chunk in fifty has.
"""

from __future__ import annotations

import hashlib
import heapq
import math
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

K1, B = 1.2, 0.75
CHUNK_LINES, MIN_CHUNK_LINES, MAX_CHUNK_CHARS = 20, 8, 800
MAX_CHUNKS = 50_000
MAX_COUNT = 7  # term counts above this change nothing that BM25 would notice; they share a word with the chunk's number
COMMON_SHARE, COMMON_MIN, MAX_QUERY_TERMS = 0.02, 50, 24
HEAD_LINES = 60
LICENCE = re.compile(
    r"copyright|spdx-license|licensed under|all rights reserved|\bliability\b|warranties", re.IGNORECASE
)
IMPORT = re.compile(
    r"\s*(?:import\b|from\s+\S+\s+import\b|#\s*include\b|(?:pub\s+)?use\s|package\s|export .*\bfrom\b"
    r"|(?:[\w.]+\s+)?\"[\w./-]+\"\s*$|\)\s*$)"
)
IDENTIFIER = re.compile(r"[^\W\d]\w+")
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some whole lines of a file, from `first` (counted from 0) up to `last`."""

    path: str
    first: int
    last: int


class ChunkIndex:
    """An inverted index over chunks: each term's postings are chunk numbers with the term's count in the low bits."""

    def __init__(self) -> None:
        self.chunks: list[Chunk] = []
        self._lengths = array("H")
        self._norms: array[float] = array("f")
        self._dull: set[int] = set()
        self._postings: dict[str, array[int]] = {}
        self._words: dict[str, tuple[str, ...]] = {}

    def in_order(self, paths: Iterable[str]) -> list[str]:
        """Give the order in which to add files: by the hash of the path, so that a cut-off takes from everywhere."""
        return sorted(paths, key=lambda path: hashlib.sha256(path.encode("utf-8", "surrogatepass")).digest())

    def add(self, path: str, text: str) -> None:
        """Cut a file into chunks and index them; nothing happens once the index is full."""
        lines = text.split("\n")
        self._norms = array("f")
        for first, last in split(lines):
            if len(self.chunks) >= MAX_CHUNKS:
                return
            counts = Counter(self._terms("\n".join(lines[first:last])))
            number = len(self.chunks) << 3
            for term, count in counts.items():
                posting = number | (count if count < MAX_COUNT else MAX_COUNT)
                found = self._postings.get(term)
                if found is None:
                    self._postings[term] = array("I", (posting,))
                else:
                    found.append(posting)
            if _is_dull(lines[first:last], first):
                self._dull.add(len(self.chunks))
            self.chunks.append(Chunk(path, first, last))
            self._lengths.append(min(sum(counts.values()), 0xFFFF))

    def _normed(self) -> array[float]:
        mean = sum(self._lengths) / len(self._lengths) or 1.0
        self._norms = array("f", (K1 * (1 - B + B * length / mean) for length in self._lengths))
        return self._norms

    def seal(self) -> None:
        """Forget what only speeds up indexing, before the index is kept or goes to another process."""
        self._words.clear()

    def search(self, text: str, limit: int, fits: Callable[[str], bool], least: int = 1) -> list[Chunk]:
        """Give the best chunks of files that fit and that share `least` terms, best first, ties by path and line."""
        total = len(self.chunks)
        if not total:
            return []
        norms = self._norms or self._normed()
        scores: dict[int, float] = {}
        shared: Counter[int] = Counter()
        most = max(COMMON_MIN, total * COMMON_SHARE)
        known = sorted((len(self._postings[term]), term) for term in set(self._terms(text)) if term in self._postings)
        allowed: dict[str, bool] = {}
        left = MAX_QUERY_TERMS
        for found, term in known:
            if found > most or not left:
                break
            rarity = math.log(1 + (total - found + 0.5) / (found + 0.5))
            is_of_use = False
            for posting in self._postings[term]:
                number, count = posting >> 3, posting & MAX_COUNT
                path = self.chunks[number].path
                if path not in allowed:
                    allowed[path] = fits(path)
                if allowed[path] and number not in self._dull:
                    scores[number] = scores.get(number, 0.0) + rarity * count * (K1 + 1) / (count + norms[number])
                    shared[number] += 1
                    is_of_use = True
            left -= is_of_use  # a term that only the asking file has is rare, and finds nothing
        found_chunks = (
            (-score, self.chunks[each].path, self.chunks[each].first, each)
            for each, score in scores.items()
            if shared[each] >= least
        )
        return [self.chunks[each] for _, _, _, each in heapq.nsmallest(limit, found_chunks)]

    def paths_with(self, name: str) -> set[str]:
        """Give the files that have an identifier, in any case of letters."""
        return {self.chunks[posting >> 3].path for posting in self._postings.get(name.lower(), ())}

    def _terms(self, text: str) -> list[str]:
        terms: list[str] = []
        known = self._words
        for name in IDENTIFIER.findall(text):
            words = known.get(name)
            if words is None:
                words = known[name] = terms_of(name)
            terms += words
        return terms


def _is_dull(lines: list[str], first: int) -> bool:
    """Tell licence heads and lists of imports, which are alike everywhere and show nothing; they still are indexed."""
    if first < HEAD_LINES and any(LICENCE.search(line) for line in lines):
        return True
    filled = [line for line in lines if line.strip()]
    return sum(IMPORT.match(line) is not None for line in filled) * 2 > len(filled)


def terms_of(name: str) -> tuple[str, ...]:
    """Give an identifier in lower case and, where it has several, its words of three letters or more."""
    whole = name.lower()
    words = [word.lower() for word in WORD.findall(name)]
    return (whole, *(word for word in words if len(word) > 2 and word != whole)) if len(words) > 1 else (whole,)


def split(lines: list[str]) -> list[tuple[int, int]]:
    """Cut lines into chunks of at most 20 lines and 800 characters, at a blank line where the later half has one."""
    found = []
    first = 0
    while first < len(lines):
        last, size = first, 0
        while last < min(len(lines), first + CHUNK_LINES) and size + len(lines[last]) < MAX_CHUNK_CHARS:
            size += len(lines[last]) + 1
            last += 1
        last = max(last, first + 1)
        if last < len(lines):
            blank = next((at for at in range(last - 1, first + MIN_CHUNK_LINES, -1) if not lines[at].strip()), None)
            last = last if blank is None else blank + 1
        if any(line.strip() for line in lines[first:last]):
            found.append((first, last))
        first = last
    return found
