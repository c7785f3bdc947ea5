"""What is watched while training runs: progress, each step's loss and cost, whole checkpoints, a loss gone wrong.

In: what the trainer tells at each step. Out: `metrics.jsonl` and `timings.jsonl`, the view that progress draws, and the
logs of other viewers. The seconds in which the peak of matrix products is measured count as nobody's.
"""

from __future__ import annotations

import json
import math
import resource
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from statistics import fmean as mean

import torch
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from tuner.errors import TrainError
from tuner.progress import Track
from tuner.rundir import write_atomically
from tuner.train.logs import Log
from tuner.train.together import agreed
from tuner.training_log import FACTS, LOG, TIMINGS, WINDOW, read_lines, steps_of
from tuner.training_view import TrainingView

WHOLE = "whole"  # written into a checkpoint when all its other files are; a kill in between leaves it out
DIVERGED = 3.0  # times the first losses: beyond this nothing is learned any more
PEAK_RESET = Path("/proc/self/clear_refs")  # Linux: writing 5 makes this process's peak memory its present memory
MEMORY_NOW = Path("/proc/self/statm")  # Linux: pages in all, pages in memory, ...
PAGE = resource.getpagesize()


class Diverged(TrainError):
    """A loss that is no number, or that ran away after a first update."""

    @staticmethod
    def at(what: str, step: int, first: float, learning_rate: float) -> Diverged:
        """Say what was seen at a step, what it was at first, and what to lower."""
        return Diverged(
            f"{what} at step {step}, after {first:.4g} at the first",
            f'lower the learning rate: SET="train.learning_rate={learning_rate / 4:.1e}"',
        )


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

    def leave_out(self) -> None:
        """Forget what has passed since the last lap."""
        self.last = self.clock()

    def _read(self) -> tuple[float, float]:
        if not self.path.is_file():
            return 0.0, 0.0
        seconds, peak = json.loads(self.path.read_text(encoding="utf-8"))
        return float(seconds), float(peak)


class Watch(TrainerCallback):
    """Log steps and their cost, mark whole checkpoints, and stop a run whose loss is not a number or has run away."""

    def __init__(
        self,
        track: Track,
        folder: Path,
        kept: list[dict],
        cost: Cost,
        view: TrainingView,
        logs: Sequence[Log] = (),
    ) -> None:
        self.track = track
        self.folder = folder
        self.cost = cost
        self.view = view
        self.logs = logs
        self.begun, self.took = cost.last, 0.0
        self.losses: list[float] = [line["loss"] for line in steps_of(kept)]
        self.tokens = sum(line["tokens"] for line in steps_of(kept))
        self.tokens_before = self.tokens  # trl counts from 0 again after a resume

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object
    ) -> None:
        self._write_facts(state)

    def on_step_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        self.begun = self.cost.clock()

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        self.took = self.cost.clock() - self.begun
        self.track.advance()
        self.cost.lap()
        if self.view.measure_once(state.global_step):
            self._write_facts(state)
            self.cost.leave_out()

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
            "loss": loss if math.isfinite(loss) else None,
            "learning_rate": logs.get("learning_rate"),
            "tokens": tokens - self.tokens,
        }
        now = memory_now_gib()
        timing = {
            "step": state.global_step,
            "seconds": round(self.cost.seconds, 4),
            "step_seconds": round(self.took, 4),
            "tokens_per_second": round((tokens - self.tokens) / max(self.took, 1e-6), 1),
            "memory_gib": now,
            "peak_memory_gib": max(now or 0.0, round(self.cost.peak_memory_gib, 3)),
        }
        for name, written in ((LOG, line), (TIMINGS, timing)):
            with (self.folder / name).open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(written) + "\n")
        self.tokens = tokens
        self._tell(line, timing)
        self._refuse_bad_loss(loss, state.global_step, args.learning_rate)
        self.losses.append(loss)

    def _write_facts(self, state: TrainerState) -> None:
        write_atomically(self.folder / FACTS, json.dumps({"steps": state.max_steps, **self.view.facts()}))

    def _tell(self, line: dict, timing: dict) -> None:
        self.view.add(line, timing)
        figures = {"train/loss": line["loss"], "train/learning_rate": line["learning_rate"]}
        figures |= {f"speed/{name}": timing[name] for name in ("tokens_per_second", "memory_gib")}
        for log in self.logs:
            log.add(line["step"], {name: value for name, value in figures.items() if value is not None})

    def _refuse_bad_loss(self, loss: float, step: int, learning_rate: float) -> None:
        if not self.losses and not math.isfinite(loss):
            raise TrainError(
                f"the loss is {loss:g} at step {step}, before any update", "is the base whole? another one: BASE="
            )
        first = mean([*self.losses, loss][:WINDOW])
        recent = mean([*self.losses, loss][-WINDOW:])
        if not math.isfinite(loss) or recent > DIVERGED * max(first, 1.0):
            raise Diverged.at(f"the loss is {loss:.4g}", step, self.losses[0], learning_rate)

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        (Path(str(args.output_dir)) / f"checkpoint-{state.global_step}" / WHOLE).touch()


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
    return [line for line in read_lines(path) if line["step"] <= upto]


def cut_logs(folder: Path, upto: int) -> list[dict]:
    """Bring the logs back to step `upto`, and give the lines that `metrics.jsonl` keeps."""
    kept = {name: read_log(folder / name, upto) for name in (LOG, TIMINGS)}
    kept[LOG] = agreed(kept[LOG])  # a process that joins later has none of its own
    for name, lines in kept.items():
        write_atomically(folder / name, "".join(json.dumps(line) + "\n" for line in lines))
    return kept[LOG]


def memory_now_gib() -> float | None:
    """Give the memory in use: the GPU's where there is one, else this process's; None where the system does not say."""
    if torch.cuda.is_available():
        return round(torch.cuda.memory_allocated() / 2**30, 3)
    if not MEMORY_NOW.is_file():
        return None
    return round(int(MEMORY_NOW.read_text(encoding="ascii").split()[1]) * PAGE / 2**30, 3)


def _peak_memory_gib() -> float:
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 2**30
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30
