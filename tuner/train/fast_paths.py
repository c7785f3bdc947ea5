"""Choose, for a model with an adapter, what is computed in our own way, and say what is left to the libraries.

In: a PEFT model. Out: `FastPaths`: what was taken over, and a line for each part that was not, which goes into the
run's record. Only on a processor: a GPU has fast ways in the libraries, and ours were never measured there.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from peft import PeftModel
from torch.distributed.tensor import DTensor

from tuner.train.attention import attend_within_rows
from tuner.train.fused_lora import fuse_lora
from tuner.train.half_layers import take_halves
from tuner.train.labelled_loss import add_labelled_loss, takes_head
from tuner.train.row_attention import LONGEST


@dataclass(frozen=True, slots=True)
class FastPaths:
    """What a training computes in our own way, and notes on what it does not."""

    labelled_loss: bool = False
    fused_layers: int = 0
    attention: bool = False
    attention_halves: int = 0
    forward_halves: int = 0
    notes: list[str] = field(default_factory=list)

    def notes_for(self, longest: int) -> list[str]:
        """Give the notes of a training whose longest row has so many tokens."""
        if not self.attention_halves or longest <= LONGEST:
            return self.notes
        return [
            *self.notes,
            f"rows of more than {LONGEST} tokens: attention halves of layers are left to torch for them",
        ]


def take_fast_paths(model: PeftModel, where: torch.device) -> FastPaths:
    """Take over what is plain; each part that is not stays with its library and gets a note."""
    if where.type != "cpu":
        return FastPaths()
    base, notes = model.get_base_model(), []
    fused, left = fuse_lora(model)
    if left:
        notes.append(f"{left} of {fused + left} adapted layers are more than a plain LoRA: computed by PEFT, slower")
    attention = attend_within_rows(base)
    if not attention:
        notes.append("attention is more than causal, or of an unknown kind: computed with a mask, slower")
    attending = forward = 0
    if any(isinstance(each, DTensor) for each in base.parameters()):
        notes.append("weights are spread over processes: both halves of layers are left to transformers, slower")
    elif attention:
        attending, forward, layers = take_halves(base)
        for taken, half in ((attending, "attention"), (forward, "feed-forward")):
            if taken < layers:
                notes.append(f"{layers - taken} of {layers} {half} halves of layers are left to transformers, slower")
    labelled_loss = takes_head(base)
    if labelled_loss:
        add_labelled_loss(base)
    else:
        notes.append("logits are more than a product with the head: TRL's loss, which makes them twice, slower")
    return FastPaths(labelled_loss, fused, attention, attending, forward, notes)
