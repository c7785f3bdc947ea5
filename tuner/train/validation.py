"""Validate while training goes on, keep the best step's weights, and stop where nothing better comes.

In: a trainer with validation rows, the settings, and the log of what was done before a kill. Out: a line in the log for
each validation, and the best weights so far, `best-<step>.safetensors` in the scratch folder. A line is written when
the weights behind it are, and weights go only when a whole checkpoint lies behind a better step: so whatever checkpoint
a killed training goes on from, the weights that its log calls the best are there.

The loss is nats per labelled token, all of them weighted alike, over the rows that `dataset` made of later commits.
Validation draws no random number that training would have drawn: the same weights come out with and without it.

Not stopped early by default: the learning rate falls at the end, which is where most is gained, and a stop before would
give that away.
"""

from __future__ import annotations

import json
import math
import os
import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from tuner.errors import TrainError
from tuner.progress import Progress
from tuner.recipe import TrainSettings
from tuner.render import MASKED
from tuner.train.together import agreed, hold_own_parts
from tuner.train.watch import Cost, Diverged
from tuner.training_log import Line, validations_of

Measure = Callable[[str], float]


class Validation(TrainerCallback):
    """Validate at the steps that were planned. `steps` is the last one, `kept` what the log holds already."""

    def __init__(
        self,
        measure: Measure,
        model: torch.nn.Module,
        settings: TrainSettings,
        steps: int,
        log: Path,
        kept: Sequence[Line],
        cost: Cost,
    ) -> None:
        self.measure, self.model, self.settings, self.log, self.cost = measure, model, settings, log, cost
        self.points = validation_steps(steps, settings.validations)
        self.found: dict[int, float] = {line["step"]: line["valid_loss"] for line in validations_of(kept)}
        if 0 not in self.found:
            loss = self.measure("validating the base")
            if not math.isfinite(loss):
                raise TrainError(f"the validation loss of the untouched base is {loss:g}", "is the base whole? BASE=")
            self._note(0, loss)

    @property
    def base(self) -> float:
        """The loss of the untouched base."""
        return self.found[0]

    @property
    def best_step(self) -> int | None:
        """The step with the lowest loss, the first of equals; None before any."""
        return min((step for step in self.found if step > 0), key=lambda step: (self.found[step], step), default=None)

    @property
    def best(self) -> float | None:
        return None if self.best_step is None else self.found[self.best_step]

    @property
    def has_helped(self) -> bool:
        """Whether some step was better than the untouched base."""
        return self.best is not None and self.best < self.base

    @property
    def is_over(self) -> bool:
        """Whether as many validations in a row as the recipe allows brought nothing better."""
        patience, best = self.settings.patience, self.best_step
        return patience is not None and best is not None and sum(step > best for step in self.found) >= patience

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **_: object,
    ) -> None:
        """Validate behind the log line of a planned step, before its checkpoint is written."""
        step = state.global_step
        if not logs or "loss" not in logs or step not in self.points:
            return
        self.cost.lap()
        loss = self.measure("validating")
        self.cost.leave_out()
        if not math.isfinite(loss):
            raise Diverged.at(f"the validation loss is {loss:g}", step, self.base, args.learning_rate)
        if self.best is None or loss < self.best:
            _save_atomically(self.model, self._weights(step))
        self._note(step, loss)
        if self.is_over:
            control.should_training_stop = control.should_save = True

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: object) -> None:
        """Remove weights that no training would go back to."""
        for path in self.log.parent.glob("best-*.safetensors"):
            if self.best_step is not None and path != self._weights(self.best_step):
                path.unlink()

    def take_best(self) -> None:
        """Put the best step's weights into the model."""
        assert self.best_step is not None
        saved = load_file(agreed(self._weights(self.best_step)))  # another process may have joined after that step
        with torch.no_grad():
            for name, weight in _trained(self.model):
                weight.copy_(saved[name])

    def metrics(self, bits_per_nat: float | None) -> dict[str, float]:
        """Give the losses before, at the best step and at the last; as bits per byte too, if the bytes are known."""
        best, last = self.best_step, max(self.found)
        found = {"valid_loss_base": self.base, "valid_loss_final": self.found[last]}
        if best is not None:
            found["valid_loss_best"] = self.found[best]
        if bits_per_nat is not None:
            bits = {name: loss * bits_per_nat for name, loss in found.items()}
            found |= {name.replace("loss", "bits_per_byte"): value for name, value in bits.items()}
        named = {f"train.{name}": round(value, 4) for name, value in found.items()}
        return named | ({} if best is None else {"train.best_step": float(best)})

    def notes(self) -> list[str]:
        """Say what the user would not expect: another step than the last, or none that was better than the base."""
        best, last = self.best_step, max(self.found)
        said = []
        if best is not None and best != last:
            said.append(
                f"validation: the adapter is that of step {best}, loss {self.found[best]:.4f}; "
                f"the last one validated, step {last}, has {self.found[last]:.4f}"
            )
        if not self.has_helped:
            said.append(f"validation: no step was better than the untouched base, loss {self.base:.4f}")
        return said

    def _weights(self, step: int) -> Path:
        return self.log.parent / f"best-{step}.safetensors"

    def _note(self, step: int, loss: float) -> None:
        with self.log.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"step": step, "valid_loss": loss}) + "\n")
        self.found[step] = loss


def validation_steps(steps: int, before_the_end: int) -> set[int]:
    """Spread validations evenly over the steps, the last step always among them."""
    spread = {round(steps * number / (before_the_end + 1)) for number in range(1, before_the_end + 1)}
    return (spread - {0}) | {steps}


def valid_loss(trainer: Any, progress: Progress, label: str) -> float:
    """Measure the mean loss of all labelled tokens, and leave model and chance as they were."""
    model, was_training = trainer.model, trainer.model.training
    model.eval()
    total, count = 0.0, 0
    with _untouched_chance(), torch.no_grad():
        batches = trainer.get_eval_dataloader()
        with progress.track(label, total=len(batches), unit="sequence") as track:
            for inputs in batches:
                labels = (inputs["labels"][:, 1:] != MASKED).sum().reshape(1)
                loss = trainer.compute_loss(model, inputs).reshape(1)
                losses, counts = trainer.accelerator.gather_for_metrics((loss, labels))
                total += float((losses.double() * counts).sum())
                count += int(counts.sum())
                track.advance()
    hold_own_parts(model)
    model.train(was_training)
    return total / count


@contextmanager
def _untouched_chance() -> Iterator[None]:
    """Put every generator back afterwards: making a data loader alone draws a number."""
    python, numpy = random.getstate(), np.random.get_state()
    devices = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    try:
        with torch.random.fork_rng(devices=devices):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)


def _trained(model: torch.nn.Module) -> list[tuple[str, torch.nn.Parameter]]:
    return [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]


def _save_atomically(model: torch.nn.Module, path: Path) -> None:
    partial = path.with_name(f".{path.name}.partial")
    save_file({name: weight.detach().cpu().contiguous() for name, weight in _trained(model)}, partial)
    with partial.open("rb") as stream:
        os.fsync(stream.fileno())
    os.replace(partial, path)
