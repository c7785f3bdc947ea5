"""Train one variant of a sweep on its rows, and judge it.

In: a variant, its rows, a seed, and the validation rows. Out: a `Trial`, and the adapter where it is asked for. The
training is that of `make train`, in a scratch run of its own, which is removed when the trial is done; until then it
goes on from its last checkpoint after a kill.

The training is given no validation rows, so that nothing is chosen by what judges. A seed changes initialisation and
order, not which rows are trained on. A training that fails is a trial too, with its reason.
"""

from __future__ import annotations

import gc
import math
import shutil
from dataclasses import dataclass
from pathlib import Path

from tuner.errors import TrainError
from tuner.pipeline import Pipeline
from tuner.progress import Progress
from tuner.records import Adapter, Base, Dataset, Repo, Row
from tuner.render import Renderer
from tuner.rundir import Run, Workspace
from tuner.sweep_rows import Rows, link, require_same
from tuner.swept import RowScore, Trial
from tuner.variants import Variant

WORK = "work"


class Training(Pipeline):
    """A pipeline that trains on rows which were made before, and does nothing else."""

    def train_on(self, rows: Rows, folder: Path) -> Adapter:
        """Train on the rows that lie in the sweep's folder; the file of validation rows is empty."""

        def work(workspace: Workspace) -> Dataset:
            require_same(folder / rows.path, rows.sha256)
            train, valid = (workspace.out / each for each in (rows.dataset.train, rows.dataset.valid))
            train.parent.mkdir(parents=True)
            link(folder / rows.path, train)
            valid.touch()
            return rows.dataset

        self._stage("dataset", Dataset, work, {"rows": rows.sha256}, [])
        return self._train()


@dataclass(frozen=True, slots=True)
class Bench:
    """What all trials of a sweep share; `repo` stands for `repos` where there are several.

    `quantization` is how the base is held while it judges.
    """

    folder: Path
    repos: list[Repo]
    repo: Repo
    base: Base
    valid: list[Row]
    quantization: str
    progress: Progress

    def attempt(self, variant: Variant, seed: int, rows: Rows, may_fail: bool, kept: Path | None) -> Trial:
        """Train and judge; a copy of the adapter is put at `kept`."""
        recipe = variant.recipe.model_copy(update={"seed": seed, "base": self.base.name})
        run = Run.create(self.folder / WORK, self.repo, self.base, recipe, self.repos)
        training = Training(run, self.repos, self.base, recipe, self.progress, lambda *_: None)
        try:
            adapter = training.train_on(rows, self.folder)
        except TrainError as error:
            if not may_fail:
                raise
            return Trial(variant.name, seed, 0, 0, 0.0, None, [], error.message)
        made = run.folder / adapter.folder
        scores = self.judge(made)
        if not all(math.isfinite(row.bits) for row in scores):
            lost = "its loss on the validation rows is not a number"
            if not may_fail:
                raise TrainError(
                    f"{variant.name}, seed {seed}: {lost}", 'lower the rate: SET="train.learning_rate=..."'
                )
            return Trial(variant.name, seed, 0, 0, 0.0, None, [], lost)
        if kept is not None:
            shutil.rmtree(kept, ignore_errors=True)
            shutil.copytree(made, kept)
        tokens, steps, seconds = (adapter.metrics[f"train.{name}"] for name in ("tokens", "steps", "seconds"))
        return Trial(variant.name, seed, int(tokens), int(steps), seconds, adapter.sha256, scores, None)

    def judge(self, adapter: Path | None) -> list[RowScore]:
        """Score the validation rows under the base, with an adapter or without."""
        from tuner.evaluate.validation import score_validation
        from tuner.models import load_judge

        gc.collect()  # trainer and model hold each other: a sweep would gather one after the other
        model = load_judge(self.base, adapter, self.quantization)
        vocabulary = Renderer.from_folder(Path(self.base.path), self.repos[0].name).vocabulary
        with self.progress.track("judging", total=len(self.valid), unit="row") as track:
            return score_validation(model, self.valid, vocabulary, track)

    def clear(self) -> None:
        """Remove the scratch run of the trial that was just written down, its checkpoints included."""
        shutil.rmtree(self.folder / WORK, ignore_errors=True)
