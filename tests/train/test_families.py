"""Every family trains, and its adapter, loaded again by PEFT, is the model that was trained."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer

from tests.export.checkpoints import ARCHITECTURES, tiny_checkpoint
from tuner.models import fast_dtype, load_model
from tuner.records import Adapter, Row
from tuner.render import MASKED

from .examples import CODE, base_record, hand_loss, train

SETTINGS: dict[str, Any] = {"epochs": 6.0, "accumulation": 1, "sequences_per_batch": 8, "learning_rate": 3e-2}


@pytest.fixture(scope="module", params=ARCHITECTURES)
def trained(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, Adapter]:
    """Base folder, stage output, and what the stage returned."""
    folder = tmp_path_factory.mktemp(request.param)
    base = tiny_checkpoint(folder / "base", request.param, hidden_size=32, intermediate_size=48, head_dim=8)
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
    assert metrics["train.valid_loss_final"] < metrics["train.valid_loss_base"] - 0.2


def test_the_saved_adapter_loaded_again_is_the_trained_model(trained: tuple[Path, Path, Adapter]) -> None:
    base, out, adapter = trained
    record, row = base_record(base), code_rows_of(base)[:1]
    near = 2e-4 if fast_dtype() == torch.float32 else 5e-2
    again = load_model(record, out / "adapter", fast_dtype())
    assert hand_loss(again, row) == pytest.approx(adapter.metrics["train.valid_loss_final"], abs=near)
    with again.disable_adapter():  # the negative control: without the adapter it is the base
        assert hand_loss(again, row) == pytest.approx(adapter.metrics["train.valid_loss_base"], abs=near)


def test_every_linear_layer_but_the_head_is_adapted(trained: tuple[Path, Path, Adapter]) -> None:
    base, out, _ = trained
    config = json.loads((out / "adapter/adapter_config.json").read_text())
    model = load_model(base_record(base), None, torch.float32)
    linear = [name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)]
    assert config["target_modules"] == sorted(name for name in linear if name != "lm_head")
    assert "lm_head" in linear and len(linear) == 15


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
