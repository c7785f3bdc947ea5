"""Check every row of a dataset, one at a time, and add up what the audit shows of them.

In: rows with their place in the file, and their origins. Out: `RowFigures` by kind, tokens by path, language and date,
the rows to preview, and faults in the `FaultBook`. Nothing is dropped: a faulty row is counted like any other.

Whole files are windows of `dataset.max_tokens`, so that a full one is normal; a response of any other kind must be in
its row from its first to its last character, with a stop token behind it.
"""

from __future__ import annotations

import hashlib
import heapq
from array import array
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from tuner.dataset.faults import FaultBook
from tuner.dataset.order import rank
from tuner.dataset.origins import Origin, Origins, Source, comparable
from tuner.dataset.token_view import Piece, pieces, texts
from tuner.records import PAIR_KINDS, Cut, Row, RowKind
from tuner.render import MASKED, Renderer

Side = Literal["train", "valid"]
PREVIEWS = 3  # rows of each kind
HISTOGRAM_BARS = 16


@dataclass(slots=True)
class RowFigures:
    """What the rows of one kind add up to. `lengths` counts rows in equal steps up to the longest row allowed."""

    rows: int = 0
    tokens: int = 0
    supervised: int = 0
    full: int = 0
    lengths: list[int] = field(default_factory=lambda: [0] * HISTOGRAM_BARS)

    def add(self, other: RowFigures) -> None:
        """Add the figures of other rows to these."""
        self.rows += other.rows
        self.tokens += other.tokens
        self.supervised += other.supervised
        self.full += other.full
        self.lengths = [own + more for own, more in zip(self.lengths, other.lengths, strict=True)]


@dataclass(frozen=True, slots=True)
class Preview:
    """One row to look at."""

    kind: RowKind
    place: str
    path: str
    tokens: int
    supervised: int
    pieces: list[Piece]


