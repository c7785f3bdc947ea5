"""Make an adapter weaker: in a loaded model for a while, or in its folder for good.

A LoRA layer adds scale x B A to a weight matrix; the scale is alpha / rank, or alpha / sqrt(rank) with rslora. So a
smaller alpha in `adapter_config.json` is a weaker adapter everywhere: in peft, merged, as GGUF and served. The weights
stay as they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from peft.tuners.lora import LoraLayer


@contextmanager
def scaled(model: Any, factor: float) -> Iterator[None]:
    """Multiply the scale of every LoRA layer, and put it back; 0 is the base."""
    layers = [each for each in model.modules() if isinstance(each, LoraLayer)]
    before = [dict(each.scaling) for each in layers]
    for each in layers:
        for name in each.scaling:
            each.scaling[name] *= factor
    try:
        yield
    finally:
        for each, scaling in zip(layers, before, strict=True):
            each.scaling.update(scaling)


def rescale(folder: Path, factor: float) -> float:
    """Multiply the scale in an adapter's folder; return the new alpha."""
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    alpha = config["lora_alpha"] * factor
    config["lora_alpha"] = int(alpha) if alpha == int(alpha) else alpha
    config["alpha_pattern"] = {name: each * factor for name, each in (config.get("alpha_pattern") or {}).items()}
    path.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return float(alpha)
