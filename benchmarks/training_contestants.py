"""One contestant of the training benchmark: train on the given rows, and say how long each step took.

In, as JSON on standard input: `who`, the base's folder, the file of rows, the longest row, steps at most, threads.
Out, as JSON: seconds and processor seconds of each step, tokens that are no padding, losses.
    peak     products of matrices: 2048 squared, and the shapes of the model's layers for one packed sequence; a step is
             a few of each, and gives the fastest
    stock    TRL as its documentation shows it: padded batches of 8, gradient checkpointing
    best     TRL with all that helps here: packed, no checkpointing, the allocator told to keep memory
    loop     transformers and PEFT in a loop of one's own, a row at a time, nothing padded
    ours     the train stage
    two      the same in two processes, which share the cores and each batch
All but the first have the same base, LoRA, learning rate, seed and rows; the packed ones see the same batches in turn.
Where the machine has bf16 of its own, all compute in it, TRL's as it does by default (adapters in float32 under
autocast); else in float32, which is kinder to TRL than its default of emulated bf16. So is the peak.
Between two steps `peak`, `best` and `ours` let the others have their turn, which no clock counts.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.contest import answer_job
from benchmarks.turns import Turn

LEARNING_RATE, SEED, RANK = 1e-3, 17, 32
END = "<|endoftext|>"
PER_STEP = 2  # packed sequences: the recipe's accumulation
STOCK_BATCH = 8  # TRL's default
ROUNDS = 8  # of each product in a step; the fastest counts
# What helps TRL here, beside keeping freed memory; the last is ours, so that both learn the same.
BEST = {"packing": True, "gradient_checkpointing": False, "per_device_train_batch_size": 1, "adam_beta2": 0.98}


class Clock:
    """What each step took, by the clock and by the processor; between two steps others have their turn."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.cpu: list[float] = []
        self._turn = Turn()
        self._begun: tuple[float, float] | None = None

    def mark(self) -> None:
        """Note that a step has ended, and begin the next one when it is our turn; the first call only begins."""
        if self._begun is not None:
            self.wall.append(time.monotonic() - self._begun[0])
            self.cpu.append(sum(os.times()[:2]) - self._begun[1])
        self._turn.over()
        self._begun = time.monotonic(), sum(os.times()[:2])

    def spans(self) -> dict[str, Any]:
        """Give the seconds of all steps."""
        return {"step_seconds": self.wall, "step_cpu_seconds": self.cpu}


def peak(job: dict[str, Any]) -> dict[str, Any]:
    """Measure products of matrices, 2048 squared and as the model's layers make them, in GFLOP/s, once for a step."""
    import torch

    from tuner.models import training_dtype

    config = json.loads((Path(job["base"]) / "config.json").read_text(encoding="utf-8"))
    width, inner, rows = config["hidden_size"], config["intermediate_size"], job["max_tokens"]
    shapes = {
        "square_gflops": (2048, 2048, 2048),
        "up_gflops": (rows, width, inner),
        "down_gflops": (rows, inner, width),
        "square_small_gflops": (rows, width, width),
    }
    dtype = training_dtype()
    given = {name: (torch.randn(m, k).to(dtype), torch.randn(k, n).to(dtype)) for name, (m, k, n) in shapes.items()}

    def rate(name: str) -> float:
        (m, k, n), (a, b), spent = shapes[name], given[name], []
        for _ in range(ROUNDS):
            started = time.monotonic()
            a @ b
            spent.append(time.monotonic() - started)
        return 2e-9 * m * k * n / min(spent)

    clock, rates = Clock(), []
    clock.mark()
    for _ in range(job["steps"]):
        rates.append({name: rate(name) for name in shapes})
        clock.mark()
    return {**clock.spans(), "rates": rates}


def ours(job: dict[str, Any]) -> dict[str, Any]:
    """Train with the train stage."""
    return _stage(job, 1)


def two(job: dict[str, Any]) -> dict[str, Any]:
    """Train with the train stage in two processes."""
    return _stage(job, 2)


def _stage(job: dict[str, Any], processes: int) -> dict[str, Any]:
    from benchmarks.stage_training import train_stage
    from tuner.progress import Progress, Track
    from tuner.recipe import TrainSettings
    from tuner.records import Base, Row
    from tuner.training_log import LOG

    clock = Clock()

    class Timed(Progress):
        trains = False

        @contextmanager
        def track(self, label: str, total: float | None, unit: str) -> Iterator[Track]:
            self.trains = label == "training"
            yield self  # type: ignore[misc]

        def advance(self, count: float = 1) -> None:
            if self.trains:
                clock.mark()

        def note(self, text: str) -> None:
            pass

        def skip(self, count: float) -> None:
            self.advance()  # where the first step begins

        def show(self, view: object) -> None:
            pass

    rows = [Row(f"pair{n}", "file", each["input_ids"], each["labels"]) for n, each in enumerate(_rows(job))]
    shape: dict[str, Any] = {"rank": RANK, "accumulation": PER_STEP, "epochs": 1.0, "processes": processes}
    settings = TrainSettings(learning_rate=LEARNING_RATE, warmup_share=0.0, decay_share=0.0, **shape)
    with tempfile.TemporaryDirectory() as name:
        base = Base("acme/base", job["base"], "0", "prefix_only")
        out = train_stage(base, rows, settings, job["max_tokens"], END, SEED, Path(name), Timed())
        log = [json.loads(line) for line in (out / LOG).read_text(encoding="utf-8").splitlines()]
    return {**clock.spans(), "losses": [line["loss"] for line in log], "tokens": [line["tokens"] for line in log]}


