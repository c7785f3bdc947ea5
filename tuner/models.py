"""Load a base, with or without an adapter, as a torch model: what train, evaluate and export share.

Weights are read from safetensors only, and nothing of a base folder is executed (`trust_remote_code` stays off).
"""

from __future__ import annotations

import json
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, PreTrainedModel
from transformers.utils import logging as transformers_logging

from tuner.errors import BaseError
from tuner.records import Base, sha256_file

transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()


def device() -> torch.device:
    """Give the device that models run on."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def fast_dtype() -> torch.dtype:
    """Give bfloat16 where the machine computes it natively, else float32: emulated bf16 is slower than float32."""
    if torch.cuda.is_available():
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if torch.ops.mkldnn._is_mkldnn_bf16_supported() and _cpu_has_bf16() else torch.float32


def load_model(base: Base, adapter: Path | None, dtype: torch.dtype, quantization: str = "none") -> PreTrainedModel:
    """Load a base in eval mode; with `adapter`, as a PEFT model that holds it."""
    options: dict = {"dtype": dtype, "local_files_only": True, "use_safetensors": True}
    if quantization == "nf4":
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
        )
    try:
        model = AutoModelForCausalLM.from_pretrained(base.path, **options)
    except (ValueError, OSError, KeyError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BaseError(
            f"{base.path}: cannot be loaded: {reason}", "is the folder whole, and its architecture supported?"
        ) from None
    _check_vocabulary(base, model)
    if adapter is not None:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, str(adapter), autocast_adapter_dtype=False)
    if quantization == "none":
        model = model.to(device())
    return model.eval()


def adapter_sha256(folder: Path) -> str:
    """Identify an adapter by its weights."""
    return sha256_file(folder / "adapter_model.safetensors")


def _check_vocabulary(base: Base, model: PreTrainedModel) -> None:
    tokens = json.loads((Path(base.path) / "tokenizer.json").read_text(encoding="utf-8"))
    largest = max([*tokens["model"]["vocab"].values(), *(each["id"] for each in tokens["added_tokens"])])
    rows = model.get_input_embeddings().weight.shape[0]
    if largest >= rows:
        raise BaseError(
            f"{base.path}: the tokenizer has token {largest}, the embedding only {rows} rows",
            "the tokenizer belongs to another model",
        )


def _cpu_has_bf16() -> bool:
    """Look for hardware bf16 products; oneDNN also says yes where it emulates them."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.is_file():  # Apple silicon computes bf16 natively from M2 on; float32 is safe everywhere
        return False
    flags = cpuinfo.read_text(encoding="utf-8", errors="replace")
    return any(name in flags for name in ("avx512_bf16", "amx_bf16", "bf16"))
