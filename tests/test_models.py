"""A base and its adapter load as one model, and what cannot be loaded is named without a traceback."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.export.checkpoints import tiny_adapter
from tests.train.examples import base_record, small_base
from tuner.errors import BaseError
from tuner.models import adapter_sha256, device, load_model, training_dtype
from tuner.records import sha256_file

IDS = torch.tensor([[5, 17, 200, 31]])


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_base(tmp_path_factory.mktemp("models") / "base")


@pytest.fixture(scope="module")
def adapter(folder: Path) -> Path:
    return tiny_adapter(folder.parent / "adapter", folder, r=2)


def test_a_model_is_ready_to_answer_in_the_wanted_number_type(folder: Path) -> None:
    for dtype in (torch.float32, torch.bfloat16):
        model = load_model(base_record(folder), None, dtype)
        assert {weight.dtype for weight in model.parameters()} == {dtype}
        assert not model.training and model.device.type == device().type
    assert training_dtype() in (torch.float32, torch.bfloat16)


def test_an_adapter_changes_the_answers_and_keeps_the_number_type(folder: Path, adapter: Path) -> None:
    base = base_record(folder)
    with torch.no_grad():
        plain = load_model(base, None, torch.float32)(input_ids=IDS).logits
        tuned = load_model(base, adapter, torch.bfloat16)
        exact = load_model(base, adapter, torch.float32)(input_ids=IDS).logits
    assert {weight.dtype for weight in tuned.parameters()} == {torch.bfloat16}
    assert (exact - plain).abs().max() > 0.01
    assert adapter_sha256(adapter) == sha256_file(adapter / "adapter_model.safetensors")


def test_an_nf4_model_holds_four_bits_a_weight(folder: Path) -> None:
    model = load_model(base_record(folder), None, torch.float32, "nf4")
    weight = model.get_submodule("model.layers.0.mlp.up_proj").weight
    assert (weight.dtype, weight.numel()) == (torch.uint8, 64 * 32 // 2)


def test_weights_cut_short_are_named(folder: Path, tmp_path: Path) -> None:
    broken = small_base(tmp_path / "base")
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-10])
    with pytest.raises(BaseError) as caught:
        load_model(base_record(broken), None, torch.float32)
    assert caught.value.message == (
        f"{broken}: cannot be loaded: Error while deserializing header: incomplete metadata, file not fully covered"
    )
    assert caught.value.hint == "is the folder whole, and its architecture supported?"


def test_nothing_of_a_base_folder_is_executed(folder: Path, tmp_path: Path) -> None:
    hostile = small_base(tmp_path / "base")
    (hostile / "modeling_evil.py").write_text(
        f"open({str(tmp_path / 'ran')!r}, 'w')\nEvilModel = EvilConfig = object\n"
    )
    config = json.loads((hostile / "config.json").read_text())
    names = {"AutoConfig": "modeling_evil.EvilConfig", "AutoModelForCausalLM": "modeling_evil.EvilModel"}
    (hostile / "config.json").write_text(json.dumps(config | {"auto_map": names}))
    load_model(base_record(hostile), None, torch.float32)  # its model_type is known, so its code is not needed
    (hostile / "config.json").write_text(json.dumps(config | {"auto_map": names, "model_type": "evil"}))
    with pytest.raises(BaseError, match="cannot be loaded: The repository"):
        load_model(base_record(hostile), None, torch.float32)
    assert not (tmp_path / "ran").exists()


FAULTS = """
import resource, torch
def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.zeros(8 << 20)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
otherwise = faults()
import tuner.models
faults()  # the first ones grow the heap
print(otherwise, faults())
"""


def test_freed_memory_is_kept_for_the_next_tensor() -> None:
    """Returned to the system, each of these tensors would have to be mapped page by page again."""
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    otherwise, kept = map(int, done.stdout.split())
    assert otherwise > 1000 * max(kept, 1)


def test_an_adapter_of_another_base_is_refused_by_revision_and_by_shape(
    folder: Path, adapter: Path, tmp_path: Path
) -> None:
    hint = "take the base that the adapter was trained on, or train on this one"
    marked = Path(shutil.copytree(adapter, tmp_path / "marked"))
    config = json.loads((marked / "adapter_config.json").read_text())
    config |= {"base_model_name_or_path": "acme/large", "revision": "f" * 40}
    (marked / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(BaseError) as caught:
        load_model(base_record(folder), marked, torch.float32)
    assert caught.value.message == f"{marked}: made for acme/large ffffffffffff, the base is acme/small revision-1"
    assert caught.value.hint == hint
    weights = load_file(adapter / "adapter_model.safetensors")
    wider = Path(shutil.copytree(adapter, tmp_path / "wider"))
    save_file(
        {name: torch.cat([each, each], dim=1 if "lora_A" in name else 0) for name, each in weights.items()},
        wider / "adapter_model.safetensors",
        {"format": "pt"},
    )
    with pytest.raises(BaseError) as caught:
        load_model(base_record(folder), wider, torch.float32)
    first = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.default.weight"
    assert caught.value.message == f"{wider}: does not fit acme/small: size mismatch for {first}"
    assert caught.value.hint == hint