def best(job: dict[str, Any]) -> dict[str, Any]:
    """Train with TRL, with all of its settings that help on this machine."""
    from tuner.models import keep_freed_memory

    keep_freed_memory()
    return _trl(job, {**BEST, "gradient_accumulation_steps": PER_STEP})


def stock(job: dict[str, Any]) -> dict[str, Any]:
    """Train with TRL as its documentation shows it."""
    return _trl(job, {"max_steps": job["stock_steps"]})


def loop(job: dict[str, Any]) -> dict[str, Any]:
    """Train in a plain loop over transformers and PEFT, as many rows a step as fill the packed sequences."""
    import torch

    model, clock = adapted(job["base"], RANK, RANK, SEED), Clock()
    optimizer = torch.optim.AdamW((each for each in model.parameters() if each.requires_grad), lr=LEARNING_RATE)
    rows = _rows(job)
    random.Random(SEED).shuffle(rows)
    losses, tokens = [], []
    clock.mark()
    while rows and len(losses) < job["steps"]:
        batch = []
        while rows and sum(len(each["input_ids"]) for each in batch) < PER_STEP * job["max_tokens"]:
            batch.append(rows.pop())
        labels = sum(sum(each != -100 for each in row["labels"][1:]) for row in batch)
        total = 0.0
        for row in batch:
            wanted = torch.tensor([row["labels"]])
            with torch.autocast("cpu", torch.bfloat16, enabled=in_bf16()):
                loss = model(input_ids=torch.tensor([row["input_ids"]]), labels=wanted, use_cache=False).loss
            loss = loss * int((wanted[:, 1:] != -100).sum()) / labels
            loss.backward()
            total += float(loss.detach())
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        clock.mark()
        losses.append(total)
        tokens.append(sum(len(row["input_ids"]) for row in batch))
    return {**clock.spans(), "losses": losses, "tokens": tokens}


def _trl(job: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    from transformers import TrainerCallback

    clock, logged = Clock(), []

    class Timed(TrainerCallback):
        def on_train_begin(self, *_: Any, **__: Any) -> None:
            clock.mark()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            clock.mark()

        def on_log(self, *_: Any, logs: dict[str, Any] | None = None, **__: Any) -> None:
            if logs and "loss" in logs:
                logged.append((float(logs["loss"]), int(logs["num_tokens"])))

    settings = {"learning_rate": LEARNING_RATE, "lr_scheduler_type": "constant", "seed": SEED, "data_seed": SEED}
    settings |= {"max_length": job["max_tokens"], **options}
    with tempfile.TemporaryDirectory() as folder:
        model = adapted(job["base"], RANK, RANK, SEED)
        sft_trainer(model, job["base"], END, _rows(job), settings, Timed(), Path(folder)).train()
    counts = [0, *(count for _, count in logged)]
    tokens = [later - earlier for earlier, later in itertools.pairwise(counts)]
    return {**clock.spans(), "losses": [loss for loss, _ in logged], "tokens": tokens}


def sft_trainer(
    model: Any, base: str, end: str, rows: list[dict[str, Any]], options: dict[str, Any], callback: Any, folder: Path
) -> Any:
    """Build TRL's trainer for one pass over rows, which logs each step and saves nothing."""
    from datasets import Dataset
    from datasets.utils.logging import disable_progress_bar
    from transformers import PreTrainedTokenizerFast, PrinterCallback
    from trl import SFTConfig, SFTTrainer

    disable_progress_bar()
    settings = {
        "num_train_epochs": 1.0,
        "bf16": in_bf16(),
        "use_cpu": True,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
        "dataloader_pin_memory": False,
    }
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(Path(base) / "tokenizer.json"), pad_token=end, eos_token=end)
    columns = {key: [row[key] for row in rows] for key in ("input_ids", "labels")}
    trainer = SFTTrainer(
        model=model,
        args=SFTConfig(output_dir=str(folder), **(settings | options)),
        train_dataset=Dataset.from_dict(columns),
        processing_class=tokenizer,
        callbacks=[callback],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def adapted(base: str, rank: int, alpha: int, seed: int, rslora: bool = False) -> Any:
    """Load a base as training would, with a new LoRA in float32, drawn as ours is."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM, set_seed

    from tuner.models import training_dtype

    model = AutoModelForCausalLM.from_pretrained(base, dtype=training_dtype()).eval()
    set_seed(seed)
    shape = {"r": rank, "lora_alpha": alpha, "use_rslora": rslora}
    return get_peft_model(
        model, LoraConfig(**shape, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM")
    )


def in_bf16() -> bool:
    """Say whether everybody computes in bf16 here."""
    import torch

    from tuner.models import training_dtype

    return training_dtype() == torch.bfloat16


def _rows(job: dict[str, Any]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(job["rows"]).read_text(encoding="utf-8").splitlines()]


CONTESTANTS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "peak": peak,
    "stock": stock,
    "best": best,
    "loop": loop,
    "ours": ours,
    "two": two,
}


def work(job: dict[str, Any]) -> dict[str, Any]:
    """Do what the job's contestant does."""
    os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
    import torch

    if job["threads"]:
        torch.set_num_threads(job["threads"])
    return {"threads": torch.get_num_threads(), **CONTESTANTS[job["who"]](job)}


if __name__ == "__main__":
    raise SystemExit(answer_job(work))
