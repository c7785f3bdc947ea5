"""What a GGUF file cannot express is refused before any weight is read, and files are written reproducibly."""

from __future__ import annotations

import errno
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from tests.export.checkpoints import tiny_adapter, tiny_checkpoint
from tuner.errors import ExportError, MachineError
from tuner.export.architectures import adapter_refusal, require_supported
from tuner.export.gguf_base import write_gguf
from tuner.export.gguf_lora import write_gguf_lora
from tuner.export.merged import MergedFormat, write_merged
from tuner.export.vocabulary import read_vocabulary
from tuner.export.weights import LoraPair, Weights, read_json, read_lora, write_safetensors
from tuner.rundir import disk_errors_named

LLAMA = {"architectures": ["LlamaForCausalLM"]}
LATENT = {"architectures": ["DeepseekV2ForCausalLM"], "q_lora_rank": 48}
LORA = {"peft_type": "LORA", "bias": "none", "target_modules": ["q_proj"]}


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("bf16") / "base", "llama", dtype=torch.bfloat16)


@pytest.fixture(scope="module")
def adapter(checkpoint: Path) -> Path:
    return tiny_adapter(checkpoint.parent / "adapter", checkpoint)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (
            {"architectures": ["DeepseekV3ForCausalLM"]},
            "DeepseekV3ForCausalLM is not exported to GGUF: it chooses experts by groups and sigmoid scores",
        ),
        ({"architectures": ["MixtralForCausalLM"]}, "its experts have other names"),
        ({"architectures": ["GPT2LMHeadModel"]}, "architecture is GPT2LMHeadModel, wanted one of LlamaForCausalLM,"),
        (LLAMA | {"rope_scaling": {"type": "yarn"}}, "`rope_type` is 'yarn', wanted one of default, linear, llama3"),
        (LLAMA | {"use_sliding_window": True}, "`use_sliding_window` is true"),
        (LLAMA | {"quantization_config": {"bits": 4}}, "the weights are quantized"),
        (LLAMA | {"hidden_act": "gelu"}, "`hidden_act` is 'gelu', wanted 'silu'"),
        (LATENT | {"topk_method": "group_limited_greedy"}, "`topk_method` is 'group_limited_greedy', wanted 'greedy'"),
        (LATENT | {"q_lora_rank": None, "num_hidden_layers": 12}, "no `q_lora_rank` and 12 layers, wanted 26 or 27"),
    ],
)
def test_a_base_that_gguf_cannot_express_is_refused_with_its_reason(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ExportError) as caught:
        require_supported(config)
    assert message in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("config", "adapter", "reason"),
    [
        (LATENT, LORA, "llama.cpp drops LoRA on latent attention without a word"),
        (LLAMA, LORA | {"target_parameters": ["gate_up_proj"]}, "experts that are fused into one tensor were adapted"),
        (LLAMA, LORA | {"use_dora": True}, "`use_dora` is set: DoRA rescales whole weights"),
        (LLAMA, LORA | {"modules_to_save": ["lm_head"]}, "`modules_to_save` is set: whole modules were trained"),
        (LLAMA, LORA | {"bias": "all"}, "`bias` is 'all', wanted 'none'"),
        (
            LLAMA,
            LORA | {"target_modules": ["embed_tokens", "q_proj"]},
            "`target_modules` has embed_tokens, wanted among q_proj,",
        ),
        (LLAMA, LORA, ""),
    ],
)
def test_an_adapter_that_gguf_cannot_express_has_a_reason(
    config: dict[str, Any], adapter: dict[str, Any], reason: str
) -> None:
    found = adapter_refusal(require_supported(config), adapter)
    assert reason in found
    assert bool(found) is bool(reason)


def test_an_adapter_file_for_latent_attention_is_refused_with_the_alternative(tmp_path: Path) -> None:
    (tmp_path / "adapter_config.json").write_text(json.dumps(LORA))
    with pytest.raises(ExportError, match="drops LoRA on latent attention") as caught:
        write_gguf_lora(tmp_path, LATENT, tmp_path / "out.gguf")
    assert caught.value.hint == "take the merged model, as a folder or as GGUF"
    assert not (tmp_path / "out.gguf").exists()
    (tmp_path / "adapter_config.json").write_text(json.dumps(LORA | {"peft_type": "IA3"}))
    with pytest.raises(ExportError, match="`peft_type` is 'IA3', wanted 'LORA'"):
        write_gguf_lora(tmp_path, LLAMA, tmp_path / "out.gguf")


