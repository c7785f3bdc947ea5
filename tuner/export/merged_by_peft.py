"""Merge an adapter that our own sums do not know, such as one on fused experts, with PEFT's own routine.

In: a base and an adapter. Out: a folder in Hugging Face layout, as `merged` writes it. PEFT holds the whole model in
memory: in float32 if `exact`, else in bfloat16.
"""

from __future__ import annotations

from pathlib import Path

from tuner.export.merged import NAMES, WRITE_BFLOAT16, MergedFormat, copy_tokenizer
from tuner.export.number_formats import require_float16
from tuner.records import Base


def merge_by_peft(base: Base, adapter: Path, folder: Path, number_format: MergedFormat, exact: bool) -> None:
    """Write the merged model to `folder`; `exact`: add in float32."""
    import torch

    from tuner.models import load_model

    model = load_model(base, adapter, torch.float32 if exact else torch.bfloat16, place=False).merge_and_unload()
    if number_format == "f16":
        for name, weight in model.named_parameters():
            require_float16(weight.detach().abs().max().float().cpu().numpy(), name, WRITE_BFLOAT16)
    model.to(getattr(torch, NAMES[number_format])).save_pretrained(folder)
    copy_tokenizer(Path(base.path), folder)
