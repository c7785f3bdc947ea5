"""Clean and render the pairs, and write the training rows that fit the budget.

In: the surveyed pairs. Out: `data/train.jsonl`. Dropped, with counted reasons: copies of later additions
(`copy_of_future`), pairs whose completion does not fit a row (`too_long`) and rows that are there already
(`duplicate_row`); left out, with counts: what is above the budget. Pairs are rendered in seeded order, and only until
there is enough to choose from, so that a large repository costs no more tokenizing than a small one.

A file gives many windows, so that files are rendered in plain seeded order and it is their windows that are drawn by
weight. Any other pair gives one row, and is drawn by weight before it is rendered.
"""

from __future__ import annotations

from collections import Counter, deque
from pathlib import Path

from tuner.dataset.future_copies import FutureCopies
from tuner.dataset.order import rank
from tuner.dataset.pair_file import PairFile
from tuner.dataset.sample import (
    HEIR_ORDER,
    UNLIMITED,
    Pool,
    PooledRow,
    above_folder_share,
    choose_rows,
    folder_of,
    row_turn,
)
from tuner.dataset.survey import Entry, Survey
from tuner.recipe import DatasetSettings
from tuner.records import PAIR_KINDS, Pair, Rejected, RowKind, content_id
from tuner.render import Renderer
from tuner.rundir import Workspace

POOL_FACTOR = 6  # windows are drawn from this many times the budget, so that they come from many files


class RowMaker:
    """Render pairs into a pool, and write the rows that are chosen from it."""

    def __init__(
        self,
        pairs: PairFile,
        survey: Survey,
        future: FutureCopies,
        renderer: Renderer,
        settings: DatasetSettings,
        seed: int,
        work: Workspace,
    ) -> None:
        self.pairs, self.renderer, self.settings, self.seed = pairs, renderer, settings, seed
        self.work, self.future, self.entries = work, future, survey.entries
        self.shares: dict[RowKind, float] = {kind: getattr(settings.shares, kind) for kind in PAIR_KINDS}
        self.rejected: list[Rejected] = []
        self._rows: set[str] = set()
        self.counts: Counter[str] = Counter(
            {
                "lines_cut": 0,
                "neighbours_cut": 0,
                "left_out_by_budget.pairs": 0,
                "left_out_by_budget.rows": 0,
                "over_folder_share": 0,
            }
        )

    def write(self, path: Path) -> list[PooledRow]:
        """Write the rows within the budget."""
        max_tokens, folder_share = self.settings.max_train_tokens, self.settings.folder_share
        with Pool(self.work.scratch / "train.pool", self.seed) as pool:
            queues = {kind: deque(self._queue(kind)) for kind in HEIR_ORDER}
            drawn = {kind: queue for kind, queue in queues.items() if self.shares[kind] > 0}
            for kind, queue in drawn.items():
                wanted = UNLIMITED if max_tokens is None else self._wanted(kind, max_tokens)
                self._fill(pool, kind, queue, wanted, folder_share)
            for kind, queue in drawn.items():  # a kind that ran out leaves its share to the others
                missing = (max_tokens or 0) + self.settings.max_tokens - sum(pool.tokens.values())
                self._fill(pool, kind, queue, pool.tokens[kind] + missing, 1.0)
            self.counts["left_out_by_budget.pairs"] += sum(map(len, queues.values()))
            chosen = choose_rows(pool.rows, self.shares, max_tokens, folder_share)
            available = sum(pool.tokens.values())
            self.counts["left_out_by_budget.rows"] += len(pool.rows) - len(chosen)
            self.counts["over_folder_share"] += above_folder_share(
                chosen, min(available, max_tokens or available), folder_share
            )
            pool.write(path, chosen)
            return chosen

    def _wanted(self, kind: RowKind, max_tokens: int) -> float:
        # a file gives many windows, so more files are rendered than needed; other pairs give one row each
        share = max_tokens * self.shares[kind]
        return share * POOL_FACTOR if kind == "file" else share + self.settings.max_tokens

    def _fill(self, pool: Pool, kind: RowKind, queue: deque[Entry], enough: float, folder_share: float) -> None:
        """Render pairs until there are enough tokens; those of folders that gave their share wait for the others."""
        waiting: deque[Entry] = deque()
        with self.work.progress.track(f"rendering {kind}", total=len(queue), unit="pair") as track:
            while (queue or waiting) and pool.tokens[kind] < enough:
                is_first_look = bool(queue)
                entry = queue.popleft() if is_first_look else waiting.popleft()
                if is_first_look and pool.folder_tokens[kind, folder_of(entry.file)] >= folder_share * enough:
                    waiting.append(entry)
                    continue
                self._render(pool, entry)
                track.advance()
        queue.extendleft(reversed(waiting))

    def _queue(self, kind: RowKind) -> list[Entry]:
        own = self.entries[kind]
        if kind == "file":
            return sorted(own, key=lambda entry: (rank(self.seed, "pair", entry.id), entry.offset))
        return sorted(own, key=lambda entry: (row_turn(self.seed, entry.weight, entry.id, 0), entry.id, entry.offset))

    def _render(self, pool: Pool, entry: Entry) -> None:
        cleaned = self.future.clean(self.pairs.at(entry.offset))
        self.counts["lines_cut"] += cleaned.lines_cut
        self.counts["neighbours_cut"] += cleaned.neighbours_cut
        reasons = {"copy_of_future"} if cleaned.lines_cut or not cleaned.pairs else set()
        for pair in cleaned.pairs:
            reasons |= self._add_rows(pool, pair)
        self.rejected += [Rejected(entry.id, "dataset", reason) for reason in sorted(reasons)]

    def _add_rows(self, pool: Pool, pair: Pair) -> set[str]:
        """Add the rows of a cleaned pair, and name the reasons for which any was dropped."""
        rows = self.renderer.rows(pair, self.settings.max_tokens)
        reasons = set() if rows else {"too_long"}
        for number, row in enumerate(rows):
            # the last word, over all that a row shows: texts that are clean alone may be a copy side by side
            if self.future.holds_copy(self.renderer.decode(row.input_ids)):
                reasons.add("copy_of_future")
            elif (key := content_id(str(row.input_ids), str(row.labels))) in self._rows:
                reasons.add("duplicate_row")  # two pairs can look alike once they are cut to length
            else:
                self._rows.add(key)
                pool.add(row, number, pair)
        return reasons
