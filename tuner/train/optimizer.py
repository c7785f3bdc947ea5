"""Optimizers that keep float32 copies of bf16 weights.

A bf16 weight has eight bits of mantissa, so that a small late update would round away. Here the update is added to a
float32 copy, which is rounded into the bf16 weight afterwards. So the forward pass needs no casts (on a CPU that is
1.4 times the speed of float32 adapters under autocast) and no update is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, ClassVar

import torch

BETAS = (0.9, 0.98)


class MasterWeights(torch.optim.Optimizer):
    """Works on float32 copies of `weights`; its state holds the copies, so that resuming is exact."""

    weights: list[torch.nn.Parameter]
    masters: list[torch.Tensor]
    options: ClassVar[dict[str, Any]] = {}

    def __init__(self, weights: Iterable[torch.nn.Parameter], lr: float, weight_decay: float) -> None:
        self.weights = [weight for weight in weights if weight.requires_grad]
        self.masters = [weight.detach().float().clone().requires_grad_() for weight in self.weights]
        super().__init__(self.masters, lr=lr, weight_decay=weight_decay, betas=BETAS, **self.options)  # type: ignore[call-arg]

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        for weight, master in zip(self.weights, self.masters, strict=True):
            master.grad = None if weight.grad is None else weight.grad.float()
        super().step(closure)
        for weight, master in zip(self.weights, self.masters, strict=True):
            weight.copy_(master)

    def zero_grad(self, set_to_none: bool = True) -> None:
        super().zero_grad(set_to_none)
        for weight in self.weights:
            weight.grad = None

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "masters": [master.detach() for master in self.masters]}

    @torch.no_grad()
    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        state = dict(state_dict)
        for master, weight, saved in zip(self.masters, self.weights, state.pop("masters"), strict=True):
            master.copy_(saved)
            weight.copy_(master)
        super().load_state_dict(state)


class MasterWeightAdamW(MasterWeights, torch.optim.AdamW):
    """AdamW over float32 copies, all of its arithmetic in one pass."""

    options: ClassVar[dict[str, Any]] = {"fused": True}


def make_optimizer(name: str, weights: Iterable[torch.nn.Parameter], lr: float, weight_decay: float) -> MasterWeights:
    """Build the optimizer that a recipe names."""
    if name == "adamw":
        return MasterWeightAdamW(weights, lr, weight_decay)
    from bitsandbytes.optim import PagedAdamW8bit

    class PagedMasterWeightAdamW8bit(MasterWeights, PagedAdamW8bit):
        """The same with moments of 8 bits, in memory that a GPU driver can move to the machine's own."""

    return PagedMasterWeightAdamW8bit(weights, lr, weight_decay)
