"""What a process of a training is given, as a file that every process of every machine can read.

In: what the stage was given. Out: `job.json` in the stage's scratch folder, and the same again in each process. Paths
are whole, so that a shared folder must be mounted at one place everywhere. Nothing here needs torch.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tuner.errors import RunError
from tuner.recipe import TrainSettings
from tuner.records import Adapter, Base, Dataset, from_json, to_json
from tuner.replayed import Replay
from tuner.rundir import write_atomically

JOB = "job.json"
FINISHED = "finished"  # folder of what the first process leaves
OUTCOME = "outcome.json"  # written last: what is beside it is whole


@dataclass(frozen=True, slots=True)
class Job:
    """The arguments of the train stage, and the run folder."""

    run: str
    base: Base
    dataset: Dataset
    settings: TrainSettings
    max_tokens: int
    end_token: str
    seed: int
    replay: Replay | None

    def write(self, path: Path) -> None:
        """Write the job for the processes."""
        others = {name: getattr(self, name) for name in ("run", "max_tokens", "end_token", "seed")}
        records = {name: getattr(self, name) and asdict(getattr(self, name)) for name in ("base", "dataset", "replay")}
        settings = self.settings.model_dump(mode="json")
        write_atomically(path, json.dumps({**others, **records, "settings": settings}, indent=1) + "\n")

    @classmethod
    def read(cls, path: Path) -> Job:
        """Read a job."""
        values: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        values["settings"] = TrainSettings.model_validate(values["settings"])
        kinds = {"base": Base, "dataset": Dataset, "replay": Replay}
        for name, kind in kinds.items():
            values[name] = values[name] and from_json(kind, values[name], f"{path}: {name}")
        return cls(**values)


def job_of_run(place: Path) -> Path:
    """Find the job of a run folder, or take the file itself."""
    if place.is_file():
        return place.resolve()
    found = sorted(place.glob(f".scratch-train-*/{JOB}"))
    if not found:
        raise RunError(f"{place}: no training waits there", "`tuner train --set train.nodes=...` leaves one")
    return found[-1].resolve()


def write_outcome(scratch: Path, adapter: Adapter) -> None:
    """Say that the training is finished, and what it left."""
    write_atomically(scratch / OUTCOME, to_json(adapter))


def read_outcome(scratch: Path) -> Adapter | None:
    """Give what a finished training left, or None."""
    path = scratch / OUTCOME
    if not path.is_file():
        return None
    return from_json(Adapter, json.loads(path.read_text(encoding="utf-8")), str(path))
