"""What is watched while training runs: progress, each step's loss and cost, whole checkpoints, a loss gone wrong."""

from __future__ import annotations

import json
import math
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import fmean as mean

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from tuner.errors import TrainError
from tuner.progress import Track
from tuner.rundir import write_atomically

WHOLE = "whole"  # written into a checkpoint when all its other files are; a kill in between leaves it out
DIVERGED = 3.0  # times the first losses: beyond this nothing is learned any more
WINDOW = 10  # steps that a loss is averaged over
PEAK_RESET = Path("/proc/self/clear_refs")  # Linux: writing 5 makes this process's peak memory its present memory


class Cost:
    """Seconds and peak memory over all attempts, written down at every step, so that a kill loses one step's."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self.path = path
        self.clock = clock
        self.seconds, self.peak_memory_gib = self._read()
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        else:
            with suppress(OSError):  # the stages before this one are not counted, where the system can forget them
                PEAK_RESET.write_text("5", encoding="ascii")
        self.last = clock()

    def lap(self) -> None:
        """Add what has passed since the last lap."""
        now = self.clock()
        self.seconds += now - self.last
        self.last = now
        self.peak_memory_gib = max(self.peak_memory_gib, _peak_memory_gib())
        write_atomically(self.path, json.dumps([self.seconds, self.peak_memory_gib]))

    def _read(self) -> tuple[float, float]:
        if not self.path.is_file():
            return 0.0, 0.0
        seconds, peak = json.loads(self.path.read_text(encoding="utf-8"))
        return float(seconds), float(peak)


class Watch(TrainerCallback):
    """Log steps and their cost, mark whole checkpoints, and stop a run whose loss is not a number or has run away."""

    def __init__(self, track: Track, log: Path, kept: list[dict], cost: Cost) -> None:
        self.track = track
        self.log = log
        self.cost = cost
        self.losses: list[float] = [line["loss"] for line in kept]
        self.tokens = sum(line["tokens"] for line in kept)
        self.tokens_before = self.tokens  # trl counts from 0 again after a resume

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        self.track.advance()
        self.cost.lap()

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
        loss, tokens = float(logs["loss"]), self.tokens_before + int(logs["num_tokens"])
        line = {
            "step": state.global_step,
            "loss": loss,
            "learning_rate": logs.get("learning_rate"),
            "tokens": tokens - self.tokens,
        }
        with self.log.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")
        self.tokens = tokens
        self.track.note(f"loss {loss:.3f}")
        self._refuse_bad_loss(loss, state.global_step, args.learning_rate)
        self.losses.append(loss)

    def _refuse_bad_loss(self, loss: float, step: int, learning_rate: float) -> None:
        if not self.losses and not math.isfinite(loss):
            raise TrainError(
                f"the loss is {loss:g} at step {step}, before any update", "is the base whole? another one: BASE="
            )
        first = mean([*self.losses, loss][:WINDOW])
        recent = mean([*self.losses, loss][-WINDOW:])
        if not math.isfinite(loss) or recent > DIVERGED * max(first, 1.0):
            raise TrainError(
                f"the loss is {loss:.4g} at step {step}, after {self.losses[0]:.4g} at the first",
                f'lower the learning rate: SET="train.learning_rate={learning_rate / 4:.1e}"',
            )

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        (Path(str(args.output_dir)) / f"checkpoint-{state.global_step}" / WHOLE).touch()


class Count(TrainerCallback):
    """Report the sequences of a validation."""

    def __init__(self, track: Track) -> None:
        self.track = track

    def on_prediction_step(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        self.track.advance()


def ends(losses: list[float]) -> tuple[float, float]:
    """Average the first and the last steps; a short training is halved, so that the two never overlap."""
    size = max(1, min(WINDOW, len(losses) // 2))
    return mean(losses[:size]), mean(losses[-size:])


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


def _peak_memory_gib() -> float:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**30
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30
