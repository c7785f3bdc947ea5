"""Each method gives an adapter that PEFT and the export read as it was trained, and says where it cannot be used."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests.train.test_families import small_family
from tuner.errors import ExportError, RecipeError, TrainError
from tuner.export.gguf_lora import write_gguf_lora
from tuner.export.merged import write_merged
from tuner.export.merged_by_peft import merge_by_peft
from tuner.export.weights import read_json, read_lora
from tuner.models import load_model
from tuner.recipe import TrainSettings
from tuner.recipe_file import load
from tuner.records import Base, Row
from tuner.train.methods import add_adapter, save_adapter

from .examples import base_record, train

IDS = torch.tensor([[5, 17, 200, 31, 40, 8]])
SETTINGS: dict[str, Any] = {"rank": 4, "alpha": 8}


@pytest.fixture(scope="module")
def mixture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_family(tmp_path_factory.mktemp("mixture") / "base", "deepseek2")


def made(base: Path, folder: Path, dtype: torch.dtype = torch.float32, **settings: Any) -> torch.Tensor:
    """Make an adapter, move its weights as training would, save it, and give what the model then says."""
    record, chosen = base_record(base), TrainSettings(**(SETTINGS | settings))
    folder.mkdir(parents=True, exist_ok=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        rows = torch.randint(5, 300, (12, 16)).tolist()
        model = add_adapter(load_model(record, None, dtype), record, chosen, rows, 32, folder)
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if "lora_B" in name or "magnitude" in name:
                    weight.add_(0.05 * torch.randn(weight.shape).to(weight.dtype))
            said = model(input_ids=IDS).logits
        save_adapter(model, record, chosen, folder / "adapter", folder)
    return said


def logits(base: Path, adapter: Path | None = None) -> torch.Tensor:
    with torch.no_grad():
        return load_model(base_record(base), adapter, torch.float32)(input_ids=IDS).logits


@pytest.mark.parametrize("settings", [{}, {"rslora": True}, {"method": "dora"}, {"method": "eva"},
                                      {"method": "pissa"}, {"method": "pissa", "rslora": True}], ids=str)  # fmt: skip
def test_what_is_saved_is_what_was_trained_on_the_untouched_base(
    base: Path, tmp_path: Path, settings: dict[str, Any]
) -> None:
    said = made(base, tmp_path, **settings)
    assert torch.allclose(logits(base, tmp_path / "adapter"), said, atol=1e-3)
    assert (logits(base) - said).abs().max() > 0.05  # the negative control
    config = read_json(tmp_path / "adapter/adapter_config.json")
    is_pissa = settings.get("method") == "pissa"
    assert (config["r"], config["init_lora_weights"], config["eva_config"]) == (8 if is_pissa else 4, True, None)
    assert config["use_dora"] == (settings.get("method") == "dora")


def test_eva_begins_with_the_directions_of_the_inputs_and_pissa_with_those_of_the_weight(
    base: Path, tmp_path: Path
) -> None:
    first: dict[str, torch.Tensor] = {}
    for method in ("lora", "eva", "pissa"):
        made(base, tmp_path / method, method=method)
        tensors = load_file(tmp_path / method / "adapter/adapter_model.safetensors")
        first[method] = tensors["base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"][:4]
    across = first["eva"] @ first["eva"].T
    assert torch.allclose(across, torch.eye(4), atol=1e-3)  # singular vectors; random ones are not at right angles
    assert not torch.allclose(first["lora"] @ first["lora"].T, torch.eye(4), atol=1e-1)
    weight = load_file(base / "model.safetensors")["model.layers.0.self_attn.q_proj.weight"]
    _, _, directions = torch.linalg.svd(weight)
    inside = (first["pissa"] @ directions[:4].T).norm() / first["pissa"].norm()
    assert inside == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("method", ["eva", "pissa"])
def test_eva_and_pissa_are_exported_as_any_lora(base: Path, tmp_path: Path, method: str) -> None:
    said = made(base, tmp_path, method=method)
    write_gguf_lora(tmp_path / "adapter", read_json(base / "config.json"), tmp_path / "adapter.gguf")
    write_merged(base, read_lora(tmp_path / "adapter"), tmp_path / "merged", "f32")
    assert torch.allclose(logits(tmp_path / "merged"), said, atol=1e-3)


def test_a_dora_has_no_adapter_file_and_merges_to_what_was_trained(base: Path, tmp_path: Path) -> None:
    said = made(base, tmp_path, method="dora")
    with pytest.raises(ExportError) as caught:
        write_gguf_lora(tmp_path / "adapter", read_json(base / "config.json"), tmp_path / "adapter.gguf")
    assert caught.value.message == (
        "adapter_config.json: `use_dora` is set: DoRA rescales whole weights, which a GGUF LoRA cannot express"
    )
    assert caught.value.hint == "take the merged model, as a folder or as GGUF"
    merge_by_peft(base_record(base), tmp_path / "adapter", tmp_path / "merged", "f32", exact=True)
    assert torch.allclose(logits(tmp_path / "merged"), said, atol=1e-3)


def test_a_mixture_merges_with_its_experts_and_leaves_them_alone_where_told(mixture: Path, tmp_path: Path) -> None:
    said = made(mixture, tmp_path)
    merge_by_peft(base_record(mixture), tmp_path / "adapter", tmp_path / "merged", "f32", exact=True)
    assert torch.allclose(logits(tmp_path / "merged"), said, atol=1e-3)
    made(mixture, tmp_path / "without", experts=False)
    names = list(load_file(tmp_path / "without/adapter/adapter_model.safetensors"))
    assert not [name for name in names if ".mlp.experts." in name]
    assert [name for name in names if ".shared_experts.up_proj." in name]  # which PEFT takes for an expert, if let


@pytest.mark.parametrize("method", ["dora", "pissa", "eva"])
def test_a_method_that_a_mixture_does_not_take_is_refused(mixture: Path, tmp_path: Path, method: str) -> None:
    with pytest.raises(TrainError) as caught:
        made(mixture, tmp_path, method=method)
    assert caught.value.message == (
        f"acme/small: {method} is not possible on a mixture of experts, whose experts are fused tensors"
    )
    assert caught.value.hint == 'SET="train.method=lora"'


def test_fused_experts_of_no_known_family_are_refused(mixture: Path, tmp_path: Path) -> None:
    record = dataclasses.replace(base_record(mixture), fim_form="prefix_only")
    model = load_model(record, None, torch.float32)
    with pytest.raises(TrainError) as caught:
        add_adapter(model, record, TrainSettings(), [[1]], 8, tmp_path)
    assert caught.value.message == (
        "acme/small: model.layers.1.mlp.experts.gate_up_proj: fused experts of no known family, which would stay frozen"
    )
    assert caught.value.hint == 'SET="train.experts=false" trains the linear layers alone'
    add_adapter(model, record, TrainSettings(experts=False), [[1]], 8, tmp_path)


def test_four_bits_are_refused_where_they_would_be_lost() -> None:
    with pytest.raises(RecipeError) as caught:
        load(None, None, ["train.method=pissa", "train.quantization=nf4"])
    assert caught.value.message == (
        "SET=train.quantization=nf4: `train`: method pissa changes the base's weights, which nf4 has rounded: wanted "
        "quantization none"
    )


@pytest.mark.parametrize(
    "settings",
    [{"method": "dora"}, {"method": "pissa"}, {"method": "eva", "quantization": "nf4"},
     {"optimizer": "paged_adamw_8bit", "quantization": "nf4"}],
    ids=str,
)  # fmt: skip
def test_every_method_trains(wide_base: Path, rows: list[Row], tmp_path: Path, settings: dict[str, Any]) -> None:
    adapter = train(tmp_path, wide_base, rows, rows[:2], epochs=2.0, **settings)
    assert adapter.metrics["train.valid_loss_best"] < adapter.metrics["train.valid_loss_base"] - 0.1
    card = (tmp_path / "out/adapter/README.md").read_text(encoding="utf-8")
    assert f"Method {settings.get('method', 'lora')}, rank 4" in card
    note = "14 of 14 adapted layers are more than a plain LoRA: computed by PEFT, slower"
    assert (note in adapter.fallbacks) == (settings.get("method") == "dora" or "quantization" in settings)


def test_a_base_of_no_known_family_is_adapted_like_the_others(base: Path, tmp_path: Path) -> None:
    record = Base("acme/other", str(base), "revision-1", "unheard_of")
    model = add_adapter(load_model(record, None, torch.float32), record, TrainSettings(), [[1]], 8, tmp_path)
    save_adapter(model, record, TrainSettings(), tmp_path / "adapter", tmp_path)
    targets = json.loads((tmp_path / "adapter/adapter_config.json").read_text(encoding="utf-8"))["target_modules"]
    assert len(targets) == 14
