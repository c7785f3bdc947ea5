"""The cross entropy of the labelled positions, with its gradient made on the way forward.

In: hidden states, the frozen head and labels. Out: the loss summed over the labelled positions, and their number.
Logits are made for labelled positions alone, a tile of words at a time, once: while a tile is at hand, its part of the
gradient of the hidden states is made from it, and that is all that is kept. Sums so far fade as higher logits come, as
in flash attention. So each part of the head is read once, and all positions share the work of preparing it for the
product. TRL makes the logits of every position on a processor, makes them again in the backward pass, and computes an
entropy that nobody looks at.

Dropped: heads that are more than one matrix (a bias, scaled or capped logits); `takes_head` says so.
"""

from __future__ import annotations

from types import MethodType
from typing import Any

import torch
from torch.autograd.function import once_differentiable
from transformers import PreTrainedModel

from tuner.memory import LOSS_TILE
from tuner.render import MASKED

# What makes the logits of some families more than a product with the head.
BEYOND = ("final_logit_softcapping", "logit_scale", "output_multiplier", "lm_head_multiplier", "logits_scaling")


class _LossOfPositions(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, head: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        states, own = hidden.float(), head[labels].float()
        highest = torch.full((len(labels), 1), float("-inf"), device=hidden.device)
        total, gradient = torch.zeros_like(highest), torch.zeros_like(states) if ctx.needs_input_grad[0] else None
        for words in head.split(_tile(len(labels), len(head))):
            logits = (hidden @ words.t()).float()
            before, highest = highest, torch.maximum(highest, logits.amax(1, keepdim=True))
            fade = before.sub_(highest).exp_()
            logits.sub_(highest).exp_()
            total.mul_(fade).add_(logits.sum(1, keepdim=True))
            if gradient is not None:
                gradient.mul_(fade).add_(logits.to(head.dtype) @ words)
        if gradient is not None:
            ctx.save_for_backward(gradient.div_(total).sub_(own).to(hidden.dtype))
        return (highest + total.log()).squeeze(1) - (states * own).sum(1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        (gradient,) = ctx.saved_tensors
        return gradient * grad.unsqueeze(1).to(gradient.dtype), None, None


def takes_head(model: PreTrainedModel) -> bool:
    """Say whether a model's logits are nothing but its last hidden states times a frozen matrix."""
    head, config = model.get_output_embeddings(), model.config.get_text_config()
    is_matrix = type(head) is torch.nn.Linear and head.bias is None and not head.weight.requires_grad
    return is_matrix and all(getattr(config, name, None) in (None, 1.0) for name in BEYOND)


def loss_of_labels(hidden: torch.Tensor, head: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Sum the loss of each position that names the next token as a label; return it with their number."""
    wanted = labels[:, 1:]
    labelled = wanted != MASKED
    losses = _LossOfPositions.apply(hidden[:, :-1][labelled], head, wanted[labelled])
    return losses.sum(), labelled.sum()


def add_labelled_loss(model: PreTrainedModel) -> None:
    """Let `model(..., labels=labels, labelled_loss=True)` give the two numbers; without the word all is as before."""
    plain = model.forward

    def forward(
        self: PreTrainedModel, *args: Any, labels: torch.Tensor | None = None, labelled_loss: bool = False, **more: Any
    ) -> Any:
        if not labelled_loss or labels is None:
            return plain(*args, **more) if labels is None else plain(*args, labels=labels, **more)
        states = self.base_model(*args, **more).last_hidden_state
        return loss_of_labels(states, self.get_output_embeddings().weight, labels)

    model.forward = MethodType(forward, model)


def _tile(positions: int, vocabulary: int) -> int:
    """Cut evenly, so that the last tile is not a sliver."""
    most = max(1024, LOSS_TILE // max(1, positions))
    return -(-vocabulary // -(-vocabulary // most))
