"""Judge adapters by validation rows, as `tuner sweep` does but in the number type of training, in a process of its own.

In, as JSON on standard input: a `Material`'s job, how the base is held (`quantization`), and folders of adapters, null
for the base alone. Out, as JSON: for each of them the bits, bytes and tokens of every row, and the bytes of the base's
weights in memory. What is loaded here is in no contestant's memory or time.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from benchmarks.contest import answer_job
from tuner.evaluate.validation import score_validation
from tuner.models import load_model, training_dtype
from tuner.progress import Progress
from tuner.records import Base, Row, read_jsonl
from tuner.render import Renderer


def work(job: dict[str, Any]) -> dict[str, Any]:
    """Score the rows under the base with each adapter in turn."""
    base, rows = Base(**job["base"]), list(read_jsonl(Path(job["valid"]), Row))
    vocabulary = Renderer.from_folder(Path(base.path), job["repository"]).vocabulary
    scores, sizes = [], []
    for adapter in job["adapters"]:
        model = load_model(base, adapter and Path(adapter), training_dtype(), job["quantization"])
        sizes.append(weight_bytes(model))
        with Progress().track("judging", total=len(rows), unit="row") as track:
            scores.append([asdict(each) for each in score_validation(model, rows, vocabulary, track)])
        del model
        gc.collect()
    return {"scores": scores, "weight_bytes": max(sizes)}


def weight_bytes(model: torch.nn.Module) -> int:
    """Count the bytes of a model's frozen weights, with the scales of quantised ones; an adapter's are left out."""
    found = [weight for name, weight in model.named_parameters() if ".lora_" not in name]
    return sum(each.numel() * each.element_size() for weight in found for each in (weight.data, *_scales(weight)))


def _scales(weight: Any) -> Iterator[torch.Tensor]:
    """Give the tensors that bitsandbytes keeps beside a weight, those of the second quantisation too."""
    state = getattr(weight, "quant_state", None)
    while state is not None:
        yield from (each for each in (state.absmax, state.code, state.offset) if isinstance(each, torch.Tensor))
        state = state.state2


if __name__ == "__main__":
    raise SystemExit(answer_job(work))
