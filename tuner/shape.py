"""What a model is made of, by its `config.json` alone: its linear layers, its experts, and what else holds parameters.

In: a parsed config.json. Out: a `Shape`. Nothing is loaded and no torch imported, so that a model too large for this
machine can be looked at on it. An architecture that is not listed here is refused: a guess would look like a figure.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tuner.errors import BaseError

DENSE = ("llama", "mistral", "qwen2", "qwen3", "glm", "glm4")
LATENT = ("deepseek_v2", "deepseek_v3")  # attention through a small latent vector
EXPERTS = ("qwen2_moe", "qwen3_moe", "glm4_moe", *LATENT)
KNOWN = tuple(dict.fromkeys((*DENSE, *EXPERTS)))
FUSED_GATE = ("glm", "glm4")  # gate and up are one linear layer
BIASED = ("qwen2", "qwen2_moe")  # q, k and v, whatever config.json says


@dataclass(frozen=True, slots=True)
class Linear:
    """One linear layer, which LoRA adapts."""

    inputs: int
    outputs: int
    biased: bool = False

    @property
    def weights(self) -> int:
        return self.inputs * self.outputs

    @property
    def parameters(self) -> int:
        return self.weights + (self.outputs if self.biased else 0)


@dataclass(frozen=True, slots=True)
class Block:
    """One decoder layer. `experts` are so many, `chosen` of which see each token; they are no linear layers of torch.

    `feed_width` is what a token's feed-forward part is wide, over all experts that it passes through.
    """

    attention: tuple[Linear, ...]
    feed: tuple[Linear, ...]
    norms: int
    feed_width: int
    experts: int = 0
    chosen: int = 0
    expert_weights: int = 0
    router: int = 0

    @property
    def linears(self) -> tuple[Linear, ...]:
        return self.attention + self.feed

    @property
    def parameters(self) -> int:
        return (
            sum(each.parameters for each in self.linears)
            + self.experts * self.expert_weights
            + self.router
            + self.norms
        )


@dataclass(frozen=True, slots=True)
class Shape:
    """A whole model. `query_width` is that of all heads together, `key_width` and `value_width` of the stored ones."""

    model_type: str
    width: int
    vocabulary: int
    tied: bool
    heads: int
    query_width: int
    key_width: int
    value_width: int
    normed_heads: bool
    context: int
    blocks: tuple[Block, ...]

    @property
    def head(self) -> int:
        return self.vocabulary * self.width

    @property
    def linear_weights(self) -> int:
        return sum(each.weights for each in self.linears())

    @property
    def parameters(self) -> int:
        return self.head * (1 if self.tied else 2) + sum(each.parameters for each in self.blocks) + self.width

    def linears(self) -> Iterator[Linear]:
        """List every layer that LoRA adapts: all linear layers but the head."""
        for block in self.blocks:
            yield from block.linears

    def trainable(self, rank: int, experts: bool = False) -> int:
        """Count the parameters of a LoRA adapter on all of them; `experts` are adapted with a share of the rank."""
        count = sum(rank * (each.inputs + each.outputs) for each in self.linears())
        for block in self.blocks if experts else ():
            if block.experts:
                inner = block.expert_weights // (3 * self.width)
                each = max(1, rank // block.chosen) * block.experts
                count += each * (self.width + 2 * inner) + each * (inner + self.width)
        return count

    def active(self) -> int:
        """Count the weights that one token is multiplied with, the head included and the embedding not."""
        experts = sum(block.chosen * block.expert_weights for block in self.blocks)
        return self.linear_weights + experts + self.head


def read_shape(config: dict[str, Any], name: str) -> Shape:
    """Work out a model's shape from its config.json."""
    kind = str(config.get("model_type"))
    if kind not in KNOWN:
        raise BaseError(
            f"BASE={name}: config.json says model_type {kind!r}, whose memory cannot be planned; "
            f"known: {', '.join(KNOWN)}",
            "`make train` goes on without a plan; watch its memory",
        )
    try:
        return _shape(config, kind)
    except (KeyError, TypeError, ZeroDivisionError) as error:
        raise BaseError(
            f"BASE={name}: config.json of a {kind} lacks {error}, or holds no number there",
            "copy or download the base again",
        ) from None


