"""Keep rendered rows on disk and pick as many as the budget allows, each kind by its share of the tokens.

In: rows, written to a pool file as they are rendered. Out: the chosen lines of that file in seeded order. Left out,
with counts: rows above the budget. A kind that runs out leaves its share to whole files first, then to the other kinds.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tuner.dataset.order import rank
from tuner.records import PAIR_KINDS, PairKind, Row
from tuner.render import MASKED

HEIR_ORDER: tuple[PairKind, ...] = ("file", *(kind for kind in PAIR_KINDS if kind != "file"))


@dataclass(frozen=True, slots=True)
class PooledRow:
    """A row's place in the pool file, and what it counts for."""

    key: int
    kind: PairKind
    tokens: int
    supervised: int
    offset: int


class Pool:
    """Rows on disk, of which only places and lengths are held; use it in a `with` block."""

    def __init__(self, path: Path, seed: int) -> None:
        self.rows: list[PooledRow] = []
        self.tokens: dict[PairKind, int] = dict.fromkeys(PAIR_KINDS, 0)
        self._seed = seed
        self._stream = path.open("w+b")

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.close()

    def add(self, row: Row, number: int) -> None:
        """Append a row, the `number`th of its pair."""
        supervised = len(row.labels) - row.labels.count(MASKED)
        place = PooledRow(
            rank(self._seed, "row", row.pair_id, str(number)),
            row.kind,
            len(row.input_ids),
            supervised,
            self._stream.tell(),
        )
        # as records.to_json writes it, without its deep copy, which takes longer than tokenizing
        values = {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
        self._stream.write(json.dumps(values, ensure_ascii=False, sort_keys=True).encode("utf-8") + b"\n")
        self.rows.append(place)
        self.tokens[row.kind] += place.tokens

    def write(self, path: Path, chosen: Iterable[PooledRow]) -> None:
        """Copy the chosen rows to a file, in the order given."""
        with path.open("wb") as out:
            for row in chosen:
                self._stream.seek(row.offset)
                out.write(self._stream.readline())


def choose_rows(rows: Iterable[PooledRow], shares: dict[PairKind, float], max_tokens: int | None) -> list[PooledRow]:
    """Choose rows of `max_tokens` tokens at most (all of them when None), in seeded order."""
    ranked = sorted(rows, key=lambda row: (row.key, row.offset))
    if max_tokens is None:
        return ranked
    queues = {kind: [row for row in ranked if row.kind == kind] for kind in PAIR_KINDS}
    taken = dict.fromkeys(PAIR_KINDS, 0)
    left_over = 0
    chosen: list[PooledRow] = []
    for kind in PAIR_KINDS:
        share = int(shares[kind] * max_tokens)
        picked, full = _fill(queues[kind], share)
        chosen += picked
        taken[kind] = len(picked)
        left_over += 0 if full else share - sum(row.tokens for row in picked)
    for kind in HEIR_ORDER:
        if shares[kind] > 0:
            picked, _ = _fill(queues[kind][taken[kind] :], left_over)
            chosen += picked
            left_over -= sum(row.tokens for row in picked)
    return sorted(chosen, key=lambda row: (row.key, row.offset))


def _fill(queue: list[PooledRow], room: int) -> tuple[list[PooledRow], bool]:
    """Take rows from the front until the next does not fit; say whether any was left."""
    picked: list[PooledRow] = []
    for row in queue:
        if row.tokens > room:
            return picked, True
        picked.append(row)
        room -= row.tokens
    return picked, False
