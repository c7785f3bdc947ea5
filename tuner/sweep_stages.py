"""Compose a sweep: rows for every variant, then one training after another, each judged on the same rows.

In: repositories, a base and the variants. Out: a folder `adapters/<repo>-<base>-sweep-<id>/`:

    rows/        what the trainings read, and the validation rows that judge
    trials/      what each training gave, with the bits of each validation row
    adapter/     the adapter of the best variant, or the baseline's where none is shown to be better
    sweep.json   the comparison, written last

Each training leaves a marker when it is done, so that a killed sweep goes on from there.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tuner import __version__, rundir
from tuner.environment import read_environment
from tuner.pipeline import DISK_BYTES, Said
from tuner.progress import Progress
from tuner.recipe import Recipe
from tuner.recipe_file import flatten
from tuner.records import Base, Repo, content_id, from_json, to_json
from tuner.rundir import DECIDES_NOTHING, canonical, slug, write_atomically
from tuner.sweep_rows import prepare, valid_rows
from tuner.sweep_trials import Bench
from tuner.swept import About, RowScore, Sweep, Trial, compare
from tuner.variants import Variant, Variants

R = TypeVar("R")
FILE, TRIALS, KEPT, ADAPTER = "sweep.json", "trials", "kept", "adapter"
DECIDING = ("seed", "mine", "dataset", "train")  # what of a recipe a sweep depends on
PERSONAL = ("mine.only_authors", "mine.except_authors")
Tried = Callable[[int, int, Trial, bool], None]


@dataclass(frozen=True, slots=True)
class Judged:
    """The validation rows under the base alone."""

    rows: list[RowScore]


class Sweeping:
    """One sweep; `repo` stands for `repos` where there are several."""

    def __init__(
        self, adapters: Path, repos: list[Repo], repo: Repo, base: Base, variants: Variants, grid: bool
    ) -> None:
        self.repos, self.repo, self.base, self.variants, self.grid = repos, repo, base, variants, grid
        ident = content_id(canonical(self._decides()))[:8]
        self.folder = adapters / f"{slug(repo.name)}-{slug(base.name)}-sweep-{ident}"

    def trainings(self) -> list[tuple[Variant, int]]:
        """List all trainings in their order, each with its seed."""
        baseline = self.variants.baseline
        settings = baseline.recipe.sweep
        repeats = {baseline.name: max(settings.repeats, settings.baseline_repeats)}
        return [
            (each, each.recipe.seed + number)
            for each in self.variants.all
            for number in range(repeats.get(each.name, settings.repeats))
        ]

    def run(self, progress: Progress, said: Said, tried: Tried) -> Sweep:
        """Do what is not done yet and give the result; `tried` gets each trial, and whether it was there before."""
        done = self.folder / FILE
        if done.is_file():
            return _read(done, Sweep)
        rundir.check_disk(self.folder, DISK_BYTES)
        prepared = prepare(self.folder, self.repos, self.repo, self.base, self.variants, progress, said)
        valid = valid_rows(self.folder, prepared)
        held = self.variants.all[0].recipe.evaluate.quantization
        bench = Bench(self.folder, self.repos, self.repo, self.base, valid, held, progress)
        (self.folder / TRIALS).mkdir(exist_ok=True)
        judged = self._judge_base(bench)
        trainings = self.trainings()
        trials: list[Trial] = []
        for number, (variant, seed) in enumerate(trainings):
            path = self.folder / TRIALS / f"{number:02}.json"
            kept = path.is_file()
            if not kept:
                is_first = variant.name not in {trial.variant for trial in trials}
                place = self.folder / KEPT / path.stem if is_first else None
                may_fail = variant is not self.variants.baseline
                trial = bench.attempt(variant, seed, prepared.rows[variant.name], may_fail, place)
                _write(path, trial)
                bench.clear()
            trials.append(_read(path, Trial))
            tried(number + 1, len(trainings), trials[-1], kept)
        resamples = self.variants.baseline.recipe.sweep.resamples
        sweep = compare(self._about(prepared.valid_sha256), judged.rows, trials, resamples, prepared.commits)
        chosen = next(number for number, each in enumerate(trials) if each.variant == sweep.adapter_of)
        if not (self.folder / ADAPTER).is_dir():
            (self.folder / KEPT / f"{chosen:02}").rename(self.folder / ADAPTER)
        _write(done, sweep)
        shutil.rmtree(self.folder / KEPT, ignore_errors=True)
        return sweep

    def _judge_base(self, bench: Bench) -> Judged:
        path = self.folder / TRIALS / "base.json"
        if not path.is_file():
            _write(path, Judged(bench.judge(None)))
        return _read(path, Judged)

    def _about(self, valid_sha256: str) -> About:
        recipe = self.variants.baseline.recipe
        return About(
            name=self.folder.name,
            repos=[[each.name, each.revision] for each in self.repos],
            base=slug(self.base.name),  # where it lies on this machine is nobody else's business
            base_revision=self.base.revision,
            version=__version__,
            environment=read_environment(),
            settings=_changed(recipe),
            grid=self.grid,
            valid_sha256=valid_sha256,
        )

    def _decides(self) -> dict[str, Any]:
        trainings = [
            [variant.name, seed, variant.recipe.model_dump(mode="json", include=set(DECIDING), exclude=DECIDES_NOTHING)]
            for variant, seed in self.trainings()
        ]
        return {
            "repos": [[each.name, each.revision] for each in self.repos],
            "base_revision": self.base.revision,
            "trainings": trainings,
            "resamples": self.variants.baseline.recipe.sweep.resamples,
            "version": __version__,
        }


def _changed(recipe: Recipe) -> dict[str, str]:
    """List the settings that differ from the defaults; of persons only how many are named."""
    before = flatten(Recipe())
    changed = {
        key: value
        for key, value in flatten(recipe).items()
        if key.partition(".")[0] in DECIDING and value != before[key]
    }
    return {key: f"{len(value)} names" if key in PERSONAL else str(value) for key, value in changed.items()}


def _write(path: Path, record: object) -> None:
    write_atomically(path, json.dumps(json.loads(to_json(record)), indent=1, sort_keys=True) + "\n")


def _read(path: Path, record_type: type[R]) -> R:
    return from_json(record_type, json.loads(path.read_text(encoding="utf-8")), str(path))