def _shape(config: dict[str, Any], kind: str) -> Shape:
    width, heads = int(config["hidden_size"]), int(config["num_attention_heads"])
    layers = int(config["num_hidden_layers"])
    if kind in LATENT:
        query = heads * (config["qk_nope_head_dim"] + config["qk_rope_head_dim"])
        key, value, normed = query, heads * config["v_head_dim"], False
    else:
        stored = int(config.get("num_key_value_heads") or heads)
        each = int(config.get("head_dim") or width // heads)
        query, key = heads * each, stored * each
        value, normed = key, kind in ("qwen3", "qwen3_moe") or bool(config.get("use_qk_norm"))
    tied = bool(config.get("tie_word_embeddings"))
    blocks = tuple(_block(config, kind, number, width, query, key, value, heads) for number in range(layers))
    context = int(config.get("max_position_embeddings") or 0)
    size = int(config["vocab_size"])
    return Shape(kind, width, size, tied, heads, query, key, value, normed, context, blocks)


def _block(
    config: dict[str, Any], kind: str, number: int, width: int, query: int, key: int, value: int, heads: int
) -> Block:
    attention, norms = _attention(config, kind, width, query, key, value, heads)
    feed: tuple[Linear, ...]
    norms += width * (4 if kind == "glm4" else 2)
    feed_width = int(config["intermediate_size"])
    if not _has_experts(config, kind, number):
        if kind in FUSED_GATE:
            feed = (Linear(width, 2 * feed_width), Linear(feed_width, width))
        else:
            feed = _gated(width, feed_width, bool(config.get("mlp_bias")))
        return Block(attention, feed, norms, feed_width)
    each = int(config["moe_intermediate_size"])
    experts = int(config.get("n_routed_experts") or config["num_experts"])
    chosen, router = int(config["num_experts_per_tok"]), experts * width
    feed, shared = (), 0
    if kind == "qwen2_moe":
        shared = int(config["shared_expert_intermediate_size"])
        feed = (*_gated(width, shared, False), Linear(width, 1))
    elif kind in LATENT or kind == "glm4_moe":
        shared = int(config.get("n_shared_experts") or 0) * each
        feed = _gated(width, shared, False) if shared else ()
    return Block(attention, feed, norms, shared + chosen * each, experts, chosen, 3 * width * each, router)


def _has_experts(config: dict[str, Any], kind: str, number: int) -> bool:
    if kind not in EXPERTS:
        return False
    if kind in LATENT or kind == "glm4_moe":
        return number >= int(config.get("first_k_dense_replace") or 0)
    return (
        number not in (config.get("mlp_only_layers") or [])
        and (number + 1) % int(config.get("decoder_sparse_step") or 1) == 0
    )


def _attention(
    config: dict[str, Any], kind: str, width: int, query: int, key: int, value: int, heads: int
) -> tuple[tuple[Linear, ...], int]:
    """Give the linear layers of one attention, and the parameters of the norms inside it."""
    biased = bool(config.get("attention_bias")) or kind in BIASED
    if kind not in LATENT:
        output_biased = biased and kind in ("llama", "qwen3", "qwen3_moe")
        linears = (
            Linear(width, query, biased),
            Linear(width, key, biased),
            Linear(width, value, biased),
            Linear(query, width, output_biased),
        )
        normed = kind in ("qwen3", "qwen3_moe") or bool(config.get("use_qk_norm"))
        return linears, 2 * (query // heads) if normed else 0
    latent, rotary, asked = config["kv_lora_rank"], config["qk_rope_head_dim"], config.get("q_lora_rank")
    asking = (Linear(width, asked, biased), Linear(asked, query)) if asked else (Linear(width, query),)
    kept = (
        Linear(width, latent + rotary, biased),
        Linear(latent, heads * config["qk_nope_head_dim"] + value),
        Linear(value, width, biased),
    )
    return (*asking, *kept), latent + (asked or 0)


def _gated(width: int, inner: int, biased: bool) -> tuple[Linear, ...]:
    return (Linear(width, inner, biased), Linear(width, inner, biased), Linear(inner, width, biased))
