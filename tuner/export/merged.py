"""Write base and adapter as one ordinary model folder, for engines that do not load adapters.

In: a base folder and a LoRA. Out: a folder in Hugging Face layout with the base's tokenizer. Sums are taken in float32,
and stay float32 if `exact`: rounded to bf16, which keeps 8 bits, a tuned 135M model's log-probabilities moved by up to
0.3. Otherwise they are rounded once, to the base's number type. Refused: an adapter on a weight that the base lacks.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np

from tuner.errors import ExportError
from tuner.export.weights import Lora, Weights, write_safetensors

_COPIED = (
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "special_tokens_map.json",
)


def write_merged(base: Path, lora: Lora, folder: Path, exact: bool, done: Callable[[], None] = lambda: None) -> None:
    """Write the merged model to `folder`, in float32 if `exact`; `done` is called after each tensor."""
    weights = Weights(base)
    require_targets(weights, lora)
    folder.mkdir(parents=True)
    for name in _COPIED:
        if (base / name).is_file():
            shutil.copyfile(base / name, folder / name)

    def read(name: str) -> np.ndarray:
        values = merged_tensor(weights, lora, name)
        done()
        return values

    tensors = sorted(weights.tensors.items())
    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    if exact:
        tensors = [(name, replace(tensor, dtype="F32")) for name, tensor in tensors]
        config.pop("torch_dtype", None)  # the older name of the same setting
        config["dtype"] = "float32"
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    write_safetensors(folder / "model.safetensors", tensors, read)


def merged_tensor(weights: Weights, lora: Lora, name: str) -> np.ndarray:
    """Read one weight with what the adapter adds to it, in float32."""
    values = weights.read(name)
    return values + lora[name].delta() if name in lora else values


def require_targets(weights: Weights, lora: Lora) -> None:
    """Refuse an adapter that was trained on another base."""
    for name, pair in lora.items():
        if name not in weights.tensors:
            raise ExportError(
                f"{weights.folder}: the adapter changes {name}, which the base lacks",
                "export with the base it was trained on",
            )
        shape, wanted = (pair.b.shape[0], pair.a.shape[1]), weights.tensors[name].shape
        if shape != wanted:
            seen, has = (" x ".join(map(str, each)) for each in (shape, wanted))
            raise ExportError(
                f"{weights.folder}: the adapter changes {name} as {seen}, the base has {has}",
                "export with the base it was trained on",
            )
