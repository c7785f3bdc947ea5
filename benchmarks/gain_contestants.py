"""One contestant of the gain bench: train on the given rows, and keep the adapter at fixed steps.

In, as JSON on standard input: `who`, a `Material`'s job, how many points, a folder for the adapters, and a cap in
seconds or null. Out, as JSON: for each point the step, the tokens and seconds of training until then, and the adapter's
folder; the learning rates; how many steps were planned.
    ours     the train stage
    best     TRL with all that helps here: packed, no checkpointing, the allocator told to keep memory
    stock    TRL as its documentation shows it: padded batches of 8, gradient checkpointing
All have the same base, LoRA, seed and rows, and a learning rate of the same shape over all of their steps. The clock
runs from the first step's beginning, and stands still while an adapter is written and while the others have their turn.
Nothing is scored here: a forward pass over other rows would leave the memory, and so the next step, other than it was.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

from transformers import TrainerCallback, trainer
from transformers.trainer_callback import TrainerControl, TrainerState

from benchmarks.contest import answer_job
from benchmarks.stage_training import train_stage
from benchmarks.training_contestants import BEST, STOCK_BATCH, adapted, sft_trainer
from benchmarks.turns import Turn
from tuner.models import keep_freed_memory
from tuner.progress import Progress
from tuner.recipe import TrainSettings
from tuner.records import Base, Row, read_jsonl
from tuner.train.stage import plan_steps
from tuner.train.validation import validation_steps


class Recorder(TrainerCallback):
    """Counts the seconds of training, keeps the adapter at fixed steps, and ends the training at the cap."""

    def __init__(
        self, points: int, cap: float | None, folder: Path, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.count, self.cap, self.folder, self.clock, self.turn = points, cap, folder, clock, Turn()
        self.begun = self.cpu_begun = self.seconds = self.cpu_seconds = 0.0
        self.steps: set[int] = set()
        self.points: list[dict[str, Any]] = []
        self.tokens: dict[int, int] = {}
        self.rates: list[float] = []

    def on_train_begin(self, args: Any, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        """Choose the steps, now that it is known how many there are."""
        self.steps = validation_steps(state.max_steps, self.count - 1)
        self._go_on()

    def on_step_end(self, args: Any, state: TrainerState, control: TrainerControl, model: Any, **_: Any) -> None:
        """Count the step, and keep the adapter where that is wanted."""
        self.seconds += self.clock() - self.begun
        self.cpu_seconds += sum(os.times()[:2]) - self.cpu_begun
        is_over = self.cap is not None and self.seconds >= self.cap
        if is_over or state.global_step in self.steps:
            place = self.folder / f"step-{state.global_step}"
            model.save_pretrained(place)
            times = {"seconds": self.seconds, "cpu_seconds": self.cpu_seconds}
            self.points.append({"step": state.global_step, **times, "adapter": str(place)})
        control.should_training_stop = control.should_training_stop or is_over
        self._go_on()

    def on_log(self, args: Any, state: TrainerState, control: TrainerControl, logs: dict[str, Any], **_: Any) -> None:
        """Note the tokens so far, which the trainer counts."""
        if "loss" in logs:
            self.tokens[state.global_step] = int(logs["num_tokens"])
            self.rates.append(float(logs["learning_rate"]))

    def _go_on(self) -> None:
        self.turn.over()
        self.begun, self.cpu_begun = self.clock(), sum(os.times()[:2])

    def said(self, planned: int) -> dict[str, Any]:
        """Give what was recorded."""
        points = [{**each, "tokens": self.tokens[each["step"]]} for each in self.points]
        return {"points": points, "learning_rates": self.rates, "steps_planned": planned}


def ours(job: dict[str, Any], recorder: Recorder) -> int:
    """Train with the train stage, whose trainer takes the recorder from the library's list."""
    rows, settings = read_jsonl(Path(job["rows"]), Row), TrainSettings.model_validate(job["settings"])
    given = (job["max_tokens"], job["end_token"], job["seed"])
    trainer.DEFAULT_CALLBACKS.append(recorder)
    try:
        with tempfile.TemporaryDirectory() as folder:
            train_stage(Base(**job["base"]), rows, settings, *given, Path(folder), Progress())
    finally:
        trainer.DEFAULT_CALLBACKS.remove(recorder)
    return len(recorder.rates)


def best(job: dict[str, Any], recorder: Recorder) -> int:
    """Train with TRL at its best, as many packed sequences a step as ours."""
    keep_freed_memory()
    settings = TrainSettings.model_validate(job["settings"])
    sizes = {"per_device_train_batch_size": settings.sequences_per_batch}
    sizes |= {"gradient_accumulation_steps": settings.accumulation}
    return _trl(job, recorder, settings, BEST | sizes)


def stock(job: dict[str, Any], recorder: Recorder) -> int:
    """Train with TRL as it comes."""
    settings = {**job["settings"], "sequences_per_batch": STOCK_BATCH, "accumulation": 1}
    return _trl(job, recorder, TrainSettings.model_validate(settings), {})


def _trl(job: dict[str, Any], recorder: Recorder, settings: TrainSettings, options: dict[str, Any]) -> int:
    base = job["base"]["path"]
    model = adapted(base, settings.rank, settings.alpha, job["seed"], settings.rslora)
    rows = [json.loads(line) for line in Path(job["rows"]).read_text(encoding="utf-8").splitlines()]
    chosen = {"learning_rate": settings.learning_rate, "weight_decay": settings.weight_decay}
    chosen |= {"max_grad_norm": settings.max_gradient_norm, "max_length": job["max_tokens"]}
    chosen |= {"seed": job["seed"], "data_seed": job["seed"], **options}
    with tempfile.TemporaryDirectory() as folder:
        sft = sft_trainer(model, base, job["end_token"], rows, chosen, recorder, Path(folder))
        planned = plan_steps(sft, settings)
        sft.train()
    return planned


CONTESTANTS: dict[str, Callable[[dict[str, Any], Recorder], int]] = {"ours": ours, "best": best, "stock": stock}


def work(job: dict[str, Any]) -> dict[str, Any]:
    """Train, and give what was recorded."""
    recorder = Recorder(job["points"], job["cap_seconds"], Path(job["keep"]))
    return recorder.said(CONTESTANTS[job["who"]](job, recorder))


if __name__ == "__main__":
    raise SystemExit(answer_job(work))
