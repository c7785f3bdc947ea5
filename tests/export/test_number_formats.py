"""Each tensor gets the numbers of llama.cpp's quantizer, and K-quants come out of the engine's own routine."""

from __future__ import annotations

import importlib
import sys
from collections import Counter
from pathlib import Path

import gguf
import numpy as np
import pytest
from gguf import GGMLQuantizationType as Kind

from tuner.errors import ExportError
from tuner.export import k_quants
from tuner.export.k_quants import quantize_in_engine
from tuner.export.number_formats import Format, kind_of, stored, stored_dtype, stored_shape

LAYERS = 30


def kinds(width: int, inner: int, tied: bool, number_format: Format = "q4_k_m") -> dict[str, Kind]:
    """Choose the numbers of a whole model, `width` wide."""
    shapes = {"token_embd.weight": (1000, width), "output_norm.weight": (width,)}
    if not tied:
        shapes["output.weight"] = (1000, width)
    for layer in range(LAYERS):
        for name in ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up"):
            shapes[f"blk.{layer}.{name}.weight"] = (width, width)
        shapes[f"blk.{layer}.ffn_down.weight"] = (width, inner)
        shapes[f"blk.{layer}.attn_q.bias"] = (width,)
        shapes[f"blk.{layer}.ffn_gate_inp.weight"] = (8, width)
    return {name: kind_of(name, shape, number_format, LAYERS, tied) for name, shape in shapes.items()}


def test_a_model_of_rows_that_256_divides_gets_four_and_six_bits() -> None:
    found = kinds(512, 1536, tied=False)
    assert found["output.weight"] == Kind.Q6_K
    assert found["token_embd.weight"] == Kind.Q4_K
    precise = [layer for layer in range(LAYERS) if found[f"blk.{layer}.attn_v.weight"] == Kind.Q6_K]
    assert precise == [0, 1, 2, 5, 8, 11, 14, 17, 20, 23, 26, 27, 28, 29]  # first and last eighth, each third between
    assert precise == [layer for layer in range(LAYERS) if found[f"blk.{layer}.ffn_down.weight"] == Kind.Q6_K]
    assert {found[f"blk.{layer}.attn_q.weight"] for layer in range(LAYERS)} == {Kind.Q4_K}
    assert {found[name] for name in found if "norm" in name or "bias" in name or "gate_inp" in name} == {Kind.F32}
    assert kinds(512, 1536, tied=True)["token_embd.weight"] == Kind.Q6_K


def test_rows_that_256_does_not_divide_fall_back_to_blocks_of_32_and_then_to_float16() -> None:
    found = Counter(kinds(576, 1536, tied=True).values())  # as in SmolLM2
    assert found[Kind.Q5_0] == 5 * LAYERS + LAYERS - 14  # all but the value projections that would have six bits
    assert found[Kind.Q8_0] == 14 + 1  # these, and the embeddings
    assert (found[Kind.Q6_K], found[Kind.Q4_K]) == (14, LAYERS - 14)  # the down projections, 1536 wide
    assert kind_of("blk.0.attn_q.weight", (8, 40), "q4_k_m", 4, False) == Kind.F16
    assert kind_of("blk.0.attn_q.weight", (8, 40), "q8_0", 4, False) == Kind.F16
    assert kind_of("blk.0.attn_q.weight", (8, 64), "q8_0", 4, False) == Kind.Q8_0


@pytest.mark.parametrize(("kind", "error"), [(Kind.Q4_K, 0.1), (Kind.Q6_K, 0.03), (Kind.Q8_0, 0.01), (Kind.Q5_0, 0.08)])
def test_what_is_stored_reads_back_as_nearly_the_same(kind: Kind, error: float) -> None:
    values = np.random.default_rng(5).normal(size=(3, 130, 512)).astype(np.float32)  # experts are three-dimensional
    found = stored(values, kind, "x")
    assert found.shape == stored_shape(values.shape, kind)
    assert found.dtype == stored_dtype(kind)
    read = gguf.quants.dequantize(found, kind)
    assert np.sqrt(np.mean((read - values) ** 2)) < error


def test_the_engine_gives_the_same_bytes_row_by_row_and_all_at_once() -> None:
    values = np.random.default_rng(6).normal(size=(200, 256)).astype(np.float32)
    whole = quantize_in_engine(values, Kind.Q4_K)
    assert np.array_equal(whole, np.concatenate([quantize_in_engine(row[None], Kind.Q4_K) for row in values]))


def test_an_engine_without_the_routine_is_named_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ExportError, match="K-quants need the engine: there is no library of nothing_of_this_name"):
        k_quants._routine("nothing_of_this_name")
    library = next(Path(str(importlib.import_module("rapidfuzz").__file__)).parent.glob("*.so"))
    (tmp_path / "other_engine").mkdir()
    (tmp_path / "other_engine/__init__.py").touch()
    (tmp_path / "other_engine/other_engine.so").symlink_to(library)
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    with pytest.raises(ExportError) as caught:
        k_quants._routine("other_engine")
    assert caught.value.message == "other_engine.so: this build of the engine does not show ggml_quantize_chunk"
    assert caught.value.hint == "leave the format out: SET=\"export.quantized=['q8_0']\""
    sys.modules.pop("other_engine", None)
