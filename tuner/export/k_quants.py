"""Quantize rows with the engine's own routine, which the `gguf` package lacks for K-quants.

In: float32 rows and a kind of number. Out: the same bytes that llama.cpp's quantizer writes. The routine is a plain C
function of the engine's library, so that one and the same code writes a file and reads it, on every machine that has
the engine; a package of its own for this gave the same bytes, but exists for fewer machines.
Refused: an engine build that does not show the routine.
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import gguf
import numpy as np

from tuner.errors import ExportError

ENGINE = "xllamacpp"
ROUTINE = "ggml_quantize_chunk"
ROWS_AT_ONCE = 64  # fewer are not worth a thread
_HINT = "leave the format out: SET=\"export.quantized=['q8_0']\""


def require_engine() -> None:
    """Refuse K-quants before any file is written where the engine cannot make them."""
    _routine(ENGINE)


def quantize_in_engine(values: np.ndarray, kind: gguf.GGMLQuantizationType) -> np.ndarray:
    """Quantize the last axis of `values`, on all cores of this process."""
    routine = _routine(ENGINE)
    rows = np.ascontiguousarray(values, np.float32).reshape(-1, values.shape[-1])
    out = np.empty(gguf.quant_shape_to_byte_shape(rows.shape, kind), np.uint8)
    step = max(ROWS_AT_ONCE, -(-len(rows) // _cores()))

    def write(first: int) -> None:  # the routine runs without Python's lock
        part, target = rows[first : first + step], out[first : first + step]
        routine(int(kind), part.ctypes.data, target.ctypes.data, 0, len(part), rows.shape[1], None)

    with ThreadPoolExecutor(_cores()) as pool:
        list(pool.map(write, range(0, len(rows), step)))
    return out.reshape(*values.shape[:-1], out.shape[-1])


@functools.cache
def _routine(engine: str) -> Any:
    spec = importlib.util.find_spec(engine)
    folders = list(spec.submodule_search_locations or []) if spec else []
    libraries = [path for folder in folders for path in sorted(Path(folder).glob(f"{engine}*.so"))]
    if not libraries:
        raise ExportError(f"K-quants need the engine: there is no library of {engine}", "make setup")
    try:
        routine = getattr(ctypes.CDLL(str(libraries[0])), ROUTINE)
    except (AttributeError, OSError):
        raise ExportError(f"{libraries[0].name}: this build of the engine does not show {ROUTINE}", _HINT) from None
    pointer, count = ctypes.c_void_p, ctypes.c_int64
    routine.argtypes = [ctypes.c_int, pointer, pointer, count, count, count, pointer]
    routine.restype = ctypes.c_size_t
    return routine


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
