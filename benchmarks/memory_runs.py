"""Train a randomly initialised model for two steps with the real trainer, and read the peak of the process's memory.

In, as JSON on standard input: a case, that is a model's configuration and the settings of a training. Out, as JSON:
bytes before the model was loaded, and at the highest moment. Each call is a process of its own; the model is written by
a fork of it that ends before. Linux only: nothing else says what the peak was.
"""

from __future__ import annotations

import json
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable
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


def measure(case: Case, folder: Path) -> dict[str, int]:
    """Write the case's base, train on it for two steps, and give the peaks."""
    _in_a_fork(lambda: write_base(case, folder / "base"))
    PEAK_RESET.write_text("5", encoding="ascii")
    from tuner.progress import Progress
    from tuner.rundir import Workspace
    from tuner.train import stage

    settings = TrainSettings.model_validate({"epochs": 1.0, **case.train})
    work = Workspace(folder / "run", folder / "out", folder / "scratch", Progress())
    for each in (work.run / "data", work.out, work.scratch):
        each.mkdir(parents=True)
    dataset = Dataset("data/train.jsonl", "data/valid.jsonl", "", "", "", {}, {}, {})
    write_jsonl(work.run / dataset.train, rows_of(case, settings))
    write_jsonl(work.run / dataset.valid, [])
    base = Base("acme/random", str(folder / "base"), "0", "prefix_only")
    before = status("VmHWM")
    with _Highest() as watched:  # the stage forgets the peak when training begins
        adapter = stage.run(base, dataset, settings, case.max_tokens, END, 17, work)
    if adapter.metrics["train.steps"] < STEPS:
        raise ValueError(f"{case.name}: {adapter.metrics['train.steps']:.0f} steps, wanted {STEPS} at least")
    return {"before": before, "highest": max(watched.bytes, status("VmHWM"))}


def status(key: str) -> int:
    """Read one figure of this process's memory, in bytes."""
    lines = (line.partition(":") for line in STATUS.read_text(encoding="ascii").splitlines())
    return next(int(value.split()[0]) * 1024 for name, _, value in lines if name == key)


def write_base(case: Case, folder: Path) -> None:
    """Write a random model in bf16, as bases come, with a tokenizer that knows its end token only."""
    import torch
    from tokenizers import Tokenizer, models
    from transformers import AutoConfig, AutoModelForCausalLM

    shape = dict(case.model)
    settings = AutoConfig.for_model(shape.pop("model_type"), **shape)
    torch.manual_seed(1)
    AutoModelForCausalLM.from_config(settings).to(torch.bfloat16).save_pretrained(folder)
    Tokenizer(models.WordLevel({END: 0}, unk_token=END)).save(str(folder / "tokenizer.json"))


def rows_of(case: Case, settings: TrainSettings) -> list[Row]:
    """Fill as many sequences as two steps take; random ids, of which the second half is learned."""
    draw = random.Random(3)
    left = float(STEPS * settings.sequences_per_batch * settings.accumulation)
    rows: list[Row] = []
    while left > 0.01:
        share = min(LENGTHS[len(rows) % len(LENGTHS)], left)
        ids = [draw.randrange(case.model["vocab_size"]) for _ in range(int(share * case.max_tokens))]
        rows.append(Row(f"pair{len(rows)}", "file", ids, [-100] * (len(ids) // 2) + ids[len(ids) // 2 :]))
        left -= share
    return rows


class _Highest:
    """Watch the peak from a thread, since it is forgotten on the way."""

    def __init__(self) -> None:
        self.bytes = 0
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._look)

    def __enter__(self) -> _Highest:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        self.thread.join()

    def _look(self) -> None:
        while not self.ended.wait(1 / LOOKS_PER_SECOND):
            self.bytes = max(self.bytes, status("VmHWM"))


def _in_a_fork(work: Callable[[], None]) -> None:
    child = os.fork()
    if child == 0:
        try:
            os.dup2(2, 1)  # nothing but the result goes to standard output
            work()
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != 0:
        raise RuntimeError("the model could not be written")


def main() -> int:
    """Measure the case on standard input."""
    case, started = Case(**json.load(sys.stdin)), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        peaks = measure(case, Path(folder))
    print(json.dumps({"seconds": round(time.monotonic() - started, 1), **peaks}))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
