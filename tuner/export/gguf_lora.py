"""Write a LoRA adapter as a GGUF file that llama.cpp applies to a GGUF base.

In: an adapter in PEFT layout and its base's `config.json`. Out: one small file, the same bytes for the same input.
The engine scales a pair by alpha / rank with one alpha for the whole file. So the file's alpha stands for the commonest
scale (rsLoRA's square root included), and where `alpha_pattern` or `rank_pattern` make a pair differ, the rest of its
scale goes into B.
Refused: latent attention, fused experts, DoRA, trained biases, whole trained modules; see `architectures`.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from tuner.errors import ExportError
from tuner.export.architectures import MERGED_INSTEAD, adapter_refusal, require_adapter, require_supported
from tuner.export.tensors import gguf_name, permuted
from tuner.export.weights import Lora, read_json, read_lora, reason_named

_KINDS = {"f32": np.float32, "f16": np.float16}


def write_gguf_lora(adapter: Path, config: dict[str, Any], out: Path, number_format: str = "f32") -> None:
    """Write the adapter folder `adapter`, trained on the base with `config`, to `out`."""
    architecture, adapter_config = require_supported(config), read_json(adapter / "adapter_config.json")
    require_adapter(adapter_config)
    refusal = adapter_refusal(architecture, adapter_config)
    if refusal:
        raise ExportError(refusal, MERGED_INSTEAD)
    lora = read_lora(adapter)
    alpha = _common_alpha(lora)
    writer = gguf.GGUFWriter(str(out), architecture.gguf)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, alpha)
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    for name, pair in sorted(lora.items()):
        target = gguf_name(name, config, architecture)
        if target is None:
            raise ExportError(f"{adapter}: {name} has no GGUF name in {architecture.gguf}")
        rest = pair.scale * pair.a.shape[0] / alpha
        b = permuted(pair.b if abs(rest - 1.0) < 1e-6 else pair.b * np.float32(rest), name, config, architecture)
        for half, values in (("a", pair.a), ("b", b)):
            writer.add_tensor(f"{target}.lora_{half}", np.ascontiguousarray(values, _KINDS[number_format]))
    with reason_named(out):
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def _common_alpha(lora: Lora) -> float:
    """Find the alpha that leaves the most pairs untouched; it is not 0, which the engine would read as no scaling."""
    alphas = Counter(round(pair.scale * pair.a.shape[0], 9) for pair in lora.values() if pair.scale)
    return alphas.most_common(1)[0][0] if alphas else 1.0
