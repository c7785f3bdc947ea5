"""Adapted linear layers with the same input as one product, and a single one that adds to what passes beside it.

In: plain LoRA layers of PEFT (`fused_lora.is_plain`). Out: their outputs and gradients. The frozen matrices lie one
below the other in one tensor, of which the layers' own weights become views, so that no memory is taken twice. Below
them there is room for the narrow matrices A, which are copied in before each product: so `x W'` and `x A'` of all
layers are one product, and so are both parts of the gradient of x. A product of 32 columns alone is slow.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from peft.tuners.lora.layer import Linear


class JoinedProduct:
    """Layers with the same input; columns of the product are each layer's outputs, then each layer's narrow ones."""

    def __init__(self, layers: Sequence[Linear]) -> None:
        bases = [layer.get_base_layer() for layer in layers]
        ranks = [len(adapters(layer)[0]) for layer in layers]
        self.scales = [layer.scaling[layer.active_adapters[0]] for layer in layers]
        sizes = [len(base.weight) for base in bases]
        ends = list(itertools.accumulate([*sizes, *ranks], initial=0))
        places = [slice(start, end) for start, end in itertools.pairwise(ends)]
        self.outputs, self.narrow = places[: len(layers)], places[len(layers) :]
        self.below = slice(self.narrow[0].start, None)
        room = bases[0].weight.new_zeros(sum(ranks), bases[0].weight.shape[1])
        self.weight = torch.cat([*(base.weight.detach() for base in bases), room])
        for base, place in zip(bases, self.outputs, strict=True):
            base.weight.data = self.weight[place]
        self.bias = None
        if any(base.bias is not None for base in bases):
            of_each = [room.new_zeros(len(base.weight)) if base.bias is None else base.bias.detach() for base in bases]
            self.bias = torch.cat([*of_each, room.new_zeros(len(room))])

    def forward(self, rows: torch.Tensor, pairs: Sequence[torch.Tensor]) -> torch.Tensor:
        """Give all outputs and, to the right of them, the narrow columns; `pairs` is A and B of each layer in turn."""
        for a, place in zip(pairs[::2], self.narrow, strict=True):
            self.weight[place] = a
        wide = rows @ self.weight.t() if self.bias is None else torch.addmm(self.bias, rows, self.weight.t())
        for b, place, narrow, scale in zip(pairs[1::2], self.outputs, self.narrow, self.scales, strict=True):
            wide[:, place].addmm_(wide[:, narrow], b.t(), alpha=scale)
        return wide

    def backward(
        self,
        grad: torch.Tensor,
        rows: torch.Tensor,
        narrow: torch.Tensor,
        pairs: Sequence[torch.Tensor],
        of_rows: bool,
    ) -> tuple[torch.Tensor | None, list[torch.Tensor]]:
        """Give the gradients of the rows and of `pairs`; the narrow columns of `grad` are filled in here."""
        of_b = []
        for b, place, own, scale in zip(pairs[1::2], self.outputs, self.narrow, self.scales, strict=True):
            torch.mm(grad[:, place], b, out=grad[:, own]).mul_(scale)
            column = slice(own.start - self.below.start, own.stop - self.below.start)
            of_b.append((grad[:, place].t() @ narrow[:, column]).mul_(scale))
        of_a = (grad[:, self.below].t() @ rows).split([place.stop - place.start for place in self.narrow])
        back = grad @ self.weight if of_rows else None
        return back, [each for pair in zip(of_a, of_b, strict=True) for each in pair]


class AddedProduct:
    """One layer, whose output is added to what passes beside it."""

    def __init__(self, layer: Linear) -> None:
        base = layer.get_base_layer()
        self.weight, self.bias = base.weight.detach(), None if base.bias is None else base.bias.detach()
        self.scale = layer.scaling[layer.active_adapters[0]]

    def forward(
        self, beside: torch.Tensor, rows: torch.Tensor, a: torch.Tensor, b: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Give the sum, and the narrow columns."""
        narrow = rows @ a.t()
        total = torch.addmm(beside, rows, self.weight.t()).addmm_(narrow, b.t(), alpha=self.scale)
        return total if self.bias is None else total.add_(self.bias), narrow

    def of_rows(self, grad: torch.Tensor, a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Give the gradients of the rows and of the narrow columns."""
        back = (grad @ b).mul_(self.scale)
        return (grad @ self.weight).addmm_(back, a), back

    def of_b(self, grad: torch.Tensor, narrow: torch.Tensor) -> torch.Tensor:
        """Give the gradient of B."""
        return (grad.t() @ narrow).mul_(self.scale)


def adapters(layer: Linear) -> tuple[torch.nn.Parameter, torch.nn.Parameter]:
    """Give A and B of a layer that has one adapter."""
    name = layer.active_adapters[0]
    return layer.lora_A[name].weight, layer.lora_B[name].weight
