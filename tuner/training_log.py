"""The files in which a training says how it goes, and what their lines mean.

`metrics.jsonl` holds what the training computed: a line for each step, `{"step", "loss", "learning_rate", "tokens"}`,
and a line for each validation, `{"step", "valid_loss"}`; a loss that is no number stands there as null. The same
training writes the same bytes. `timings.jsonl` holds what it took: a line for each step with the seconds since the
training began (those of attempts before a kill included), this step's tokens per second, and memory. In: lines. Out:
those of steps that have a loss, and those of validations.
"""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from tuner.errors import MachineError

Line = dict[str, Any]
LOG, TIMINGS, PICTURE = "metrics.jsonl", "timings.jsonl", "loss.svg"
TENSORBOARD, TRACKIO = "tensorboard", "trackio"
FACTS = "watch.json"  # only while a training runs: its steps, a token's operations, the peak measured
WINDOW = 10  # steps that a loss is averaged over, to be looked at


def steps_of(lines: Iterable[Line]) -> list[Line]:
    """Give the lines of training steps that have a loss."""
    return [each for each in lines if each.get("loss") is not None]


def validations_of(lines: Iterable[Line]) -> list[Line]:
    """Give the lines of validations."""
    return [each for each in lines if each.get("valid_loss") is not None]


def read_lines(path: Path) -> list[Line]:
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
