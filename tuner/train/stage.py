"""Train a LoRA adapter on the rows of the dataset stage, with TRL's trainer.

In: `data/train.jsonl` and `data/valid.jsonl`, rows of token ids with labels, `data/replay.jsonl` where the recipe
replays, and a base. Out: `adapter/` in PEFT layout, of the step that validated best, `metrics.jsonl` (a line a step and
a line a validation), `timings.jsonl`, the picture `loss.svg`, and what `train.log_to` asks for. Rows are packed into
sequences of `dataset.max_tokens` whose parts do not see each other. Nothing is dropped here. A killed run goes on from
its last whole checkpoint and ends with the same weights.

    tuner train --repo ../your-repo --set train.rank=16
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset as Rows
from datasets.utils.logging import disable_progress_bar
from transformers import PreTrainedTokenizerFast, PrinterCallback, set_seed

from tuner.errors import TrainError
from tuner.families import LINEAR
from tuner.models import adapter_sha256, device, giving_memory_back, is_out_of_memory, load_model, training_dtype
from tuner.recipe import TrainSettings
from tuner.records import Adapter, Base, Dataset, Row, read_jsonl
from tuner.replayed import Replay
from tuner.rundir import Workspace
from tuner.train.fast_paths import take_fast_paths
from tuner.train.logs import keep_logs, open_logs
from tuner.train.methods import add_adapter, save_adapter
from tuner.train.optimizer import MasterWeights, make_optimizer
from tuner.train.share import make_view
from tuner.train.together import added, agreed, begin_alike, require_processes
from tuner.train.trainer import PackedTrainer, sft_config
from tuner.train.validation import Validation, valid_loss
from tuner.train.watch import Cost, Diverged, Watch, cut_logs, ends, last_checkpoint
from tuner.training_log import LOG
from tuner.training_view import TrainingView

disable_progress_bar()


def run(
    base: Base,
    dataset: Dataset,
    settings: TrainSettings,
    max_tokens: int,
    end_token: str,
    seed: int,
    work: Workspace,
    replay: Replay | None = None,
) -> Adapter:
    """Train and save one adapter. `end_token` pads; it is never looked at. The rows of `replay` are trained on too."""
    files = [work.run / each for each in (dataset.train, *([replay.rows] if replay else []))]
    rows = _columns(files, max_tokens)
    if not rows["input_ids"]:
        raise TrainError("there is no training row", "`data/README.md` in the run folder says what was dropped and why")
    valid = _columns([work.run / dataset.valid], max_tokens)
    with _memory_errors_named(settings, max_tokens), giving_memory_back(settings.gradient_checkpointing):
        dtype = training_dtype()
        fallbacks = [] if dtype == torch.bfloat16 else ["no native bf16 on this machine: trained in float32"]
        trainer, optimizer = _build(base, rows, valid, settings, max_tokens, end_token, seed, dtype, work.scratch)
        fallbacks += trainer.paths.notes_for(max(map(len, rows["input_ids"])))
        view = make_view(trainer.model.config.to_dict(), rows, settings, dtype, trainer.accelerator.num_processes)
        metrics, notes = _train(trainer, optimizer, settings, _bits_per_nat(dataset), work, view)
        folder = work.out / "adapter"
        save_adapter(trainer.model, base, settings, folder, work.scratch)
    _write_card(folder, base, settings, metrics)
    keep_logs(settings.log_to, work.scratch, work.out)
    return Adapter("adapter", base.name, base.revision, adapter_sha256(folder), metrics, [*fallbacks, *notes])


def _build(
    base: Base,
    rows: dict[str, list[Any]],
    valid: dict[str, list[Any]],
    settings: TrainSettings,
    max_tokens: int,
    end_token: str,
    seed: int,
    dtype: torch.dtype,
    folder: Path,
) -> tuple[PackedTrainer, MasterWeights]:
    """Load the base, put an adapter on it, and pack the rows."""
    model = load_model(base, None, dtype, settings.quantization, place=settings.sharding == "none")
    set_seed(seed)  # after loading, which may draw random numbers
    model = add_adapter(model, base, settings, rows["input_ids"], max_tokens, folder)
    begin_alike(model, settings.sharding)
    model.config.use_cache = False
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(Path(base.path) / "tokenizer.json"), pad_token=end_token, eos_token=end_token
    )
    weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = make_optimizer(settings.optimizer, weights, settings.learning_rate, settings.weight_decay)
    trainer = PackedTrainer(
        model=model,
        args=sft_config(settings, max_tokens, seed, folder),
        train_dataset=Rows.from_dict(rows),
        eval_dataset=Rows.from_dict(valid) if valid["input_ids"] else None,
        processing_class=tokenizer,
        optimizers=(optimizer, None),
    )
    require_processes(trainer.accelerator, settings.processes)
    trainer.remove_callback(PrinterCallback)
    trainer.paths = take_fast_paths(model, device())
    return trainer, optimizer


def _train(
    trainer: PackedTrainer,
    optimizer: MasterWeights,
    settings: TrainSettings,
    bits_per_nat: float | None,
    work: Workspace,
    view: TrainingView,
) -> tuple[dict[str, float], list[str]]:
    """Train from the last whole checkpoint to the end, take the best step, and return metrics and notes of it all."""
    checkpoint = agreed(last_checkpoint(work.scratch))
    done = int(checkpoint.name.rpartition("-")[2]) if checkpoint else 0
    kept = cut_logs(work.scratch, done)
    steps = plan_steps(trainer, settings)
    cost = Cost(work.scratch / "cost.json")
    validation = None
    if trainer.eval_dataset is not None:

        def measure(label: str) -> float:
            return valid_loss(trainer, work.progress, label)

        validation = Validation(measure, trainer.model, settings, steps, work.scratch / LOG, kept, cost)
        cost.leave_out()
    notes = []
    with (
        work.progress.track("training", total=steps, unit="step") as track,
        open_logs(settings.log_to, work.scratch, work.run.name, done) as logs,
    ):
        track.skip(done)
        track.show(view)
        watch = Watch(track, work.scratch, kept, cost, view, logs)
        if done < steps and not (validation and validation.is_over):
            for each in filter(None, (watch, validation)):
                trainer.add_callback(each)
            try:
                trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
            except Diverged as fault:
                if validation is None or not validation.has_helped:
                    raise
                notes.append(
                    f"training stopped: {fault.message}; the adapter is the best before that; hint: {fault.hint}"
                )
        elif checkpoint is not None:  # killed between the last step and the end
            state = torch.load(checkpoint / "optimizer.pt", map_location=device(), weights_only=True)
            optimizer.load_state_dict(state)
        cost.lap()
    first, final = ends(watch.losses)
    trained = len(watch.losses)
    metrics = {
        "train.seconds": round(cost.seconds, 1),  # of all attempts, with the steps that a kill lost
        "train.steps": trained,
        "train.steps_planned": steps,
        "train.resumed_at_step": done,
        "train.tokens": watch.tokens,
        "train.tokens_per_second": round(watch.tokens / cost.seconds, 1),
        "train.peak_memory_gib": round(sum(added(cost.peak_memory_gib)), 3),  # of all processes together
        "train.loss_first": round(first, 4),
        "train.loss_final": round(final, 4),
    }
    if settings.processes > 1:
        metrics["train.processes"] = settings.processes
    if validation is None:
        return metrics, notes
    if validation.is_over and trained < steps:
        notes.append(
            f"training stopped after step {trained} of {steps}: {settings.patience} validations in a row without a "
            "better one (train.patience)"
        )
    validation.take_best()
    return metrics | validation.metrics(bits_per_nat), notes + validation.notes()


def plan_steps(trainer: PackedTrainer, settings: TrainSettings) -> int:
    """Set the steps and their rate: warm up, hold, then fall linearly to 2 %, as measured with the embedded base."""
    batches = -(-len(trainer.train_dataset) // (settings.sequences_per_batch * settings.accumulation))
    steps = max(1, round(settings.epochs * batches))
    trainer.args.max_steps = steps
    trainer.args.warmup_steps = int(steps * settings.warmup_share)
    trainer.args.lr_scheduler_type = "warmup_stable_decay"
    trainer.args.lr_scheduler_kwargs = {
        "num_decay_steps": int(steps * settings.decay_share),
        "decay_type": "linear",
        "min_lr_ratio": 0.02,
    }
    return steps


def _bits_per_nat(dataset: Dataset) -> float | None:
    """Give the factor from nats per labelled token to bits per byte, where the dataset counted both."""
    labels, spelled = (dataset.metrics.get(f"dataset.valid_{name}", 0.0) for name in ("labels", "bytes"))
    return labels / spelled / math.log(2.0) if labels and spelled else None


@contextmanager
def _memory_errors_named(settings: TrainSettings, max_tokens: int) -> Iterator[None]:
    """Say what to lower, as far as it is not lowered already."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        ways = {
            f"train.sequences_per_batch=1 train.accumulation={settings.sequences_per_batch * settings.accumulation}": (
                settings.sequences_per_batch > 1
            ),
            "train.gradient_checkpointing=true": not settings.gradient_checkpointing,
            "train.processes=1": settings.processes > 1 and device().type == "cpu",
            "train.quantization=nf4": settings.quantization == "none",
            f"dataset.max_tokens={max_tokens // 2}": True,
        }
        hints = [f'SET="{words}"' for words, useful in ways.items() if useful]
        raise TrainError("out of memory", f"{', or '.join(hints)}; `tuner plan` says what each takes") from None


