"""Load a base, with or without an adapter, as a torch model: what train, evaluate and export share.

Weights are read from safetensors only, and nothing of a base folder is executed (`trust_remote_code` stays off).
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, PreTrainedModel
from transformers.utils import logging as transformers_logging

from tuner.errors import BaseError, MachineError
from tuner.machine import cpu_has_bf16
from tuner.records import Base, sha256_file

transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()
# peft 0.21 asks for the old name of a property that transformers 5.23 has renamed
warnings.filterwarnings("ignore", r"`is_gradient_checkpointing` is deprecated", FutureWarning)


MISMATCH = re.compile(r"size mismatch for [^:]+|Target modules .* not found in the base model")
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # names of malloc.h
# Read at the first product in bf16. oneDNN keeps what it made for each shape, 0.7 MiB each and 1,024 of them, and every
# packed sequence has a length of its own: what the layers of one step share is enough.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64")


def keep_freed_memory(keep: bool = True) -> None:
    """Ask glibc to keep freed memory for the next tensor; a fifth of a training step went into taking it anew.

    Where memory counts more than time, as with activation checkpointing, it is asked to give each tensor back.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # other C libraries have no such choice
        mallopt(M_MMAP_THRESHOLD, 1 << 30 if keep else 1 << 20)
        mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1 if keep else 1 << 20)


@contextmanager
def giving_memory_back(wanted: bool) -> Iterator[None]:
    """Give freed memory back while the context lasts, if that is wanted, however it ends."""
    keep_freed_memory(not wanted)
    try:
        yield
    finally:
        keep_freed_memory()


keep_freed_memory()


def device() -> torch.device:
    """Give the device that models run on."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def training_dtype() -> torch.dtype:
    """Give bfloat16 where the machine computes it natively, else float32: emulated bf16 is slower than float32."""
    if torch.cuda.is_available():
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    return torch.bfloat16 if torch.ops.mkldnn._is_mkldnn_bf16_supported() and cpu_has_bf16() else torch.float32


def judging_dtype() -> torch.dtype:
    """Give what answers and losses are computed in: float32 on every processor, as exact as the engine that serves.

    In bf16 the likeliest token of near ties differs from what is served, and bits per byte by a twentieth of a percent.
    """
    return training_dtype() if torch.cuda.is_available() else torch.float32


def load_model(
    base: Base, adapter: Path | None, dtype: torch.dtype, quantization: str = "none", *, place: bool = True
) -> PreTrainedModel:
    """Load a base in eval mode; with `adapter`, as a PEFT model that holds it. Without `place` no GPU takes it yet."""
    options: dict = {"dtype": dtype, "local_files_only": True, "use_safetensors": True}
    if quantization == "nf4":
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True, bnb_4bit_compute_dtype=dtype
        )
    try:
        with _memory_named(base):
            model = AutoModelForCausalLM.from_pretrained(base.path, **options)
    except (ValueError, OSError, KeyError, RuntimeError, SafetensorError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise BaseError(
            f"{base.path}: cannot be loaded: {reason}", "is the folder whole, and its architecture supported?"
        ) from None
    if adapter is not None:
        model = _with_adapter(model, base, adapter)
    if quantization == "none" and place:
        with _memory_named(base):
            model = model.to(device())
    return model.eval()


def load_judge(base: Base, adapter: Path | None, quantization: str) -> PreTrainedModel:
    """Load what answers and is scored; `quantization` is `evaluate.quantization`, the same for base and tuned."""
    return load_model(base, adapter, judging_dtype(), quantization)


@contextmanager
def _memory_named(base: Base) -> Iterator[None]:
    """Say which base was too large."""
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise MachineError(
            f"{base.name}: out of memory while loading the base",
            'choose a smaller base with BASE=, or SET="evaluate.quantization=nf4" where it is evaluated',
        ) from None


def _with_adapter(model: PreTrainedModel, base: Base, adapter: Path) -> PreTrainedModel:
    """Put an adapter on a base; one that was made for another base is refused, by its revision or its shapes."""
    from peft import PeftModel

    config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    revision = config.get("revision")
    if revision and revision != base.revision:
        raise BaseError(
            f"{adapter}: made for {config.get('base_model_name_or_path')} {revision[:12]}, "
            f"the base is {base.name} {base.revision[:12]}",
            "take the base that the adapter was trained on, or train on this one",
        )
    try:
        return PeftModel.from_pretrained(model, str(adapter), autocast_adapter_dtype=False)
    except (ValueError, RuntimeError) as error:
        if is_out_of_memory(error) or not MISMATCH.search(str(error)):
            raise
        raise BaseError(
            f"{adapter}: does not fit {base.name}: {MISMATCH.search(str(error))[0]}",  # type: ignore[index]
            "take the base that the adapter was trained on, or train on this one",
        ) from None


def is_out_of_memory(error: BaseException) -> bool:
    """Recognise a failed allocation; on the processor torch raises a plain RuntimeError."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


def adapter_sha256(folder: Path) -> str:
    """Identify an adapter by its weights."""
    return sha256_file(folder / "adapter_model.safetensors")
