"""Choose in which numbers each tensor of a GGUF file is kept, and turn float32 values into them.

In: a format for the whole file, and a tensor's GGUF name and shape. Out: the kind of number for that tensor, and bytes.
Norms, biases and expert routers stay float32 in every format. `q4_k_m` gives each tensor what llama.cpp's own quantizer
gives it under that name: six bits for half of the value and down projections and for the output, four for the rest, and
blocks of 32 where rows are no multiple of 256. Rows that no block divides stay float16.
Refused: a value that float16 cannot hold.
"""

from __future__ import annotations

import re
from typing import Any, Literal

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Kind

from tuner.errors import ExportError
from tuner.export.k_quants import quantize_in_engine

Format = Literal["f32", "f16", "q8_0", "q4_k_m"]
ROUNDED: tuple[Format, ...] = ("q8_0", "q4_k_m")  # their rounding and a fault of the export look alike
BYTES_PER_WEIGHT = {"f32": 4.0, "f16": 2.0, "q8_0": 34 / 32, "q4_k_m": 0.85}  # the last where rows fall back, else 0.62
FILE_TYPES = {
    "f32": gguf.LlamaFileType.ALL_F32,
    "f16": gguf.LlamaFileType.MOSTLY_F16,
    "q8_0": gguf.LlamaFileType.MOSTLY_Q8_0,
    "q4_k_m": gguf.LlamaFileType.MOSTLY_Q4_K_M,
}
_DTYPES: dict[Kind, np.dtype[Any]] = {Kind.F32: np.dtype(np.float32), Kind.F16: np.dtype(np.float16)}
_NARROWER = {Kind.Q4_K: Kind.Q5_0, Kind.Q6_K: Kind.Q8_0}  # for rows that blocks of 256 do not divide
_LAYER = re.compile(r"blk\.(\d+)\.")


def kind_of(name: str, shape: tuple[int, ...], number_format: Format, layers: int, tied: bool) -> Kind:
    """Give the numbers of one tensor; `tied`: the embeddings are the output too."""
    if len(shape) == 1 or name.endswith("ffn_gate_inp.weight") or number_format == "f32":
        return Kind.F32
    wanted = {"f16": Kind.F16, "q8_0": Kind.Q8_0}.get(number_format) or _four_bit_kind(name, layers, tied)
    for kind in (wanted, _NARROWER.get(wanted, Kind.F16), Kind.F16):
        if shape[-1] % gguf.GGML_QUANT_SIZES[kind][0] == 0:
            return kind
    raise AssertionError("float16 has blocks of one")


def stored_shape(shape: tuple[int, ...], kind: Kind) -> tuple[int, ...]:
    """Give the shape in which a tensor's bytes are written: quantized rows are rows of bytes."""
    return shape if kind in _DTYPES else tuple(gguf.quant_shape_to_byte_shape(shape, kind))


def stored_dtype(kind: Kind) -> np.dtype[Any]:
    """Give the numpy type of what is written."""
    return _DTYPES.get(kind, np.dtype(np.uint8))


def stored(values: np.ndarray, kind: Kind, name: str) -> np.ndarray:
    """Turn float32 values into the bytes that stand in the file; `name` is the tensor's, for a message."""
    if kind in (Kind.Q4_K, Kind.Q6_K):
        return quantize_in_engine(values, kind)
    if kind not in _DTYPES:
        return gguf.quants.quantize(np.ascontiguousarray(values, np.float32), kind)
    if kind == Kind.F16:
        require_float16(values, name, 'write float32: SET="export.gguf=f32"')
        return np.ascontiguousarray(values, np.float16)
    return np.ascontiguousarray(values, np.float32)


def require_float16(values: np.ndarray, name: str, hint: str) -> None:
    """Refuse a value that would become infinite."""
    largest = float(np.abs(values).max(initial=0.0))
    if largest > float(np.finfo(np.float16).max):
        raise ExportError(f"{name}: a value is {largest:g}, float16 ends at 65504", hint)


def _four_bit_kind(name: str, layers: int, tied: bool) -> Kind:
    if name == "output.weight" or (tied and name == "token_embd.weight"):
        return Kind.Q6_K
    layer = _LAYER.match(name)
    precise = ".attn_v." in name or ".ffn_down" in name
    return Kind.Q6_K if layer and precise and _is_sensitive(int(layer[1]), layers) else Kind.Q4_K


def _is_sensitive(layer: int, layers: int) -> bool:
    """Tell whether llama.cpp keeps more bits here: the first and last eighth of the layers, and each third between."""
    return layer < layers // 8 or layer >= 7 * layers // 8 or (layer - layers // 8) % 3 == 2
