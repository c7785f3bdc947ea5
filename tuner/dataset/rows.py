"""Clean and render the pairs of one side of the split, and write the rows that fit its budget.

In: the surveyed pairs. Out: a file of rows. Dropped, with counted reasons: copies of evaluated additions
(`copy_of_future`) and pairs whose completion does not fit a row (`too_long`); left out, with counts: what is above the
budget. Pairs are rendered in seeded order, and only until there is enough to choose from, so that a large repository
costs no more tokenizing than a small one.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tuner.dataset.future_copies import FutureCopies
from tuner.dataset.order import rank
from tuner.dataset.pair_file import PairFile
from tuner.dataset.sample import HEIR_ORDER, Pool, PooledRow, choose_rows
from tuner.dataset.split import Side, choose_valid_paths, side_of
from tuner.dataset.survey import Entry, Survey
from tuner.recipe import DatasetSettings
from tuner.records import PairKind, Rejected
from tuner.render import Renderer
from tuner.rundir import Workspace

POOL_FACTOR = 6  # windows are drawn from this many times the budget, so that they come from many files
FEWEST_VALID_TOKENS = 4_000  # the loss is only watched: more would cost training time and decide nothing


class RowMaker:
    """Render pairs of one side into a pool, and write the rows that are chosen from it."""

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
        self.valid_paths = choose_valid_paths(
            (entry.path for entry in survey.entries["file"]), settings.valid_share, seed
        )
        self.shares: dict[PairKind, float] = {
            "file": settings.file_share,
            "infilling": settings.infilling_share,
            "body": settings.body_share,
            "edit": settings.edit_share,
        }
        self.rejected: list[Rejected] = []
        self.counts: Counter[str] = Counter(
            {"lines_cut": 0, "left_out_by_budget.pairs": 0, "left_out_by_budget.rows": 0}
        )

    def write(self, side: Side, path: Path) -> list[PooledRow]:
        """Write one side's rows within its budget."""
        max_tokens = self._budget(side)
        with Pool(self.work.scratch / f"{side}.pool", self.seed) as pool:
            missing = 0.0
            for kind in HEIR_ORDER:
                wanted = float("inf") if max_tokens is None else self._wanted(kind, max_tokens) + missing
                self._fill(pool, side, kind, wanted if self.shares[kind] > 0 else 0.0)
                if kind == "file" and max_tokens is not None:
                    missing = max(0.0, max_tokens * self.shares[kind] - pool.tokens[kind])
            chosen = choose_rows(pool.rows, self.shares, max_tokens)
            self.counts["left_out_by_budget.rows"] += len(pool.rows) - len(chosen)
            pool.write(path, chosen)
            return chosen

    def _budget(self, side: Side) -> int | None:
        budget = self.settings.max_train_tokens
        if side == "train" or budget is None:
            return budget
        return max(FEWEST_VALID_TOKENS, int(self.settings.valid_share * budget))

    def _wanted(self, kind: PairKind, max_tokens: int) -> float:
        # a file gives many windows, so more files are rendered than needed; other pairs give one row each
        share = max_tokens * self.shares[kind]
        return share * POOL_FACTOR if kind == "file" else share + self.settings.max_tokens

    def _fill(self, pool: Pool, side: Side, kind: PairKind, enough: float) -> None:
        queue = self._queue(side, kind)
        with self.work.progress.track(f"rendering {side} {kind}", total=len(queue), unit="pair") as track:
            for number, entry in enumerate(queue):
                if pool.tokens[kind] >= enough:
                    self.counts["left_out_by_budget.pairs"] += len(queue) - number
                    return
                self._render(pool, entry)
                track.advance()

    def _queue(self, side: Side, kind: PairKind) -> list[Entry]:
        share = self.settings.valid_share
        mine = [
            entry
            for entry in self.entries[kind]
            if side_of(kind, entry.path, entry.commit, self.valid_paths, share, self.seed) == side
        ]
        return sorted(mine, key=lambda entry: (rank(self.seed, "pair", entry.id), entry.offset))

    def _render(self, pool: Pool, entry: Entry) -> None:
        cleaned = self.future.clean(self.pairs.at(entry.offset))
        if cleaned.lines_cut or not cleaned.pairs:
            self.rejected.append(Rejected(entry.id, "dataset", "copy_of_future"))
            self.counts["lines_cut"] += cleaned.lines_cut
        for pair in cleaned.pairs:
            rows = self.renderer.rows(pair, self.settings.max_tokens)
            if not rows:
                self.rejected.append(Rejected(entry.id, "dataset", "too_long"))
            for number, row in enumerate(rows):
                pool.add(row, number)
