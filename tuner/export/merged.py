"""Write base and adapter as one ordinary model folder, for engines that do not load adapters.

In: a base folder and a LoRA. Out: a folder in Hugging Face layout with the base's tokenizer. Sums are taken in float32
and rounded once: to float16, whose 11 bits keep a tuned 135M model's log-probabilities within the limits, where bf16
and its 8 bits moved them by up to 0.3. Refused: an adapter on a weight that the base lacks, a sum that float16 cannot
hold.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np

from tuner.errors import ExportError
from tuner.export.number_formats import require_float16
from tuner.export.weights import Lora, Weights, write_safetensors

MergedFormat = Literal["f16", "bf16", "f32"]
DTYPES = {"f16": "F16", "bf16": "BF16", "f32": "F32"}
NAMES = {"f16": "float16", "bf16": "bfloat16", "f32": "float32"}
WRITE_BFLOAT16 = 'write bfloat16: SET="export.merged=bf16"'
TOKENIZER_FILES = (
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "special_tokens_map.json",
)


def write_merged(
    base: Path, lora: Lora, folder: Path, number_format: MergedFormat, done: Callable[[], None] = lambda: None
) -> None:
    """Write the merged model to `folder`; `done` is called after each tensor."""
    weights = Weights(base)
    require_targets(weights, lora)
    folder.mkdir(parents=True)
    copy_tokenizer(base, folder)

    def read(name: str) -> np.ndarray:
        values = merged_tensor(weights, lora, name)
        if number_format == "f16":
            require_float16(values, name, WRITE_BFLOAT16)
        done()
        return values

    config = json.loads((base / "config.json").read_text(encoding="utf-8"))
    config.pop("torch_dtype", None)  # the older name of the same setting
    config["dtype"] = NAMES[number_format]
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    tensors = [(name, replace(tensor, dtype=DTYPES[number_format])) for name, tensor in sorted(weights.tensors.items())]
    write_safetensors(folder / "model.safetensors", tensors, read)


def copy_tokenizer(base: Path, folder: Path) -> None:
    """Copy what turns text into tokens and says how to generate."""
    for name in TOKENIZER_FILES:
        if (base / name).is_file():
            shutil.copyfile(base / name, folder / name)


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
