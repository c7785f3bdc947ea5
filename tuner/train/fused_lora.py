"""Compute an adapted linear layer as one step of autograd, forward and backward.

In: a PEFT model. Out: the same model, whose plain LoRA layers compute `x W' + s (x A') B'` with the second product
added in place, and whose backward pass writes both parts of the gradient into one tensor. PEFT's own layer makes four
tensors of the output's size where this makes one. Parameters, names and saving stay PEFT's. Left to PEFT, and named:
DoRA, quantised weights, fused experts, dropout, and anything else that is more than two matrices beside a frozen one.
"""

from __future__ import annotations

from types import MethodType
from typing import Any

import torch
from peft.tuners.lora.layer import Linear, LoraLayer
from torch.autograd.function import FunctionCtx, once_differentiable


class _LoraLinear(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: FunctionCtx,
        x: torch.Tensor,
        weight: torch.Tensor,
        bias: torch.Tensor | None,
        a: torch.Tensor,
        b: torch.Tensor,
        scale: float,
    ) -> torch.Tensor:
        rows = x.reshape(-1, x.shape[-1])
        narrow = rows @ a.t()
        out = rows @ weight.t() if bias is None else torch.addmm(bias, rows, weight.t())
        out.addmm_(narrow, b.t(), alpha=scale)
        ctx.save_for_backward(rows, narrow, weight, a, b)
        ctx.scale, ctx.shape = scale, x.shape  # type: ignore[attr-defined]
        return out.view(*x.shape[:-1], out.shape[-1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        rows, narrow, weight, a, b = ctx.saved_tensors
        grad = grad.reshape(-1, grad.shape[-1])
        back = (grad @ b).mul_(ctx.scale)
        of_a = back.t() @ rows
        of_b = (grad.t() @ narrow).mul_(ctx.scale)
        if not ctx.needs_input_grad[0]:  # the first layer's input is the frozen embedding
            return None, None, None, of_a, of_b, None
        of_x = grad @ weight
        of_x.addmm_(back, a)
        return of_x.view(ctx.shape), None, None, of_a, of_b, None


def fuse_lora(model: torch.nn.Module) -> tuple[int, int]:
    """Take over the plain LoRA layers; return how many were taken, and how many are left to PEFT."""
    layers = [each for each in model.modules() if isinstance(each, LoraLayer)]
    plain = [each for each in layers if is_plain(each)]
    for each in plain:
        each.forward = MethodType(_forward, each)
    return len(plain), len(layers) - len(plain)


def is_plain(layer: LoraLayer) -> bool:
    """Tell two trained matrices beside a frozen one from everything that PEFT computes in another way."""
    if type(layer) is not Linear or layer.fan_in_fan_out or len(layer.active_adapters) != 1:
        return False
    name, base = layer.active_adapters[0], layer.get_base_layer()
    if type(base) is not torch.nn.Linear or any(each.requires_grad for each in base.parameters()):
        return False
    a, b = layer.lora_A[name], layer.lora_B[name]
    same_type = a.weight.dtype == b.weight.dtype == base.weight.dtype
    return (
        name not in layer.lora_variant
        and isinstance(layer.lora_dropout[name], torch.nn.Identity)
        and a.bias is None
        and b.bias is None
        and same_type
    )


def _forward(layer: Linear, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
    if layer.disable_adapters or layer.merged or args or kwargs:
        return Linear.forward(layer, x, *args, **kwargs)
    name, base = layer.active_adapters[0], layer.get_base_layer()
    a, b = layer.lora_A[name].weight, layer.lora_B[name].weight
    return _LoraLinear.apply(x, base.weight, base.bias, a, b, layer.scaling[name])
