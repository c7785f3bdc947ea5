"""What is watched while training runs: progress, a log line per step, whole checkpoints, and a loss that went wrong."""

from __future__ import annotations

import json
import math
from pathlib import Path

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from tuner.errors import TrainError
from tuner.progress import Track

WHOLE = "whole"  # written into a checkpoint when all its other files are; a kill in between leaves it out
DIVERGED = 3.0  # times the first losses: beyond this nothing is learned any more
WINDOW = 10  # steps that a loss is averaged over


class Watch(TrainerCallback):
    """Report steps, mark whole checkpoints, and stop a run whose loss is not a number or has run away."""

    def __init__(self, track: Track, log: Path) -> None:
        self.track = track
        self.log = log
        self.losses: list[float] = []

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        self.track.advance()

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict | None = None,
        **_: object,
    ) -> None:
        if not logs or "loss" not in logs:
            return
        loss = float(logs["loss"])
        self.losses.append(loss)
        self.track.note(f"loss {loss:.3f}")
        line = {"step": state.global_step, "loss": loss, "learning_rate": logs.get("learning_rate")}
        with self.log.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")
        first = sum(self.losses[:WINDOW]) / len(self.losses[:WINDOW])
        recent = sum(self.losses[-WINDOW:]) / len(self.losses[-WINDOW:])
        if not math.isfinite(loss) or recent > DIVERGED * max(first, 1.0):
            raise TrainError(
                f"the loss is {loss:g} at step {state.global_step}, after {first:.3g} at the start",
                f'lower the learning rate: SET="train.learning_rate={args.learning_rate / 4:.1e}"',
            )

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        (Path(str(args.output_dir)) / f"checkpoint-{state.global_step}" / WHOLE).touch()


def last_checkpoint(folder: Path) -> Path | None:
    """Find the newest checkpoint that was written whole."""
    whole = [path.parent for path in folder.glob(f"checkpoint-*/{WHOLE}")]
    return max(whole, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def read_log(path: Path, upto: int) -> list[dict]:
    """Read the log lines of the steps up to `upto`; what a killed run logged after its last checkpoint is dropped."""
    if not path.is_file():
        return []
    lines = []
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            line = json.loads(text)
        except json.JSONDecodeError:  # the line that a kill cut short is the last one
            break
        if line["step"] <= upto:
            lines.append(line)
    return lines
