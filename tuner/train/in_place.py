"""Norm, rotary positions and the gate of a feed-forward part, forward and backward, in few passes over memory.

In: matrices of a row for each position, in float32 or bf16; norms are computed in float32, as transformers does. Out:
the same numbers as transformers' modules give, which make a new tensor for each of their steps (a norm: four forward,
eight backward). No autograd here: `half_layers` calls these.
"""

from __future__ import annotations

import torch
from torch.nn import functional


def norm(x: torch.Tensor, weight: torch.Tensor, eps: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Divide each row by its root mean square; return it with what it was multiplied by, which is float32."""
    scale = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.float32)
    scale = scale.square_().div_(x.shape[-1]).add_(eps).rsqrt_()
    return torch.mul(x, scale).to(x.dtype).mul_(weight), scale


def norm_backward(
    grad: torch.Tensor, x: torch.Tensor, scale: torch.Tensor, weight: torch.Tensor, beside: torch.Tensor
) -> torch.Tensor:
    """Give the gradient of x, added to the one that passes `beside` the norm; `grad` is used up."""
    grad.mul_(weight)
    along = (grad * x).sum(-1, keepdim=True, dtype=torch.float32).mul_(scale.pow(3)).div_(-x.shape[-1])
    if x.dtype == torch.float32:
        return torch.addcmul(beside, grad, scale).addcmul_(x, along)
    return torch.mul(grad, scale).addcmul_(x, along).add_(beside).to(x.dtype)


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, out: torch.Tensor, back: bool = False) -> None:
    """Turn the two halves of the last dimension by an angle, or back by it."""
    half, sign = x.shape[-1] // 2, -1 if back else 1
    torch.mul(x, cos, out=out)
    out[..., :half].addcmul_(x[..., half:], sin[..., :half], value=-sign)
    out[..., half:].addcmul_(x[..., :half], sin[..., half:], value=sign)


def gated(gate: torch.Tensor, up: torch.Tensor) -> torch.Tensor:
    """Give silu(gate) * up."""
    return functional.silu(gate).mul_(up)


def gated_backward(
    grad: torch.Tensor, gate: torch.Tensor, up: torch.Tensor, of_gate: torch.Tensor, of_up: torch.Tensor
) -> torch.Tensor:
    """Write the gradients of gate and up; return silu(gate) * up once more. `grad` is used up."""
    again = functional.silu(gate)
    torch.mul(grad, again, out=of_up)
    torch.ops.aten.silu_backward.grad_input(grad.mul_(up), gate, grad_input=of_gate)
    return again.mul_(up)
