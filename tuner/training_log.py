"""The files in which a training says how it goes, and what their lines mean.

`metrics.jsonl` holds what the training computed: a line for each step with its loss, learning rate and tokens, and a
line for each validation, `{"step": 40, "valid_loss": 1.32}`. The same training writes the same bytes. `timings.jsonl`
holds what it took: a line for each step with the seconds since the training began (those of attempts before a kill
included), this step's tokens per second, and memory. In: their lines. Out: steps and validations.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from tuner.errors import MachineError

LOG, TIMINGS, PICTURE = "metrics.jsonl", "timings.jsonl", "loss.svg"
TENSORBOARD, TRACKIO = "tensorboard", "trackio"
FACTS = "watch.json"  # only while a training runs: its steps, a token's operations, the peak measured
WINDOW = 10  # steps that a loss is averaged over, to be looked at


@dataclass(frozen=True, slots=True)
class Step:
    """One optimizer step; the learning rate is None where the log does not say it."""

    step: int
    loss: float
    learning_rate: float | None
    tokens: int


@dataclass(frozen=True, slots=True)
class Validation:
    """The loss on files that are not trained on, after a step."""

    step: int
    loss: float


def parse(lines: Iterable[dict[str, Any]]) -> tuple[list[Step], list[Validation]]:
    """Tell the two kinds of line apart; a line that is neither is a fault of the file."""
    steps, validations = [], []
    for line in lines:
        if "loss" in line:
            rate = line.get("learning_rate")
            steps.append(Step(int(line["step"]), float(line["loss"]), rate and float(rate), int(line["tokens"])))
        else:
            validations.append(Validation(int(line["step"]), float(line["valid_loss"])))
    return steps, validations


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read a log; a last line that a kill cut short is left out, and a log that is not there has no line."""
    try:
        written = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    lines = []
    for text in written.splitlines():
        try:
            lines.append(json.loads(text))
        except json.JSONDecodeError:
            break
    return lines


def require_viewers(names: Iterable[str]) -> None:
    """Refuse a log for a viewer whose package is not installed, before anything is done."""
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        raise MachineError(
            f"train.log_to names {', '.join(missing)}, but the package is not installed",
            "install it with .venv/bin/pip install -e '.[watch]', or set SET=train.log_to=[]",
        )


def holds_times(path: str) -> bool:
    """Say whether a file of a run holds times, which no second run repeats."""
    return PurePosixPath(path).parts[0] in (TIMINGS, TENSORBOARD, TRACKIO)