class RowChecks:
    """Look at one row after the other. `lines` maps the lines behind the items to the items that are marked novel."""

    def __init__(
        self,
        origins: Origins,
        renderer: Renderer,
        cut: Cut,
        max_tokens: int,
        seed: int,
        valid_commits: set[str],
        lines: Mapping[str, list[str]],
        book: FaultBook,
    ) -> None:
        self.origins, self.renderer, self.cut, self.book = origins, renderer, cut, book
        self.max_tokens, self.seed, self.valid_commits, self.lines = max_tokens, seed, valid_commits, lines
        self.figures: dict[RowKind, RowFigures] = {kind: RowFigures() for kind in PAIR_KINDS}
        self.valid = RowFigures()
        self.by_file: Counter[Source] = Counter()
        self.by_language: Counter[str] = Counter()
        self.by_time: Counter[int] = Counter()
        self.pair_ids: set[str] = set()
        self.lines_seen: set[str] = set()
        self.commits: dict[str, str] = {}  # of training, each with the first place that holds it
        self._rows_seen: dict[bytes, str] = {}
        self._samples: dict[RowKind, list[tuple[int, str, Row]]] = {kind: [] for kind in PAIR_KINDS}

    def check(self, row: Row, side: Side, place: str) -> None:
        """Check and count a row; `place` names it in faults."""
        learned = _learned(row)
        self._check_labels(row, len(learned), place)
        origin = self.origins.of(row.pair_id, row.kind, text := self.renderer.decode(learned))
        if origin is None:
            self.book.add("no_pair", place)
        else:
            self._check_origin(side, origin, place)
            if side == "train" and learned and row.kind != "file" and not self._is_whole(row, origin, text):
                self.book.add("response_cut", place)
        if side == "valid":
            self.valid.add(RowFigures(1, len(row.input_ids), len(learned)))
            return
        self.pair_ids.add(row.pair_id)
        self._check_lines(row, place)
        self._count(row, len(learned), origin)
        self._sample(row, place)

    def previews(self) -> list[Preview]:
        """Show some rows of each kind, drawn by seed."""
        drawn = [each for kind in PAIR_KINDS for each in sorted(self._samples[kind], reverse=True)]
        return [self._preview(row, place) for _, place, row in drawn]

    def _check_labels(self, row: Row, supervised: int, place: str) -> None:
        ids, labels = row.input_ids, row.labels
        if len(ids) != len(labels) or any(
            label not in (MASKED, ident) for ident, label in zip(ids, labels, strict=False)
        ):
            self.book.add("label_differs", place)
        if not supervised:
            self.book.add("fully_masked", place)
        elif row.kind != "file" and supervised == len(ids):
            self.book.add("prompt_supervised", place)
        if len(ids) > self.max_tokens:
            self.book.add("row_too_long", place)
        if any(not 0 <= ident < len(self.renderer.vocabulary) for ident in ids):
            self.book.add("unknown_token", place)
        digest = hashlib.blake2b(
            array("q", ids).tobytes() + b"|" + array("q", labels).tobytes(), digest_size=16
        ).digest()
        first = self._rows_seen.setdefault(digest, place)
        if first is not place:
            self.book.add("duplicate_row", f"{place} repeats {first}")

    def _check_origin(self, side: Side, origin: Origin, place: str) -> None:
        if (origin.committed_at > self.cut.committed_at) != (side == "valid"):
            self.book.add("wrong_side_of_cut", place)
        if side == "valid":
            if origin.commit not in self.valid_commits:
                self.book.add("valid_elsewhere", f"{place}: commit {origin.commit}")
            return
        self.commits.setdefault(origin.commit, place)
        if origin.commit in self.valid_commits:
            self.book.add("train_and_valid", f"{place}: commit {origin.commit}")

    def _is_whole(self, row: Row, origin: Origin, text: str) -> bool:
        shown = comparable(text)
        return row.input_ids[-1] in self.renderer.stop_ids and all(edge in shown for edge in origin.edges)

    def _check_lines(self, row: Row, place: str) -> None:
        found = self._lines_in(row) & self.lines.keys()
        self.lines_seen |= found
        for line in sorted(found):
            for item in self.lines[line]:
                self.book.add("novel_line_trained", f"item {item}, {place}")

    def _lines_in(self, row: Row) -> set[str]:
        stretches: Iterable[str] = texts(row.input_ids, self.renderer)
        return {comparable(line.strip()) for stretch in stretches for line in stretch.split("\n")}

    def _count(self, row: Row, supervised: int, origin: Origin | None) -> None:
        figures, tokens = self.figures[row.kind], len(row.input_ids)
        figures.rows += 1
        figures.tokens += tokens
        figures.supervised += supervised
        figures.full += tokens == self.max_tokens
        step = min((tokens - 1) * HISTOGRAM_BARS // self.max_tokens, HISTOGRAM_BARS - 1)
        figures.lengths[max(0, step)] += 1
        if origin is not None:
            self.by_file[origin.repo, origin.path] += tokens
            self.by_language[origin.language] += tokens
            self.by_time[origin.committed_at] += tokens

    def _sample(self, row: Row, place: str) -> None:
        # the smallest ranks are drawn; the heap gives the largest of them first, so it holds them negated
        key = -rank(self.seed, "audit", row.pair_id, place)
        kept = self._samples[row.kind]
        heapq.heappush(kept, (key, place, row))
        if len(kept) > PREVIEWS:
            heapq.heappop(kept)

    def _preview(self, row: Row, place: str) -> Preview:
        supervised, shown = len(_learned(row)), pieces(row, self.renderer)
        origin = self.origins.of(row.pair_id, row.kind, self.renderer.decode(_learned(row)))
        return Preview(row.kind, place, origin.path if origin else "", len(row.input_ids), supervised, shown)


def _learned(row: Row) -> list[int]:
    return [ident for ident, label in zip(row.input_ids, row.labels, strict=False) if label != MASKED]
