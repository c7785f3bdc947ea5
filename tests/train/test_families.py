"""Every family trains, and its adapter, loaded again by PEFT, is the model that was trained."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer

from tests.export.checkpoints import tiny_checkpoint
from tuner.models import load_model, training_dtype
from tuner.recipe import TrainSettings
from tuner.records import Adapter, Row
from tuner.render import MASKED
from tuner.train.fast_paths import take_fast_paths
from tuner.train.methods import add_adapter

from .examples import CODE, base_record, hand_loss, loss_by_hand, packed_batch, train

FAMILIES = ("llama", "qwen2", "r1-distill", "qwen3", "qwen3moe", "deepseek-coder", "deepseek2", "deepseek3", "glm4")
MIXTURES = ("qwen3_moe", "deepseek_v2", "deepseek_v3")
SETTINGS: dict[str, Any] = {
    "rank": 4,
    "epochs": 4.0,
    "accumulation": 1,
    "sequences_per_batch": 8,
    "learning_rate": 3e-2,
}


def small_family(folder: Path, architecture: str) -> Path:
    """Write the smallest model of an architecture that still has every part of it."""
    return tiny_checkpoint(folder, architecture, short=True, hidden_size=32, intermediate_size=48, head_dim=8)


@pytest.fixture(scope="module", params=FAMILIES)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Adapter]:
    """Base folder, stage output, and what the stage returned."""
    folder = tmp_path_factory.mktemp(request.param)
    base = small_family(folder / "base", request.param)
    rows = code_rows_of(base)
    return base, folder / "out", train(folder, base, rows, rows[:1], **SETTINGS)


@functools.cache
def code_rows_of(base: Path) -> list[Row]:
    tokenizer = Tokenizer.from_file(str(base / "tokenizer.json"))
    ids = [tokenizer.encode(CODE[start:], add_special_tokens=False).ids[:40] for start in (0, 40, 80, 120)]
    return [Row(f"pair{n}", "file", each, [MASKED] * 10 + each[10:]) for n, each in enumerate(ids)]


def test_the_loss_falls(trained: tuple[Path, Path, Adapter]) -> None:
    metrics = trained[2].metrics
    assert metrics["train.loss_final"] < metrics["train.loss_first"] - 0.2
    assert metrics["train.valid_loss_best"] < metrics["train.valid_loss_base"] - 0.2


def test_the_saved_adapter_loaded_again_is_the_trained_model(trained: tuple[Path, Path, Adapter]) -> None:
    base, out, adapter = trained
    record, row = base_record(base), code_rows_of(base)[:1]
    near = 2e-4 if training_dtype() == torch.float32 else 5e-2
    again = load_model(record, out / "adapter", training_dtype())
    assert hand_loss(again, row) == pytest.approx(adapter.metrics["train.valid_loss_best"], abs=near)
    with again.disable_adapter():  # the negative control: without the adapter it is the base
        assert hand_loss(again, row) == pytest.approx(adapter.metrics["train.valid_loss_base"], abs=near)


def test_our_ways_give_the_loss_and_the_gradients_of_the_libraries(
    trained: tuple[Path, Path, Adapter], tmp_path: Path
) -> None:
    base, _, adapter = trained
    record, rows = base_record(base), code_rows_of(base)[1:]
    losses, gradients = [], []
    for ours in (False, True):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(11)
            model = add_adapter(load_model(record, None, torch.float32), record, TrainSettings(rank=4), [], 8, tmp_path)
            for name, weight in model.named_parameters():
                if "lora_B" in name:
                    torch.nn.init.normal_(weight, std=0.1)
        model.train()
        if ours:
            paths = take_fast_paths(model, torch.device("cpu"))
            total, count = model(**packed_batch(rows), use_cache=False, labelled_loss=True)
            loss = total / count
            assert (paths.attention, paths.labelled_loss, paths.fused_layers > 0) == (True, True, True)
            assert paths.notes == [
                each for each in adapter.fallbacks if not each.startswith(("no native bf16", "validation:"))
            ]
        else:
            loss = loss_by_hand(model, rows)
        loss.backward()
        losses.append(float(loss.detach()))
        gradients.append({name: weight.grad for name, weight in model.named_parameters() if weight.requires_grad})
    assert losses[1] == pytest.approx(losses[0], rel=1e-5)
    for name, wanted in gradients[0].items():
        assert torch.allclose(gradients[1][name], wanted, rtol=1e-3, atol=1e-5 * float(wanted.abs().max())), name


def test_every_linear_layer_but_the_head_is_adapted_and_every_fused_expert(trained: tuple[Path, Path, Adapter]) -> None:
    base, out, _ = trained
    config = json.loads((out / "adapter/adapter_config.json").read_text())
    model = load_model(base_record(base), None, torch.float32)
    linear = [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
    fused = {name for name, weight in model.named_parameters() if weight.ndim == 3}
    assert "lm_head" in linear and len(linear) >= 9
    assert bool(fused) == (json.loads((base / "config.json").read_text())["model_type"] in MIXTURES)
    tuned = load_model(base_record(base), out / "adapter", torch.float32)
    adapted = {
        name.removeprefix("base_model.model.") for name, each in tuned.named_modules() if hasattr(each, "lora_A")
    }
    assert {name.replace(".base_layer", "") for name in adapted} == {
        *(name for name in linear if name != "lm_head"),
        *(name.rsplit(".", 1)[0] for name in fused),
    }
    assert {name for name in fused if name.endswith(tuple(config["target_parameters"] or ["nothing"]))} == fused
    assert set(config["rank_pattern"].values()) == ({SETTINGS["rank"] // 2} if fused else set())  # two experts a token


def test_the_adapter_names_its_base_and_no_folder_of_this_machine(trained: tuple[Path, Path, Adapter]) -> None:
    base, out, adapter = trained
    text = (out / "adapter/adapter_config.json").read_text()
    config = json.loads(text)
    assert (config["base_model_name_or_path"], config["revision"]) == ("acme/small", "revision-1")
    assert str(base.parent) not in text
    assert list(config) == sorted(config)
    files = ["README.md", "adapter_config.json", "adapter_model.safetensors"]
    assert sorted(path.name for path in (out / "adapter").iterdir()) == files
    card = (out / "adapter/README.md").read_text()
    assert card.startswith("---\nbase_model: acme/small\nlibrary_name: peft\n---\n")
    assert f"{adapter.metrics['train.tokens']:.0f} tokens in {adapter.metrics['train.steps']:.0f} steps" in card
    assert str(base.parent) not in card
    assert (adapter.base_name, adapter.base_revision, adapter.folder) == ("acme/small", "revision-1", "adapter")
