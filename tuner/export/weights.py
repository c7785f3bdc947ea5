"""Read and write weights one tensor at a time with numpy alone, so that memory holds one tensor and not a model.

In: a folder with `*.safetensors`, or an adapter in PEFT layout. Out: float32 arrays, and a safetensors file.
Refused: pickled weights, number types that are not floats, an adapter tensor without its partner or its base weight.
"""

from __future__ import annotations

import errno
import json
import math
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tuner.errors import ExportError

_FLOATS: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype("<u2")}


@dataclass(frozen=True, slots=True)
class Tensor:
    """Where a tensor lies: its number type as safetensors names it, its shape and its bytes."""

    path: Path
    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


class Weights:
    """The tensors of all safetensors files of a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.tensors: dict[str, Tensor] = {}
        for path in sorted(folder.glob("*.safetensors")):
            self.tensors.update(_header(path))
        if not self.tensors:
            raise ExportError(f"{folder}: no *.safetensors file", "pickled weights are not read; convert them first")

    def read(self, name: str) -> np.ndarray:
        """Read one tensor as float32."""
        tensor = self.tensors[name]
        count = (tensor.end - tensor.begin) // _FLOATS[tensor.dtype].itemsize
        stored = np.fromfile(tensor.path, _FLOATS[tensor.dtype], count, offset=tensor.begin)
        return _widen(stored, tensor.dtype).reshape(tensor.shape)


@dataclass(frozen=True, slots=True)
class LoraPair:
    """One adapted layer: the layer computes W x + scale * b (a x)."""

    a: np.ndarray
    b: np.ndarray
    scale: float

    def delta(self) -> np.ndarray:
        """Give what the adapter adds to W."""
        return (self.b @ self.a) * np.float32(self.scale)


Lora = dict[str, LoraPair]


def read_json(path: Path) -> dict[str, Any]:
    """Read a settings file, or say which one is missing or broken."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ExportError(f"{path}: no such file", "the folder is not in Hugging Face layout") from None
    except json.JSONDecodeError as error:
        raise ExportError(f"{path}:{error.lineno}: not JSON: {error.msg}") from None
    if not isinstance(values, dict):
        raise ExportError(f"{path}: holds {type(values).__name__}, wanted an object")
    return values


def read_lora(folder: Path) -> Lora:
    """Read a PEFT adapter as {base weight name: pair}, with rank, alpha, their patterns and rsLoRA in the scale."""
    config = read_json(folder / "adapter_config.json")
    weights = Weights(folder)
    pairs: Lora = {}
    for name in sorted(weights.tensors):
        module, found, _ = name.removeprefix("base_model.model.").partition(".lora_A.")
        if not found:
            if ".lora_B." not in name or name.replace(".lora_B.", ".lora_A.") not in weights.tensors:
                raise ExportError(f"{folder}: adapter tensor {name} is not half of a LoRA pair")
            continue
        partner = name.replace(".lora_A.", ".lora_B.")
        if partner not in weights.tensors:
            raise ExportError(f"{folder}: adapter tensor {name} has no {partner}")
        a, b = weights.read(name), weights.read(partner)
        if a.shape[0] != b.shape[1]:
            raise ExportError(f"{folder}: {name} has rank {a.shape[0]}, its partner {b.shape[1]}")
        alpha, rank = _by_pattern(config, "alpha_pattern", module, "lora_alpha"), a.shape[0]
        pairs[f"{module}.weight"] = LoraPair(a, b, alpha / (math.sqrt(rank) if config.get("use_rslora") else rank))
    return pairs


def write_safetensors(path: Path, tensors: Iterable[tuple[str, Tensor]], read: Callable[[str], np.ndarray]) -> None:
    """Write `tensors` in order, each in its own number type, holding one at a time."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    listed, offset = list(tensors), 0
    for name, tensor in listed:
        size = math.prod(tensor.shape) * _FLOATS[tensor.dtype].itemsize
        header[name] = {"dtype": tensor.dtype, "shape": list(tensor.shape), "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with reason_named(path), path.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        for name, tensor in listed:
            stream.write(np.ascontiguousarray(_narrow(read(name), tensor.dtype)).data)


@contextmanager
def reason_named(path: Path) -> Iterator[None]:
    """Give a failed write its reason and its file: numpy says only how much it wrote, so one more write is tried."""
    try:
        yield
    except OSError as error:
        number = error.errno or _why_nothing_is_written(path)
        raise OSError(number, os.strerror(number), str(path)) from None


def _header(path: Path) -> dict[str, Tensor]:
    with path.open("rb") as stream:
        size = int.from_bytes(stream.read(8), "little")
        if not 2 <= size <= path.stat().st_size:
            raise ExportError(f"{path}: not a safetensors file, or cut short")
        entries = json.loads(stream.read(size))
    entries.pop("__metadata__", None)
    found = {}
    for name, entry in entries.items():
        if entry["dtype"] not in _FLOATS:
            raise ExportError(f"{path}: {name} is {entry['dtype']}, wanted one of {', '.join(_FLOATS)}")
        begin, end = (8 + size + offset for offset in entry["data_offsets"])
        if end > path.stat().st_size:
            raise ExportError(f"{path}: {name} ends after the file: it was cut short", "fetch or train it again")
        found[name] = Tensor(path, entry["dtype"], tuple(entry["shape"]), begin, end)
    return found


def _by_pattern(config: dict[str, Any], pattern: str, module: str, default: str) -> float:
    """Look a module up the way PEFT does: the first key that matches the end of its name."""
    for key, value in (config.get(pattern) or {}).items():
        if re.match(rf"(.*\.)?({key})$", module):
            return float(value)
    return float(config[default])


def _widen(stored: np.ndarray, dtype: str) -> np.ndarray:
    if dtype == "BF16":
        return (stored.astype(np.uint32) << 16).view(np.float32)
    return stored.astype(np.float32, copy=False)


def _narrow(values: np.ndarray, dtype: str) -> np.ndarray:
    if dtype != "BF16":
        return values.astype(_FLOATS[dtype])
    bits = np.ascontiguousarray(values, np.float32).view(np.uint32)  # round half to even, as torch does
    return ((bits + (0x7FFF + ((bits >> 16) & 1))) >> 16).astype(np.uint16)


def _why_nothing_is_written(path: Path) -> int:
    try:
        with path.open("ab", buffering=0) as stream:
            stream.write(bytes(1 << 20))
    except OSError as error:
        return error.errno or errno.EIO
    return errno.ENOSPC
