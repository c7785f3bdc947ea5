"""Causal attention within each row of a pack, without a mask: torch's own attention, called once for each row.

In: queries, keys and values of one packed sequence, and where its rows begin (`cu_seq_lens_q`, which TRL's collator
gives). Out: what each position attends to within its own row. Without it transformers makes a mask of every pair of
positions, torch computes all pairs and keeps the mask for each layer, and keys that several heads share are copied.

Where `row_attention` takes a layer's rows, none of this is called; it serves long rows and the other architectures.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn import functional
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

NAME = "packed_rows"


def packed_attention(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    cu_seq_lens_q: torch.Tensor | None = None,
    **more: Any,
) -> tuple[torch.Tensor, None]:
    """Attend as transformers asks its attention functions to; what is not packed is left to torch's attention."""
    is_packed = attention_mask is not None and not attention_mask.numel()
    if cu_seq_lens_q is None:
        if is_packed:
            raise ValueError("packed rows came without cu_seq_lens_q, their bounds: they would see each other")
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **more)
    shared = query.shape[1] != key.shape[1]
    sizes = cu_seq_lens_q.diff().tolist()
    rows = [
        functional.scaled_dot_product_attention(q, k, v, is_causal=True, scale=scaling, enable_gqa=shared)
        for q, k, v in zip(*(each.split(sizes, dim=2) for each in (query, key, value)), strict=True)
    ]
    whole = rows[0] if len(rows) == 1 else torch.cat(rows, dim=2)
    return whole.transpose(1, 2).contiguous(), None


def attend_within_rows(model: PreTrainedModel) -> bool:
    """Let a model attend so, where its attention is nothing but causal; say whether it does."""
    config = model.config.get_text_config()
    kinds = set(getattr(config, "layer_types", None) or ["full_attention"])
    capped = getattr(config, "attn_logit_softcapping", None) is not None
    if kinds != {"full_attention"} or capped or getattr(config, "attention_dropout", None):
        return False
    if config._attn_implementation != "sdpa":  # an architecture of another kind
        return False
    AttentionInterface.register(NAME, packed_attention)
    AttentionMaskInterface.register(NAME, _mask)
    model.set_attn_implementation(NAME)
    return True


def _mask(*, allow_is_causal_skip: bool = True, **more: Any) -> torch.Tensor | None:
    """Make no mask for a pack, only an empty tensor as its sign: transformers lets no other mask be left out then."""
    if not allow_is_causal_skip:
        return torch.empty(0)
    return sdpa_mask(allow_is_causal_skip=True, **more)
