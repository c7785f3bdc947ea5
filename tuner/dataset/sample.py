"""Keep rendered rows on disk and pick as many as the budget allows, each kind by its share of the tokens.

In: rows, written to a pool file as they are rendered. Out: the chosen lines of that file in seeded order. Rows are
drawn by the weight of their pair, so that recent, surviving code comes first more often. Left out, with counts: rows
above the budget.

A kind that runs out leaves its share to whole files first, then to the other kinds. No folder gives more than
`dataset.folder_share` of the tokens while another one has rows left; after that its rows are taken again, since a
repository may have one folder only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from tuner.dataset.order import rank, turn
from tuner.dataset.split import Source
from tuner.records import PAIR_KINDS, Pair, Row, RowKind, to_json
from tuner.render import MASKED

HEIR_ORDER: tuple[RowKind, ...] = ("file", *(kind for kind in PAIR_KINDS if kind != "file"))
UNLIMITED = float("inf")


@dataclass(frozen=True, slots=True)
class PooledRow:
    """A row's place in the pool file, and what it counts for. `turn` decides whether it is drawn, `key` its place."""

    turn: float
    key: int
    kind: RowKind
    tokens: int
    supervised: int
    folder: Source
    path: str
    offset: int


class Pool:
    """Rows on disk, of which only places and lengths are held; use it in a `with` block."""

    def __init__(self, path: Path, seed: int) -> None:
        self.rows: list[PooledRow] = []
        self.tokens: dict[RowKind, int] = dict.fromkeys(PAIR_KINDS, 0)
        self.folder_tokens: Counter[tuple[RowKind, Source]] = Counter()
        self._seed = seed
        self._stream = path.open("w+b")

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.close()

    def add(self, row: Row, number: int, pair: Pair) -> None:
        """Append a row, the `number`th of its pair."""
        place = PooledRow(
            turn=row_turn(self._seed, pair.weight, row.pair_id, number),
            key=rank(self._seed, "row", row.pair_id, str(number)),
            kind=row.kind,
            tokens=len(row.input_ids),
            supervised=len(row.labels) - row.labels.count(MASKED),
            folder=folder_of((pair.repo, pair.path)),
            path=pair.path,
            offset=self._stream.tell(),
        )
        self._stream.write(to_json(row).encode("utf-8") + b"\n")
        self.rows.append(place)
        self.tokens[row.kind] += place.tokens
        self.folder_tokens[row.kind, place.folder] += place.tokens

    def write(self, path: Path, chosen: Iterable[PooledRow]) -> None:
        """Copy the chosen rows to a file, in the order given."""
        with path.open("wb") as out:
            for row in chosen:
                self._stream.seek(row.offset)
                out.write(self._stream.readline())


def folder_of(file: Source) -> Source:
    """Give the folder that a file lies in."""
    return file[0], PurePosixPath(file[1]).parent.as_posix()


def row_turn(seed: int, weight: float, pair_id: str, number: int) -> float:
    """Give a row its turn in the weighted draw."""
    return turn(seed, weight, "turn", pair_id, str(number))


def choose_rows(
    rows: Iterable[PooledRow], shares: dict[RowKind, float], max_tokens: int | None, folder_share: float
) -> list[PooledRow]:
    """Choose rows of `max_tokens` tokens at most (all of them when None), in seeded order."""
    drawn = sorted(rows, key=lambda row: (row.turn, row.key, row.offset))
    if max_tokens is not None:
        drawn = _Draw(drawn, shares, folder_share * max_tokens).draw(max_tokens, folder_share)
    return sorted(drawn, key=lambda row: (row.key, row.offset))


def above_folder_share(chosen: list[PooledRow], of_tokens: int, folder_share: float) -> int:
    """Count the tokens that folders give above their share of `of_tokens`."""
    given: Counter[Source] = Counter()
    for row in chosen:
        given[row.folder] += row.tokens
    return sum(max(0, tokens - round(folder_share * of_tokens)) for tokens in given.values())


class _Draw:
    """Rows in the order of their turns, and what was taken from each folder."""

    def __init__(self, drawn: list[PooledRow], shares: dict[RowKind, float], folder_limit: float) -> None:
        self.shares, self.folder_limit = shares, folder_limit
        self.queues: dict[RowKind, list[PooledRow]] = {
            kind: [row for row in drawn if row.kind == kind] for kind in PAIR_KINDS
        }
        self.from_folder: Counter[Source] = Counter()
        self.chosen: list[PooledRow] = []

    def draw(self, max_tokens: int, folder_share: float) -> list[PooledRow]:
        """Fill each kind's share, then what is left over; first within the folders' limits, then without them."""
        missing: dict[RowKind, int] = {}
        for kind in PAIR_KINDS:
            share = int(self.shares[kind] * max_tokens)
            # within each kind too, so that the kinds drawn first do not use up a folder for the others
            missing[kind] = self._take(kind, share, Counter(), folder_share * share)
        for kind in PAIR_KINDS:
            missing[kind] = self._take(kind, missing[kind], self.from_folder, self.folder_limit)
        left = self._inherit(max_tokens - sum(row.tokens for row in self.chosen), self.folder_limit)
        for kind in PAIR_KINDS:
            own = min(missing[kind], left)
            left -= own - self._take(kind, own, self.from_folder, UNLIMITED)
        self._inherit(left, UNLIMITED)
        return self.chosen

    def _inherit(self, room: int, limit: float) -> int:
        for kind in HEIR_ORDER:
            if self.shares[kind] > 0:
                room = self._take(kind, room, self.from_folder, limit)
        return room

    def _take(self, kind: RowKind, room: int, used: Counter[Source], limit: float) -> int:
        """Take rows from the front until the next does not fit, passing over full folders; give the room left."""
        passed: list[PooledRow] = []
        queue = self.queues[kind]
        taken = 0
        for row in queue:
            if used[row.folder] + row.tokens > limit:
                passed.append(row)
            elif row.tokens > room:
                break
            else:
                self.chosen.append(row)
                room -= row.tokens
                self.from_folder[row.folder] += row.tokens
                if used is not self.from_folder:
                    used[row.folder] += row.tokens
            taken += 1
        self.queues[kind] = passed + queue[taken:]
        return room
