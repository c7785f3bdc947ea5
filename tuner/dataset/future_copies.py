"""Take out of training what copies a later addition, so that no answer was seen beforehand.

In: the added text behind the evaluation items and the validation rows, and one training pair at a time. Out: the pair,
the parts of it that are left, or nothing. A part is a copy when a stretch as long as the addition has a 5-gram Jaccard
similarity of at least `dataset.near_duplicate` with it, or when it repeats 40 consecutive words of it. Such copies come
from moved, backported and cherry-picked code.

Every text that a row can show is looked at, also what is read and not learned, so that the rule can be checked on the
rows themselves (`holds_copy`). From a file the copied lines are cut, and the pieces around them stay as pairs of their
own, so that no two lines become neighbours that were none. A hole is dropped when the copy touches what fills it; else
the text around it ends where the copy begins. Another file beside a hole is left out. A pair that is shown as a request
is dropped whole: its code cannot be cut without making its answer wrong.

Additions of fewer than 20 words stay: their lines are idioms, and the flag `novel` of an item accounts for them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from tuner.dataset.grams import GRAM, WORD, Hashes, found_in, runs_of, word_count, word_hashes
from tuner.dataset.pair_file import altered
from tuner.records import CHAT_KINDS, Pair

COPIED_RUN = 40  # consecutive words
FEWEST_WORDS = 20  # in an addition; shorter ones are idioms that occur all over a repository
FEWEST_LEFT = 20  # words in a piece of a file, or before a hole; less teaches nothing
Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What is left of a pair: itself, pieces of it, or nothing; how many of its lines and neighbours were cut."""

    pairs: list[Pair]
    lines_cut: int
    neighbours_cut: int


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
        neighbours = [each for each in pair.neighbours if not self.holds_copy(each.text)]
        cut = len(pair.neighbours) - len(neighbours)
        pair = altered(pair, neighbours=neighbours) if cut else pair
        if pair.kind == "file":
            pieces, lines_cut = self._pieces(pair.response)
            return Cleaned([altered(pair, response=text) for text in pieces] if lines_cut else [pair], lines_cut, cut)
        if pair.kind in CHAT_KINDS:
            texts = (pair.instruction, pair.context, pair.response)
            held = any(map(self.holds_copy, (*texts, "\n".join(texts))))
            return Cleaned([] if held else [pair], 0, cut)
        kept = self._around_the_hole(pair)
        if kept is None:
            return Cleaned([], 0, cut)
        return Cleaned([kept], (pair.context + pair.suffix).count("\n") - (kept.context + kept.suffix).count("\n"), cut)

    def holds_copy(self, text: str) -> bool:
        """Say whether a text holds a copy of an addition."""
        return bool(self.copied_words(text))

    def copied_words(self, text: str) -> list[Span]:
        """List stretches of a text that copy an addition, as first word and the word after the last.

        There is one where there is a copy; copies that overlap each other may come as one.
        """
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

    def _similar_stretches(self, grams: Hashes, owner: int) -> list[Span]:
        """Slide a window of the addition's length over the text, and take the best of those that are alike."""
        region, size = self._regions[owner], min(self._lengths[owner] - GRAM + 1, len(grams))
        sums = np.concatenate([[0], np.cumsum(found_in(grams, region))])
        # repeated 5-grams count more than once here, so that no window is missed
        promising = np.flatnonzero(sums[size:] - sums[:-size] >= self._wanted(region))
        alike: list[tuple[int, float]] = []
        runs = np.split(promising, np.flatnonzero(np.diff(promising) > 1) + 1) if len(promising) else []
        for run in runs:
            first, last = int(run[0]), int(run[-1])
            similarities = _similarities(grams[first : last + size].tolist(), size, set(region.tolist()))
            alike += [(first + at, each) for at, each in enumerate(similarities) if each >= self.threshold]
        spans: list[Span] = []
        while alike:
            best = max((each for each in alike if each[0] < alike[0][0] + size), key=lambda each: (each[1], -each[0]))
            spans.append((best[0], best[0] + size + GRAM - 1))
            alike = [each for each in alike if each[0] >= best[0] + size]
        return spans

    def _wanted(self, grams: Hashes) -> int:
        # Jaccard >= t needs at least t of the addition's own 5-grams
        return max(1, math.ceil(self.threshold * len(grams)))

    def _pieces(self, text: str) -> tuple[list[str], int]:
        """Cut the copied lines out of a text until none is left, and count them."""
        waiting, pieces, lines_cut = [text], [], 0
        while waiting:
            text = waiting.pop(0)
            spans = self._characters(text)
            if not spans:
                pieces.append(text)
                continue
            lines = text.splitlines(keepends=True)
            copied = _lines_of(spans, lines)
            lines_cut += len(copied)
            piece: list[str] = []
            for number, line in enumerate([*lines, ""]):
                if number in copied or number == len(lines):
                    waiting += ["".join(piece)] if word_count("".join(piece)) >= FEWEST_LEFT else []
                    piece = []
                else:
                    piece.append(line)
        return pieces, lines_cut

    def _around_the_hole(self, pair: Pair) -> Pair | None:
        """Shorten what stands around a hole until it holds no copy; None when the copy touches what is learned."""
        context, suffix = pair.context, pair.suffix
        while True:
            asked = context + pair.instruction
            taught = len(context), len(asked + pair.response)
            # each text alone as well: one that is shorter than the addition is compared as a whole
            texts = [(0, context), (taught[0], pair.instruction), (len(asked), pair.response), (taught[1], suffix)]
            texts.append((0, asked + pair.response + suffix))
            spans = [(at + start, at + end) for at, text in texts for start, end in self._characters(text)]
            if any(start < taught[1] and end > taught[0] for start, end in spans):
                return None
            if not spans:
                break
            ends = [end for _, end in spans if end <= taught[0]]
            starts = [start for start, _ in spans if start >= taught[1]]
            if ends:
                context = context[max(ends) :].partition("\n")[2]
            if starts:
                suffix = suffix[: suffix.rfind("\n", 0, min(starts) - taught[1]) + 1]
        changed = (context, suffix) != (pair.context, pair.suffix)
        if changed and word_count(context + pair.instruction) < FEWEST_LEFT:
            return None
        return altered(pair, context=context, suffix=suffix) if changed else pair

    def _characters(self, text: str) -> list[Span]:
        """List the copies in a text as offsets of characters."""
        spans = self.copied_words(text)
        places = [match.span() for match in WORD.finditer(text)] if spans else []
        return [(places[first][0], places[after - 1][1]) for first, after in spans]


def _similarities(grams: list[int], size: int, region: set[int]) -> list[float]:
    """Give the Jaccard similarity with `region` of every window of `size` 5-grams."""
    counts = Counter(grams[:size])
    common = len(region & counts.keys())
    found = []
    for start in range(len(grams) - size + 1):
        found.append(common / (len(counts) + len(region) - common))
        if start + size == len(grams):
            break
        entering, leaving = grams[start + size], grams[start]
        common += counts[entering] == 0 and entering in region
        counts[entering] += 1
        counts[leaving] -= 1
        if not counts[leaving]:
            del counts[leaving]
            common -= leaving in region
    return found


def _lines_of(spans: list[Span], lines: list[str]) -> set[int]:
    """Turn offsets of characters into numbers of lines."""
    ends = np.cumsum([len(line) for line in lines])
    numbers = [np.searchsorted(ends, [start, end - 1], side="right").tolist() for start, end in spans]
    return {number for first, last in numbers for number in range(first, last + 1)}
