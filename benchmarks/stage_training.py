"""Train with the train stage, as a contestant: rows in, the stage's outcome in a folder.

In: a base, rows, settings. Out: the folder with `adapter/`, `metrics.jsonl` and `timings.jsonl`. The stage gets no
validation row, so that it neither spends time on them nor chooses a step by them.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tuner.progress import Progress
from tuner.recipe import TrainSettings
from tuner.records import Base, Dataset, Row, write_jsonl
from tuner.rundir import Workspace
from tuner.train import launch


def train_stage(
    base: Base,
    rows: Iterable[Row],
    settings: TrainSettings,
    max_tokens: int,
    end_token: str,
    seed: int,
    folder: Path,
    progress: Progress,
) -> Path:
    """Train in `folder`, and give the folder of what the stage left."""
    work = Workspace(folder / "run", folder / "out", folder / "scratch", progress)
    for each in (work.run / "data", work.out, work.scratch):
        each.mkdir(parents=True)
    dataset = Dataset("data/train.jsonl", "data/valid.jsonl", "", "", "", {}, {}, {})
    write_jsonl(work.run / dataset.train, rows)
    write_jsonl(work.run / dataset.valid, [])
    launch.run(base, dataset, settings, max_tokens, end_token, seed, work)
    return work.out
