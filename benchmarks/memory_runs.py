"""Train randomly initialised models for two steps, each in a process of its own, and read the peak of its memory.

In: cases, each a model's configuration and the settings of a training. Out: bytes at the highest moment, and before the
model was loaded. The libraries are imported once; every case is a fork of that process, so that it begins with what any
training begins with and leaves nothing to the next. Linux only: nothing else says what the peak was.
"""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tuner.recipe import TrainSettings
from tuner.records import Base, Dataset, Row, write_jsonl

STATUS = Path("/proc/self/status")
PEAK_RESET = Path("/proc/self/clear_refs")
LOOKS_PER_SECOND = 100
STEPS = 2
END = "<|endoftext|>"
LENGTHS = (1.0, 0.6, 0.4, 0.5, 0.3, 0.2)  # of the longest row: packed, they fill three sequences to the brim


@dataclass(frozen=True)
class Case:
    """One training: the model's configuration, the longest row, and what differs from the default settings."""

    name: str
    model: dict[str, Any]
    max_tokens: int
    train: dict[str, Any] = field(default_factory=dict)
    dtype: str | None = None  # as the machine does it, when not given


@dataclass(frozen=True)
class Peak:
    """Bytes: before anything was loaded, at the highest moment until training began, and at the highest of all."""

    before: int
    loading: int
    training: int

    @property
    def highest(self) -> int:
        return max(self.loading, self.training)


def status(key: str) -> int:
    """Read one figure of this process's memory, in bytes."""
    for line in STATUS.read_text(encoding="ascii").splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1]) * 1024
    raise KeyError(key)


def measure(case: Case, folder: Path) -> Peak:
    """Write the case's base, train on it for two steps, and give the peaks."""
    base = folder / "base"
    _in_a_fork(lambda: write_base(case, base))
    return Peak(**_in_a_fork(lambda: _train(case, base, folder)))


def write_base(case: Case, folder: Path) -> dict[str, int]:
    """Write a random model in bf16, as bases come, with a tokenizer that knows its end token only."""
    import torch
    from tokenizers import Tokenizer, models
    from transformers import AutoConfig, AutoModelForCausalLM

    shape = dict(case.model)
    settings = AutoConfig.for_model(shape.pop("model_type"), **shape)
    torch.manual_seed(1)
    torch.set_default_dtype(torch.bfloat16)
    AutoModelForCausalLM.from_config(settings).to(torch.bfloat16).save_pretrained(folder)
    Tokenizer(models.WordLevel({END: 0}, unk_token=END)).save(str(folder / "tokenizer.json"))
    return {}


def _train(case: Case, base: Path, folder: Path) -> dict[str, int]:
    import torch

    from tuner.progress import Progress
    from tuner.rundir import Workspace
    from tuner.train import stage

    settings = TrainSettings(**{"epochs": 1.0, **case.train})
    work = Workspace(folder / "run", folder / "out", folder / "scratch", Progress())
    for each in (work.run / "data", work.out, work.scratch):
        each.mkdir(parents=True)
    dataset = Dataset("data/train.jsonl", "data/valid.jsonl", "", "", "", {}, {}, {})
    write_jsonl(work.run / dataset.train, _rows(case, settings))
    write_jsonl(work.run / dataset.valid, [])
    if case.dtype is not None:
        stage.fast_dtype = lambda: getattr(torch, str(case.dtype))
    PEAK_RESET.write_text("5", encoding="ascii")
    before, peaks, ended = status("VmHWM"), {"loading": 0, "training": 0}, threading.Event()
    phase = ["loading"]
    plan_steps = stage._plan_steps

    def marked(*given: Any) -> int:
        phase[0] = "training"
        return plan_steps(*given)

    stage._plan_steps = marked

    def look() -> None:
        while not ended.wait(1 / LOOKS_PER_SECOND):
            name = phase[0]
            peaks[name] = max(peaks[name], status("VmHWM"))

    watcher = threading.Thread(target=look)
    watcher.start()
    adapter = stage.run(
        Base("acme/random", str(base), "0", "prefix_only"), dataset, settings, case.max_tokens, END, 17, work
    )
    peaks["training"] = max(status("VmHWM"), int(adapter.metrics["train.peak_memory_gib"] * 2**30))
    ended.set()
    watcher.join()
    assert adapter.metrics["train.steps"] >= STEPS
    return {"before": before, **peaks}


def _rows(case: Case, settings: TrainSettings) -> list[Row]:
    """Fill as many sequences as two steps take; random ids, of which the second half is learned."""
    import random

    draw = random.Random(3)
    size = case.model["vocab_size"]
    sequences = STEPS * settings.sequences_per_batch * settings.accumulation
    rows, filled = [], 0.0
    while filled < sequences - 0.01:
        share = LENGTHS[len(rows) % len(LENGTHS)]
        share = min(share, sequences - filled)
        ids = [draw.randrange(size) for _ in range(int(share * case.max_tokens))]
        rows.append(Row(f"pair{len(rows)}", "file", ids, [-100] * (len(ids) // 2) + ids[len(ids) // 2 :]))
        filled += share
    return rows


def _in_a_fork(work: Callable[[], dict[str, int]]) -> dict[str, int]:
    with tempfile.TemporaryFile("w+") as said:
        child = os.fork()
        if child == 0:
            try:
                with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
                    json.dump(work(), said)
                said.flush()
                os._exit(0)
            except BaseException:
                import traceback

                traceback.print_exc()
                os._exit(1)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0:
            raise RuntimeError("the training failed")
        said.seek(0)
        return json.load(said)
