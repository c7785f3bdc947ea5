"""Take out of training what copies an evaluated addition, so that no answer was seen beforehand.

In: the added text behind the evaluation items, and one training pair at a time. Out: the pair, the parts of it that are
left, or nothing. A part is a copy when a stretch as long as the addition has a 5-gram Jaccard similarity of at least
`dataset.near_duplicate` with it, or when it repeats 40 consecutive words of it. Such copies come from moved, backported
and cherry-picked code. From a file the copied lines are cut, and the pieces around them stay as pairs of their own, so
that no two lines become neighbours that were none; a pair of any other kind is dropped.

Only what a pair teaches (`response`) is looked at. An addition's surroundings are old code and stay in training; so do
additions of fewer than 20 words, whose lines the flag `novel` of an item accounts for.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tuner.dataset.grams import GRAM, WORD, Hashes, found_in, jaccard, runs_of, word_hashes
from tuner.records import Pair

COPIED_RUN = 40  # consecutive words
FEWEST_WORDS = 20  # in an addition; shorter ones are idioms that occur all over a repository
FEWEST_LEFT = 20  # words in a piece of a file; less teaches nothing


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What is left of a pair: itself, pieces of it, or nothing; and how many of its lines were cut."""

    pairs: list[Pair]
    lines_cut: int


class FutureCopies:
    """Find copies of added texts, compared at `threshold`."""

    def __init__(self, added: Iterable[str], threshold: float) -> None:
        self.threshold = threshold
        self._regions: list[Hashes] = []
        self._lengths: list[int] = []
        runs = [np.empty(0, dtype=np.uint64)]
        for text in dict.fromkeys(added):
            words = word_hashes(text)
            if len(words) >= FEWEST_WORDS:
                self._regions.append(np.unique(runs_of(words, GRAM)))
                self._lengths.append(len(words))
                runs.append(runs_of(words, COPIED_RUN))
        self._runs = np.unique(np.concatenate(runs))
        empty = [np.empty(0, dtype=np.uint64)]
        self._grams = np.unique(np.concatenate(self._regions or empty))
        self._owners: dict[int, list[int]] = {}
        for owner, grams in enumerate(self._regions):
            for gram in grams.tolist():
                self._owners.setdefault(gram, []).append(owner)
        self._fewest = min((self._wanted(grams) for grams in self._regions), default=0)

    def clean(self, pair: Pair) -> Cleaned:
        """Take the copies out of a pair."""
        spans = self.copied_words(pair.response)
        if not spans:
            return Cleaned([pair], 0)
        if pair.kind != "file":
            return Cleaned([], 0)
        lines = pair.response.splitlines(keepends=True)
        copied = _lines_of(spans, pair.response, lines)
        pieces: list[str] = []
        piece: list[str] = []
        for number, line in enumerate([*lines, ""]):
            if number in copied or number == len(lines):
                text = "".join(piece)
                if len(WORD.findall(text)) >= FEWEST_LEFT:
                    pieces.append(text)
                piece = []
            else:
                piece.append(line)
        kept = [
            Pair.make(
                "file",
                response=text,
                path=pair.path,
                language=pair.language,
                commit=pair.commit,
                committed_at=pair.committed_at,
            )
            for text in pieces
        ]
        return Cleaned(kept, len(copied))

    def copied_words(self, text: str) -> list[tuple[int, int]]:
        """List the stretches of a text that copy an addition, as first word and the word after the last."""
        words = word_hashes(text)
        grams = runs_of(words, GRAM)
        hits = found_in(grams, self._grams)
        if not self._regions or int(hits.sum()) < min(self._fewest, COPIED_RUN - GRAM + 1):
            return []
        starts = np.flatnonzero(found_in(runs_of(words, COPIED_RUN), self._runs)).tolist()
        spans = [(start, start + COPIED_RUN) for start in starts]
        shared = Counter(owner for gram in np.unique(grams[hits]).tolist() for owner in self._owners[gram])
        for owner, count in sorted(shared.items()):
            if count >= self._wanted(self._regions[owner]):
                spans += self._similar_stretches(grams, owner)
        return spans

    def _similar_stretches(self, grams: Hashes, owner: int) -> list[tuple[int, int]]:
        """Slide a window of the addition's length over the text, and compare where enough 5-grams are shared."""
        region, length = self._regions[owner], self._lengths[owner]
        size = min(length - GRAM + 1, len(grams))
        sums = np.concatenate([[0], np.cumsum(found_in(grams, region))])
        inside = sums[size:] - sums[:-size]
        step, reached = max(1, size // 20), 0
        spans = []
        for start in np.flatnonzero(inside >= self._wanted(region)).tolist():
            if start < reached:
                continue
            if jaccard(np.unique(grams[start : start + size]), region) >= self.threshold:
                spans.append((start, start + size + GRAM - 1))
                reached = start + size
            else:
                reached = start + step
        return spans

    def _wanted(self, grams: Hashes) -> int:
        # Jaccard >= t needs at least t of the addition's own 5-grams
        return max(1, math.ceil(self.threshold * len(grams)))


def _lines_of(spans: list[tuple[int, int]], text: str, lines: list[str]) -> set[int]:
    """Turn stretches of words into numbers of lines."""
    ends = np.cumsum([len(line) for line in lines])
    starts = np.fromiter((match.start() for match in WORD.finditer(text)), dtype=np.int64)
    line_of_word = np.searchsorted(ends, starts, side="right")
    return {
        number for first, after in spans for number in range(int(line_of_word[first]), int(line_of_word[after - 1]) + 1)
    }