def test_the_same_input_gives_the_same_bytes(checkpoint: Path, adapter: Path, tmp_path: Path) -> None:
    config = read_json(checkpoint / "config.json")
    for name in ("a", "b"):
        write_gguf(checkpoint, tmp_path / name, "f16", "tiny")
        write_gguf_lora(adapter, config, tmp_path / f"{name}-lora")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert (tmp_path / "a-lora").read_bytes() == (tmp_path / "b-lora").read_bytes()


@pytest.mark.parametrize(
    ("number_format", "dtype", "bits"),
    [("f32", torch.float32, 20), ("f16", torch.float16, 10), ("bf16", torch.bfloat16, 7)],
)
def test_merged_folder_holds_the_sums_in_the_numbers_that_the_recipe_names(
    checkpoint: Path, adapter: Path, tmp_path: Path, number_format: MergedFormat, dtype: torch.dtype, bits: int
) -> None:
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    write_merged(checkpoint, read_lora(adapter), tmp_path / "merged", number_format)
    found = AutoModelForCausalLM.from_pretrained(tmp_path / "merged").state_dict()
    model = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
    wanted = PeftModel.from_pretrained(model, adapter).merge_and_unload().state_dict()
    base = load_file(checkpoint / "model.safetensors")
    for name, values in wanted.items():
        assert found[name].dtype == dtype
        # one unit in the last place: float32 sums in another order may round to the other neighbour
        torch.testing.assert_close(found[name].float(), values, rtol=2.0**-bits, atol=1e-6)
    name = "model.layers.1.mlp.down_proj.weight"
    assert not torch.equal(found[name], base[name].to(dtype))
    assert (tmp_path / "merged" / "tokenizer.json").is_file()


def test_a_sum_that_float16_cannot_hold_is_refused_with_the_number_format_that_can(
    checkpoint: Path, tmp_path: Path
) -> None:
    pair = LoraPair(np.full((1, 64), 300.0, np.float32), np.full((64, 1), 300.0, np.float32), 1.0)
    lora = {"model.layers.0.self_attn.q_proj.weight": pair}
    with pytest.raises(ExportError, match=r"q_proj.weight: a value is 900\d\d.*, float16 ends at 65504") as caught:
        write_merged(checkpoint, lora, tmp_path / "merged", "f16")
    assert caught.value.hint == 'write bfloat16: SET="export.merged=bf16"'


def test_an_adapter_of_another_base_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    pair = LoraPair(np.zeros((2, 32), np.float32), np.zeros((64, 2), np.float32), 1.0)
    with pytest.raises(ExportError, match=r"q_proj.weight as 64 x 32, the base has 64 x 64"):
        write_merged(checkpoint, {"model.layers.0.self_attn.q_proj.weight": pair}, tmp_path / "merged", "f32")
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


def test_a_full_disk_is_named_with_the_file_and_not_as_a_count_of_items(
    checkpoint: Path, adapter: Path, tmp_path: Path
) -> None:
    (tmp_path / "merged").mkdir()
    with pytest.raises(OSError) as caught:
        write_safetensors(Path("/dev/full"), sorted(Weights(checkpoint).tensors.items()), Weights(checkpoint).read)
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, "/dev/full")
    for write in (
        lambda: write_gguf(checkpoint, Path("/dev/full"), "f16", "tiny"),
        lambda: write_gguf_lora(adapter, read_json(checkpoint / "config.json"), Path("/dev/full")),
    ):
        with pytest.raises(MachineError) as named, disk_errors_named("export"):
            write()
        assert named.value.message == "export: the disk is full at /dev/full"
        assert named.value.hint == "free some space and repeat the command; finished stages are kept"


def test_a_file_that_may_not_grow_so_large_is_named_too(checkpoint: Path, tmp_path: Path) -> None:
    code = (
        "import resource, sys\nfrom pathlib import Path\nfrom tuner.export.gguf_base import write_gguf\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4_000_000, 4_000_000))\n"
        "try:\n    write_gguf(Path(sys.argv[1]), Path(sys.argv[2]), 'f16', 'tiny')\n"
        "except OSError as error:\n    print(error.errno, error.filename)"
    )
    out = tmp_path / "base.gguf"
    shown = subprocess.run([sys.executable, "-c", code, checkpoint, out], capture_output=True, text=True, check=True)
    assert shown.stdout.split() == [str(errno.EFBIG), str(out)]
