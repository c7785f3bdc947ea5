"""What a GGUF file cannot express is refused before any weight is read, and files are written reproducibly."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.export.checkpoints import tiny_adapter, tiny_checkpoint
from tuner.errors import ExportError
from tuner.export.architectures import require_supported
from tuner.export.gguf_base import write_gguf
from tuner.export.gguf_lora import write_gguf_lora
from tuner.export.merged import write_merged
from tuner.export.vocabulary import read_vocabulary
from tuner.export.weights import LoraPair, Weights, read_json, read_lora

LLAMA = {"architectures": ["LlamaForCausalLM"]}
LORA = {"peft_type": "LORA", "bias": "none", "target_modules": ["q_proj"]}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("bf16") / "base", "llama", dtype=torch.bfloat16)


@pytest.fixture(scope="module")
def adapter(checkpoint: Path) -> Path:
    return tiny_adapter(checkpoint.parent / "adapter", checkpoint)


@pytest.mark.parametrize(
    ("config", "adapter", "message"),
    [
        (
            {"architectures": ["DeepseekV2ForCausalLM"]},
            LORA,
            "DeepseekV2ForCausalLM is not exported to GGUF: llama.cpp drops LoRA",
        ),
        ({"architectures": ["Qwen3MoeForCausalLM"]}, LORA, "its experts are fused into one tensor"),
        (
            {"architectures": ["GPT2LMHeadModel"]},
            LORA,
            "architecture is GPT2LMHeadModel, wanted one of LlamaForCausalLM,",
        ),
        (
            LLAMA | {"rope_scaling": {"type": "yarn"}},
            LORA,
            "`rope_type` is 'yarn', wanted one of default, linear, llama3",
        ),
        (LLAMA | {"use_sliding_window": True}, LORA, "`use_sliding_window` is true"),
        (LLAMA | {"quantization_config": {"bits": 4}}, LORA, "the weights are quantized"),
        (LLAMA | {"hidden_act": "gelu"}, LORA, "`hidden_act` is 'gelu', wanted 'silu'"),
        (LLAMA, LORA | {"use_dora": True}, "`use_dora` is set: DoRA rescales whole weights"),
        (LLAMA, LORA | {"modules_to_save": ["lm_head"]}, "`modules_to_save` is set: whole modules were trained"),
        (LLAMA, LORA | {"bias": "all"}, "`bias` is 'all', wanted 'none'"),
        (LLAMA, LORA | {"peft_type": "IA3"}, "`peft_type` is 'IA3', wanted 'LORA'"),
        (
            LLAMA,
            LORA | {"target_modules": ["embed_tokens", "q_proj"]},
            "`target_modules` has embed_tokens, wanted among q_proj,",
        ),
    ],
)
def test_what_gguf_cannot_express_is_refused_with_its_reason(
    config: dict[str, Any], adapter: dict[str, Any], message: str
) -> None:
    with pytest.raises(ExportError) as caught:
        require_supported(config, adapter)
    assert message in caught.value.message
    assert caught.value.hint


def test_the_same_input_gives_the_same_bytes(checkpoint: Path, adapter: Path, tmp_path: Path) -> None:
    config = read_json(checkpoint / "config.json")
    for name in ("a", "b"):
        write_gguf(checkpoint, tmp_path / name, "f16", "tiny")
        write_gguf_lora(adapter, config, tmp_path / f"{name}-lora")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a-lora").read_bytes() == (tmp_path / "b-lora").read_bytes()


@pytest.mark.parametrize(("exact", "dtype"), [(True, torch.float32), (False, torch.bfloat16)])
def test_merged_folder_holds_the_sums_in_float32_or_in_the_number_type_of_the_base(
    checkpoint: Path, adapter: Path, tmp_path: Path, exact: bool, dtype: torch.dtype
) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    write_merged(checkpoint, read_lora(adapter), tmp_path / "merged", exact)
    found = AutoModelForCausalLM.from_pretrained(tmp_path / "merged").state_dict()
    model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
    wanted = PeftModel.from_pretrained(model, adapter).merge_and_unload().state_dict()
    base = load_file(checkpoint / "model.safetensors")
    for name, values in wanted.items():
        assert found[name].dtype == dtype
        # one unit in the last place: float32 sums in another order may round to the other neighbour
        torch.testing.assert_close(found[name].float(), values, rtol=1e-6 if exact else 2**-7, atol=1e-6)
    name = "model.layers.1.mlp.down_proj.weight"
    assert not torch.equal(found[name], base[name].to(dtype))
    assert (tmp_path / "merged" / "tokenizer.json").is_file()


def test_an_adapter_of_another_base_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    pair = LoraPair(np.zeros((2, 32), np.float32), np.zeros((64, 2), np.float32), 1.0)
    with pytest.raises(ExportError, match=r"q_proj.weight as 64 x 32, the base has 64 x 64"):
        write_merged(checkpoint, {"model.layers.0.self_attn.q_proj.weight": pair}, tmp_path / "merged", exact=True)
    with pytest.raises(ExportError, match="which the base lacks"):
        write_gguf(checkpoint, tmp_path / "x.gguf", "f16", "tiny", {"model.layers.9.mlp.up_proj.weight": pair})


def test_a_tokenizer_that_the_engine_would_split_otherwise_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    for name in ("config.json", "tokenizer_config.json", "tokenizer.json"):
        shutil.copyfile(checkpoint / name, tmp_path / name)
    definition = json.loads((tmp_path / "tokenizer.json").read_text())
    assert read_vocabulary(tmp_path, 49152).pre == "smollm"
    with pytest.raises(ExportError, match="has id 49000, the model has 49000 embeddings"):
        read_vocabulary(tmp_path, 49000)
    definition["pre_tokenizer"]["pretokenizers"][0]["individual_digits"] = False
    (tmp_path / "tokenizer.json").write_text(json.dumps(definition))
    with pytest.raises(ExportError, match=r"which has no known name in llama\.cpp"):
        read_vocabulary(tmp_path, 49152)
    definition["model"] = {"type": "Unigram"}
    (tmp_path / "tokenizer.json").write_text(json.dumps(definition))
    with pytest.raises(ExportError, match="the tokenizer is Unigram, wanted byte-level BPE"):
        read_vocabulary(tmp_path, 49152)


def test_weights_that_were_cut_short_are_refused(checkpoint: Path, tmp_path: Path) -> None:
    whole = (checkpoint / "model.safetensors").read_bytes()
    (tmp_path / "model.safetensors").write_bytes(whole[:-10])
    with pytest.raises(ExportError, match="ends after the file: it was cut short"):
        Weights(tmp_path)
