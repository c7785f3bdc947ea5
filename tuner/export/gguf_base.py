"""Write a whole model as one GGUF file: a base, or a base with its adapter added in.

In: a folder in Hugging Face layout (Llama, Qwen2 or Qwen3) and a number format. Out: a file that llama.cpp loads, the
same bytes for the same input. Memory holds one tensor at a time.
Refused: what `architectures` and `vocabulary` refuse, a tensor without a GGUF name, a value that float16 cannot hold.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Kind

from tuner.errors import ExportError
from tuner.export.architectures import Architecture, require_supported, rope_of
from tuner.export.merged import merged_tensor, require_targets
from tuner.export.vocabulary import read_vocabulary
from tuner.export.weights import Lora, Weights, read_json

Format = Literal["f32", "f16", "q8_0"]
_KINDS = {"f32": Kind.F32, "f16": Kind.F16, "q8_0": Kind.Q8_0}
_DTYPES: dict[Kind, np.dtype[Any]] = {
    Kind.F32: np.dtype(np.float32),
    Kind.F16: np.dtype(np.float16),
    Kind.Q8_0: np.dtype(np.uint8),
}
_FILE_TYPES = {
    "f32": gguf.LlamaFileType.ALL_F32,
    "f16": gguf.LlamaFileType.MOSTLY_F16,
    "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
}
_HEAD = "lm_head.weight"


def write_gguf(
    folder: Path,
    out: Path,
    number_format: Format,
    name: str,
    lora: Lora | None = None,
    done: Callable[[], None] = lambda: None,
) -> None:
    """Write the model of `folder` to `out`, with `lora` added to its weights where one is given.

    `done` is called after each tensor.
    """
    config = read_json(folder / "config.json")
    architecture = require_supported(config, None)
    weights = Weights(folder)
    require_targets(weights, lora or {})
    vocabulary = read_vocabulary(folder, config["vocab_size"])
    writer = gguf.GGUFWriter(str(out), architecture.gguf)
    writer.add_type(gguf.GGUFType.MODEL)
    writer.add_name(name)
    writer.add_file_type(_FILE_TYPES[number_format])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    _write_shape(writer, config)
    vocabulary.write(writer)

    names = dict(_tensor_names(weights, config, architecture))
    frequencies = _rope_factors(config)
    if frequencies is not None:
        writer.add_tensor_info("rope_freqs.weight", frequencies.shape, frequencies.dtype, frequencies.nbytes)
    kinds = {}
    for hf_name, gguf_name in names.items():
        shape = weights.tensors[hf_name].shape
        kinds[hf_name] = kind = _kind(shape, number_format)
        stored = gguf.quant_shape_to_byte_shape(shape, kind) if kind == Kind.Q8_0 else shape
        dtype = _DTYPES[kind]
        writer.add_tensor_info(gguf_name, stored, dtype, math.prod(stored) * dtype.itemsize, kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_ti_data_to_file()
    if frequencies is not None:
        writer.write_tensor_data(frequencies)
    for hf_name in names:
        values = permuted(merged_tensor(weights, lora or {}, hf_name), hf_name, config, architecture)
        writer.write_tensor_data(_stored(values, kinds[hf_name], hf_name))
        done()
    writer.close()


def permuted(rows: np.ndarray, hf_name: str, config: dict[str, Any], architecture: Architecture) -> np.ndarray:
    """Reorder the rows of q and k where the engine pairs rotary halves differently; leave everything else as it is."""
    if not architecture.permuted:
        return rows
    heads = config["num_attention_heads"]
    if ".k_proj." in hf_name:
        heads = config.get("num_key_value_heads") or heads
    elif ".q_proj." not in hf_name:
        return rows
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def gguf_name(hf_name: str, config: dict[str, Any], architecture: Architecture) -> str | None:
    """Translate the name of a weight, or give None where the engine has no such weight."""
    return _name_map(architecture, config["num_hidden_layers"]).get_name(hf_name, try_suffixes=(".weight", ".bias"))


def _name_map(architecture: Architecture, layers: int) -> gguf.TensorNameMap:
    models = {name: model for model, name in gguf.MODEL_ARCH_NAMES.items()}
    return gguf.get_tensor_name_map(models[architecture.gguf], layers)


def _tensor_names(weights: Weights, config: dict[str, Any], architecture: Architecture) -> Iterator[tuple[str, str]]:
    known = _name_map(architecture, config["num_hidden_layers"])
    tied = config.get("tie_word_embeddings", False)
    if not tied and _HEAD not in weights.tensors:
        raise ExportError(f"{weights.folder}: {_HEAD} is missing and `tie_word_embeddings` is false")
    for name in sorted(weights.tensors):
        if (tied and name == _HEAD) or name.endswith(".rotary_emb.inv_freq"):
            continue  # the engine takes the embeddings for the head, and computes the frequencies
        found = known.get_name(name, try_suffixes=(".weight", ".bias"))
        if found is None:
            raise ExportError(f"{weights.folder}: tensor {name} has no GGUF name in {architecture.gguf}")
        yield name, found


def _write_shape(writer: gguf.GGUFWriter, config: dict[str, Any]) -> None:
    heads = config["num_attention_heads"]
    head_width = config.get("head_dim") or config["hidden_size"] // heads
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(config.get("num_key_value_heads") or heads)
    writer.add_key_length(head_width)
    writer.add_value_length(head_width)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    writer.add_rope_dimension_count(head_width)
    rope = rope_of(config)
    writer.add_rope_freq_base(rope["rope_theta"])
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])


def _rope_factors(config: dict[str, Any]) -> np.ndarray | None:
    """Compute Llama 3's frequency divisors, which the engine reads as a tensor: `factor` stretches long waves."""
    rope = rope_of(config)
    if rope["rope_type"] != "llama3":
        return None
    width = config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]
    low, high, old = rope["low_freq_factor"], rope["high_freq_factor"], rope["original_max_position_embeddings"]
    waves = 2 * math.pi * rope["rope_theta"] ** (np.arange(0, width, 2, dtype=np.float64) / width)
    smooth = np.clip((old / waves - low) / (high - low), 0.0, 1.0)
    return (1.0 / ((1.0 - smooth) / rope["factor"] + smooth)).astype(np.float32)


def _kind(shape: tuple[int, ...], number_format: Format) -> Kind:
    """Keep norms and biases in float32; rows that 8-bit blocks of 32 do not divide stay in float16."""
    if len(shape) == 1:
        return Kind.F32
    return Kind.F16 if number_format == "q8_0" and shape[-1] % 32 else _KINDS[number_format]


def _stored(values: np.ndarray, kind: Kind, name: str) -> np.ndarray:
    if kind == Kind.Q8_0:
        return gguf.quants.quantize(values, kind)
    if kind == Kind.F16:
        largest = float(np.abs(values).max())
        if largest > np.finfo(np.float16).max:
            raise ExportError(
                f"{name}: a value is {largest:g}, float16 ends at 65504", 'write float32: SET="export.gguf=f32"'
            )
        return values.astype(np.float16)
    return np.ascontiguousarray(values, np.float32)
