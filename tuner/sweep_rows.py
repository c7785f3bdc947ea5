"""Make what the trainings of a sweep read: rows for each variant, and one file of validation rows for all of them.

In: repositories, a base and the variants. Out: `rows/` with training rows of each dataset that the variants need, the
baseline's validation rows, and `prepared.json`, written last. The repositories are mined once.

A dataset is made with its evaluation items, so that no training row is a copy of one. Then the items are removed, with
all else of the datasets: the trainings that follow could not read them. Refused: validation rows that a variant trains
on, and a baseline without validation rows.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from tuner.errors import DataError
from tuner.pipeline import MEMORY, Pipeline, Said
from tuner.progress import Progress
from tuner.records import Addition, Base, Dataset, Mined, Repo, Row, from_json, read_jsonl, sha256_file, to_json
from tuner.rundir import Run, write_atomically
from tuner.variants import Variants

ROWS, DATASETS, MARKER = "rows", "datasets", "prepared.json"
VALID = "rows/valid.jsonl"


@dataclass(frozen=True, slots=True)
class Rows:
    """The training rows of one variant, with their hash, and the dataset that they are from."""

    path: str
    sha256: str
    dataset: Dataset


@dataclass(frozen=True, slots=True)
class Prepared:
    """All that the trainings read: rows by variant, and the validation rows' hash.

    `commits` gives the commit of each validation row that comes from one after the cut.
    """

    valid_sha256: str
    commits: dict[str, str]
    rows: dict[str, Rows]


def prepare(
    folder: Path, repos: list[Repo], repo: Repo, base: Base, variants: Variants, progress: Progress, said: Said
) -> Prepared:
    """Make the rows, unless they are there; `repo` stands for `repos` where there are several."""
    marker = folder / ROWS / MARKER
    if not marker.is_file():
        (folder / ROWS).mkdir(exist_ok=True)
        _share_memory(folder)
        made: dict[str, Rows] = {}
        rows: dict[str, Rows] = {}
        for variant in variants.all:
            # what only decides the training leaves the dataset the same
            recipe = variant.recipe.model_copy(update={"train": variants.baseline.recipe.train, "base": base.name})
            run = Run.create(folder / DATASETS, repo, base, recipe, repos)
            ident = run.manifest["id"]
            if ident not in made:
                Pipeline(run, repos, base, recipe, progress, said).upto("dataset")
                dataset = run.record("dataset", Dataset)
                made[ident] = Rows(f"{ROWS}/{ident}.jsonl", run.verified(dataset.train), dataset)
                link(run.folder / dataset.train, folder / made[ident].path)
                if variant is variants.baseline:
                    valid_sha256, commits = run.verified(dataset.valid), commits_of(run, dataset)
                    link(run.folder / dataset.valid, folder / VALID)
            rows[variant.name] = made[ident]
        prepared = Prepared(valid_sha256, commits, rows)
        require_apart(folder, prepared)
        write_atomically(marker, json.dumps(json.loads(to_json(prepared)), indent=1, sort_keys=True) + "\n")
    shutil.rmtree(folder / DATASETS, ignore_errors=True)
    return read_prepared(folder)


def read_prepared(folder: Path) -> Prepared:
    """Read what a sweep's trainings were given, from the sweep's folder."""
    marker = folder / ROWS / MARKER
    if not marker.is_file():
        raise DataError(f"{folder}: no sweep has got as far as its rows there", "name a folder with rows/prepared.json")
    return from_json(Prepared, json.loads(marker.read_text(encoding="utf-8")), str(marker))


def valid_rows(folder: Path, prepared: Prepared) -> list[Row]:
    """Read the rows that judge; they must be those that the baseline's dataset gave."""
    require_same(folder / VALID, prepared.valid_sha256)
    return list(read_jsonl(folder / VALID, Row))


def require_same(path: Path, sha256: str) -> None:
    """Refuse rows that are missing, or were altered since they were made."""
    if not path.is_file() or sha256_file(path) != sha256:
        raise DataError(
            f"{path}: missing, or altered since it was made", "remove the folder of the sweep and repeat the command"
        )


def link(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where the file system cannot; a target that exists is replaced."""
    partial = target.with_name(f".{target.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        os.link(source, partial)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, partial)
    os.replace(partial, target)
    partial.unlink(missing_ok=True)  # replacing a file by its own second name does nothing


def commits_of(run: Run, dataset: Dataset) -> dict[str, str]:
    """Find the commits that added what the validation rows ask for: rows of one commit are not independent."""
    judging = {row.pair_id for row in read_jsonl(run.folder / dataset.valid, Row)}
    additions = read_jsonl(run.folder / run.record("mine", Mined).additions, Addition)
    return {each.id: each.commit for each in additions if each.id in judging}


def _share_memory(folder: Path) -> None:
    """Let mining remember where it does for every run, beside the runs."""
    memory, here = folder.parent / MEMORY, folder / DATASETS / MEMORY
    memory.mkdir(exist_ok=True)
    here.parent.mkdir(exist_ok=True)
    if not here.is_symlink():
        here.symlink_to(memory.resolve(), target_is_directory=True)


def require_apart(folder: Path, prepared: Prepared) -> None:
    """Refuse validation rows that any variant trains on, and a sweep that nothing can judge."""
    judging = {row.pair_id for row in valid_rows(folder, prepared)}
    if not judging:
        raise DataError(
            "the baseline's dataset has no validation rows, by which a sweep judges",
            'SET="dataset.valid_share=0.2 dataset.valid_rows=64" keeps more later commits for it',
        )
    for name, rows in prepared.rows.items():
        trained = next((row.pair_id for row in read_jsonl(folder / rows.path, Row) if row.pair_id in judging), None)
        if trained is not None:
            raise DataError(
                f"{name}: trains on pair {trained}, which is among the validation rows that judge all variants",
                "report it; a sweep over other settings may work",
            )
