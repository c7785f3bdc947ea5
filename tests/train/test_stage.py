from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers.models.llama.modeling_llama import LlamaMLP

from tuner.models import training_dtype
from tuner.recipe import TrainSettings
from tuner.records import Row
from tuner.training_log import steps_of

from .examples import train

METRICS = {
    *("train.seconds", "train.steps", "train.resumed_at_step", "train.tokens", "train.tokens_per_second"),
    *("train.peak_memory_gib", "train.loss_first", "train.loss_final", "train.steps_planned"),
}
VALIDATED = {"train.best_step", *(f"train.valid_loss_{name}" for name in ("base", "best", "final"))}


def losses(folder: Path) -> list[float]:
    lines = map(json.loads, (folder / "out/metrics.jsonl").read_text().splitlines())
    return [line["loss"] for line in steps_of(lines)]


def test_metrics_say_what_happened(base: Path, rows: list[Row], tmp_path: Path) -> None:
    adapter = train(tmp_path, base, rows, rows[:2])
    metrics, logged = adapter.metrics, losses(tmp_path)
    assert metrics.keys() == METRICS | VALIDATED
    assert metrics["train.steps"] == metrics["train.steps_planned"] == len(logged) == 8
    assert metrics["train.loss_first"] == round(sum(logged[:4]) / 4, 4)
    assert metrics["train.loss_final"] == round(sum(logged[-4:]) / 4, 4)
    assert metrics["train.loss_final"] < metrics["train.loss_first"]
    assert metrics["train.valid_loss_final"] < metrics["train.valid_loss_base"]
    assert metrics["train.tokens"] == 4 * sum(len(row.input_ids) for row in rows)
    assert 0 < metrics["train.seconds"] < 60 and metrics["train.resumed_at_step"] == 0
    assert 0.05 < metrics["train.peak_memory_gib"] < 64
    in_bf16 = training_dtype() == torch.bfloat16
    assert adapter.fallbacks == ([] if in_bf16 else ["no native bf16 on this machine: trained in float32"])


def test_fewer_sequences_than_a_batch_train_in_one_step(base: Path, rows: list[Row], tmp_path: Path) -> None:
    adapter = train(tmp_path, base, rows[:1], sequences_per_batch=4, accumulation=8, epochs=1.0)
    assert adapter.metrics["train.steps"] == 1
    assert adapter.metrics["train.tokens"] == len(rows[0].input_ids)
    assert adapter.metrics["train.loss_first"] == adapter.metrics["train.loss_final"]
    assert adapter.metrics.keys() == METRICS  # no validation row, no validation loss


def test_part_of_an_epoch_is_trained(base: Path, rows: list[Row], tmp_path: Path) -> None:
    adapter = train(tmp_path, base, rows, epochs=0.5, accumulation=1)
    assert adapter.metrics["train.steps"] == 2
    assert adapter.metrics["train.tokens"] < sum(len(row.input_ids) for row in rows)


def test_qlora_trains_on_the_processor(wide_base: Path, rows: list[Row], tmp_path: Path) -> None:
    quantised = train(tmp_path / "nf4", wide_base, rows, rows[:2], quantization="nf4").metrics
    whole = train(tmp_path / "none", wide_base, rows, rows[:2], epochs=0.1).metrics
    assert quantised["train.loss_final"] < quantised["train.loss_first"] - 0.1
    assert quantised["train.valid_loss_final"] < quantised["train.valid_loss_base"] - 0.1
    assert quantised["train.valid_loss_base"] != whole["train.valid_loss_base"]  # it really was quantised
    assert quantised["train.valid_loss_base"] == pytest.approx(whole["train.valid_loss_base"], rel=0.1)


def test_gradient_checkpointing_computes_layers_twice_and_changes_no_loss(
    base: Path, rows: list[Row], tmp_path: Path
) -> None:
    calls: dict[str, int] = {}
    for name in ("plain", "checkpointed"):
        calls[name] = 0

        def count(module: torch.nn.Module, *_: object, name: str = name) -> None:
            calls[name] += isinstance(module, LlamaMLP)

        hook = torch.nn.modules.module.register_module_forward_pre_hook(count)
        train(tmp_path / name, base, rows, gradient_checkpointing=name == "checkpointed")
        hook.remove()
    assert calls["checkpointed"] == 2 * calls["plain"]
    assert losses(tmp_path / "checkpointed") == pytest.approx(losses(tmp_path / "plain"), rel=1e-3)


def test_every_training_setting_reaches_trl_or_peft(tmp_path: Path) -> None:
    from tuner.train import methods, stage

    settings = TrainSettings(rank=3, alpha=5, rslora=True, learning_rate=0.07, sequences_per_batch=6, accumulation=7)
    lora, sft = methods.lora_config(settings), stage.sft_config(settings, 77, 21, tmp_path)
    assert (lora.r, lora.lora_alpha, lora.use_rslora, lora.lora_dropout) == (3, 5, True, 0.0)
    assert (sft.learning_rate, sft.per_device_train_batch_size, sft.gradient_accumulation_steps) == (0.07, 6, 7)
    assert (sft.max_length, sft.seed, sft.data_seed, sft.packing, sft.padding_free) == (77, 21, 21, True, False)
    assert (sft.report_to, sft.push_to_hub, sft.logging_nan_inf_filter) == ([], False, False)
