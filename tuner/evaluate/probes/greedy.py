"""Continue beginnings of one length with the likeliest token each, also across line ends.

In: a model and token ids. Out: as many new ids for each as asked for, cut before the first stop token. No padding, no
sampling, and nothing of a base's own generation settings.

Tensor shapes: b rows of the batch, t tokens, v vocabulary.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import torch

from tuner.evaluate.growing_cache import growing_cache


@torch.inference_mode()
def continue_all(
    model: Any, prompts: Sequence[Sequence[int]], count: int, stop_ids: Collection[int]
) -> list[list[int]]:
    """Give the greedy continuation of each prompt; all prompts have the same length."""
    if not prompts:
        return []
    ids_bt = torch.tensor([list(each) for each in prompts], device=next(model.parameters()).device)
    cache = growing_cache(model)
    written = []
    for _ in range(count):
        logits_bv = model(input_ids=ids_bt, past_key_values=cache, use_cache=True, logits_to_keep=1).logits[:, -1]
        ids_bt = logits_bv.argmax(dim=-1, keepdim=True)
        written.append(ids_bt[:, 0].tolist())
    return [_until(list(row), stop_ids) for row in zip(*written, strict=True)]


def _until(ids: list[int], stop_ids: Collection[int]) -> list[int]:
    stop = next((at for at, ident in enumerate(ids) if ident in stop_ids), len(ids))
    return ids[:stop]
