"""The two halves of a decoder layer, each one step of autograd: norm, products, what lies between, and the sum.

In: a PEFT model of one of the architectures in `LAYERS`, in float32 or bf16. Out: the same model, whose layers compute
`x + o(attend(rotate(q, k), v))` of the norm of x, and `x + down(silu(gate) * up)` of the norm of that, as transformers
does, with a pass over memory where autograd takes several, and with nothing kept that is cheap to make again.

Left to the libraries, and counted: other architectures, experts, norms within the attention, layers that are more than
a plain LoRA, weights of mixed types. Left to them for a call: what is not one pack, a row longer than `row_attention`
takes, an adapter that is switched off.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from types import MethodType
from typing import Any

import torch
from peft.tuners.lora.layer import Linear
from torch.autograd.function import once_differentiable

from tuner.train.fused_lora import is_plain
from tuner.train.in_place import gated, gated_backward, norm, norm_backward, rotate
from tuner.train.joined import AddedProduct, JoinedProduct, adapters
from tuner.train.row_attention import LONGEST, attend, attend_backward

LAYERS = {"LlamaDecoderLayer", "Qwen2DecoderLayer", "Qwen3DecoderLayer", "Qwen3MoeDecoderLayer"}
FORWARDS = {"LlamaMLP", "Qwen2MLP", "Qwen3MLP", "Qwen3MoeMLP"}


class Half:
    """A norm, the layers that read what it gives, and the one whose output is added to what passes beside."""

    def __init__(self, before: Any, inner: Sequence[Linear], last: Linear) -> None:
        self.layers = [*inner, last]
        self.norm, self.eps = before.weight.detach(), before.variance_epsilon
        self.inner, self.last = JoinedProduct(inner), AddedProduct(last)

    def pairs(self) -> list[torch.nn.Parameter]:
        """Give A and B of each layer in turn."""
        return [each for layer in self.layers for each in adapters(layer)]

    def is_on(self) -> bool:
        """Say whether the adapter is in use, beside its base."""
        return not any(layer.disable_adapters or layer.merged for layer in self.layers)


class _AttentionHalf(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: torch.Tensor,
        cos: torch.Tensor,
        sin: torch.Tensor,
        bounds: list[int],
        half: Half,
        scaling: float,
        *pairs: torch.Tensor,
    ) -> torch.Tensor:
        x, places = hidden[0], half.inner.outputs
        size, count = cos.shape[-1], len(hidden[0])
        cos, sin = cos.view(count, 1, 1, size), sin.view(count, 1, 1, size)
        normed, scale = norm(x, half.norm, half.eps)
        wide = half.inner.forward(normed, pairs[:6])
        asked, kept, value = (wide[:, place].unflatten(1, (-1, size)) for place in places)
        shared = kept.shape[1]
        query = x.new_empty(shared, count, asked.shape[1] // shared, size)
        key = x.new_empty(shared, count, 1, size)
        rotate(asked.unflatten(1, (shared, -1)), cos * scaling, sin * scaling, query.transpose(0, 1))
        rotate(kept.unsqueeze(2), cos, sin, key.transpose(0, 1))
        query, key, value = query.flatten(1, 2), key.squeeze(2), value.transpose(0, 1).contiguous()
        seen, weights = attend(query, key, value, bounds)
        seen = seen.unflatten(1, (count, -1)).transpose(0, 1).reshape(count, -1)
        total, narrow = half.last.forward(x, seen, *pairs[6:])
        before = wide[:, half.inner.below].clone()
        ctx.save_for_backward(x, cos, sin, normed, scale, before, query, key, value, seen, narrow, *pairs, *weights)
        ctx.bounds, ctx.half, ctx.scaling = bounds, half, scaling
        return total.unsqueeze(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, cos, sin, normed, scale, before, query, key, value, seen, narrow, *more = ctx.saved_tensors
        pairs, weights, half = more[:8], more[8:], ctx.half
        grad, count, shared = grad[0], len(x), len(key)
        of_seen, back = half.last.of_rows(grad, *pairs[6:])
        of_last = [back.t() @ seen, half.last.of_b(grad, narrow)]
        along = (of_seen * seen).view(count, shared, -1, value.shape[2]).sum(-1).transpose(0, 1).reshape(shared, -1, 1)
        of_seen = of_seen.view(count, shared, -1, value.shape[2]).transpose(0, 1).flatten(1, 2)
        of_query, of_key, of_value = attend_backward(of_seen, query, key, value, along, weights, ctx.bounds)
        wide = x.new_empty(count, len(half.inner.weight))
        asked, kept, valued = (wide[:, place] for place in half.inner.outputs)
        size = query.shape[2]
        of_query = of_query.unflatten(1, (count, -1)).transpose(0, 1)
        rotate(of_query, cos * ctx.scaling, sin * ctx.scaling, asked.view(of_query.shape), back=True)
        rotate(of_key.transpose(0, 1).unsqueeze(2), cos, sin, kept.view(count, shared, 1, size), back=True)
        valued.view(count, shared, -1).copy_(of_value.transpose(0, 1))
        wanted = ctx.needs_input_grad[0]  # not of the first layer: its input is the frozen embedding
        of_normed, of_inner = half.inner.backward(wide, normed, before, pairs[:6], wanted)
        of_x = norm_backward(of_normed, x, scale, half.norm, grad).unsqueeze(0) if wanted else None
        return of_x, None, None, None, None, None, *of_inner, *of_last


class _ForwardHalf(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden: torch.Tensor, half: Half, *pairs: torch.Tensor) -> torch.Tensor:
        x = hidden.flatten(0, 1)
        normed, scale = norm(x, half.norm, half.eps)
        wide = half.inner.forward(normed, pairs[:4])
        gate, up = (wide[:, place] for place in half.inner.outputs)
        total, narrow = half.last.forward(x, gated(gate, up), *pairs[4:])
        ctx.save_for_backward(x, normed, scale, wide, narrow, *pairs)
        ctx.half = half
        return total.view(hidden.shape)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        x, normed, scale, wide, narrow, *pairs = ctx.saved_tensors
        half, shape, grad = ctx.half, grad.shape, grad.flatten(0, 1)
        of_product, back = half.last.of_rows(grad, *pairs[4:])
        of_wide = torch.empty_like(wide)
        places = half.inner.outputs
        product = gated_backward(of_product, *(each[:, place] for each in (wide, of_wide) for place in places))
        of_last = [back.t() @ product, half.last.of_b(grad, narrow)]
        of_normed, of_inner = half.inner.backward(of_wide, normed, wide[:, half.inner.below], pairs[:4], True)
        of_x = norm_backward(of_normed, x, scale, half.norm, grad)
        return of_x.view(shape), None, *of_inner, *of_last


def take_halves(model: torch.nn.Module) -> tuple[int, int, int]:
    """Take over the halves of layers; return how many attend and how many feed forward so, and how many layers are."""
    counts = [0, 0]
    layers = [each for each in model.modules() if type(each).__name__.endswith("DecoderLayer")]
    for layer in layers:
        if type(layer).__name__ not in LAYERS:
            continue
        attention, forward = _attention_half(layer), _forward_half(layer)
        counts[0] += attention is not None
        counts[1] += forward is not None
        if attention or forward:
            layer.forward = MethodType(_layer(attention, forward), layer)
    return counts[0], counts[1], len(layers)


def _attention_half(layer: Any) -> Half | None:
    part = layer.self_attn
    inner, last = [part.q_proj, part.k_proj, part.v_proj], part.o_proj
    if hasattr(part, "q_norm") or not _fit(layer.input_layernorm, [*inner, last]):
        return None
    return Half(layer.input_layernorm, inner, last)


def _forward_half(layer: Any) -> Half | None:
    part = layer.mlp
    if type(part).__name__ not in FORWARDS or type(part.act_fn).__name__ not in ("SiLU", "SiLUActivation"):
        return None
    inner = [part.gate_proj, part.up_proj]
    if not _fit(layer.post_attention_layernorm, [*inner, part.down_proj]):
        return None
    return Half(layer.post_attention_layernorm, inner, part.down_proj)


def _fit(before: Any, layers: list[Any]) -> bool:
    dtype = before.weight.dtype
    alike = not before.weight.requires_grad and dtype in (torch.float32, torch.bfloat16)
    return alike and all(is_plain(each) and each.weight.dtype == dtype for each in layers)


def _layer(attention: Half | None, forward: Half | None) -> Any:
    def run(
        self: Any,
        hidden_states: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        position_embeddings: Any = None,
        past_key_values: Any = None,
        cu_seq_lens_q: torch.Tensor | None = None,
        **more: Any,
    ) -> torch.Tensor:
        bounds = [] if cu_seq_lens_q is None else cu_seq_lens_q.tolist()
        short = bool(bounds) and max(end - start for start, end in pairwise(bounds)) <= LONGEST
        if attention and short and past_key_values is None and len(hidden_states) == 1 and attention.is_on():
            hidden_states = _AttentionHalf.apply(
                hidden_states, *position_embeddings, bounds, attention, self.self_attn.scaling, *attention.pairs()
            )
        else:
            seen, _ = self.self_attn(
                hidden_states=self.input_layernorm(hidden_states),
                attention_mask=attention_mask,
                position_embeddings=position_embeddings,
                past_key_values=past_key_values,
                cu_seq_lens_q=cu_seq_lens_q,
                **more,
            )
            hidden_states = hidden_states + seen
        if forward and forward.is_on():
            return _ForwardHalf.apply(hidden_states, forward, *forward.pairs())
        return hidden_states + self.mlp(self.post_attention_layernorm(hidden_states))

    return run
