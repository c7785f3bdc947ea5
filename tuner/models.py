"""Load a base, with or without an adapter, as a torch model: what train, evaluate and export share.

Weights are read from safetensors only, and nothing of a base folder is executed (`trust_remote_code` stays off).
"""

from __future__ import annotations

import ctypes
import logging
import warnings
from pathlib import Path

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, BitsAndBytesConfig, PreTrainedModel
from transformers.utils import logging as transformers_logging

from tuner.errors import BaseError, MachineError
from tuner.records import Base, sha256_file

transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()
# bitsandbytes 0.50 warns of an optional package of kernels whenever it is imported
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
# peft 0.21 asks for the old name of a property that transformers 5.23 has renamed
warnings.filterwarnings("ignore", r"`is_gradient_checkpointing` is deprecated", FutureWarning)


M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # names of malloc.h


def keep_freed_memory() -> None:
    """Ask glibc to keep freed memory for the next tensor; a fifth of a training step went into taking it anew."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:  # other C libraries have no such choice
        mallopt(M_MMAP_THRESHOLD, 1 << 30)
        mallopt(M_TRIM_THRESHOLD, (1 << 31) - 1)


keep_freed_memory()


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
    except (ValueError, OSError, KeyError, RuntimeError, MemoryError, SafetensorError) as error:
        if is_out_of_memory(error):
            raise MachineError(
                f"{base.name}: out of memory while loading the base", "choose a smaller base with BASE="
            ) from None
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise BaseError(
            f"{base.path}: cannot be loaded: {reason}", "is the folder whole, and its architecture supported?"
        ) from None
    if adapter is not None:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, str(adapter), autocast_adapter_dtype=False)
    if quantization == "none":
        model = model.to(device())
    return model.eval()


def is_out_of_memory(error: BaseException) -> bool:
    """Recognise a failed allocation; on the processor torch raises a plain RuntimeError."""
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


def adapter_sha256(folder: Path) -> str:
    """Identify an adapter by its weights."""
    return sha256_file(folder / "adapter_model.safetensors")


def _cpu_has_bf16() -> bool:
    """Look for hardware bf16 products; oneDNN also says yes where it emulates them."""
    cpuinfo = Path("/proc/cpuinfo")
    if not cpuinfo.is_file():  # Apple silicon computes bf16 natively from M2 on; float32 is safe everywhere
        return False
    return "bf16" in cpuinfo.read_text(encoding="utf-8", errors="replace")  # avx512_bf16, amx_bf16, Arm's bf16