def _columns(paths: list[Path], max_tokens: int) -> dict[str, list[Any]]:
    columns: dict[str, list[Any]] = {"input_ids": [], "labels": []}
    for file, row in ((path, row) for path in paths for row in read_jsonl(path, Row)):
        if len(row.input_ids) > max_tokens:  # packing would cut it short without a word
            raise TrainError(
                f"{file}: the row of pair {row.pair_id} has {len(row.input_ids)} tokens, wanted {max_tokens} at most",
                "the file is of another dataset.max_tokens; remove the run folder and run again",
            )
        columns["input_ids"].append(row.input_ids)
        columns["labels"].append(row.labels)
    return columns


def _write_card(folder: Path, base: Base, settings: TrainSettings, metrics: dict[str, float]) -> None:
    """Say what the adapter is, in place of PEFT's card of empty headings; no time goes in, so that it is repeatable."""
    text = f"""---
base_model: {base.name}
library_name: peft
---
# LoRA adapter for {base.name}

Base revision {base.revision}. Method {settings.method}, rank {settings.rank}, alpha {settings.alpha}, {LINEAR};
{metrics["train.tokens"]:.0f} tokens in {metrics["train.steps"]:.0f} steps, learning rate {settings.learning_rate:g}.
Data, evaluation and the whole recipe lie in the run folder that holds this one. It contains what a model learned from
the repository: treat it as you treat the source code.
"""
    (folder / "README.md").write_text(text, encoding="utf-8")
