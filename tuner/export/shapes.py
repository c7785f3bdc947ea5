"""Write a model's measures into a GGUF file: layers, heads, experts, rotary settings.

In: the parsed `config.json` of a supported base. Out: the fields that the engine builds its network from. What a field
means and when it is left out follows llama.cpp's own reader of that architecture.
"""

from __future__ import annotations

import math
from typing import Any

import gguf
import numpy as np

from tuner.export.architectures import Architecture, experts_in, rope_of


def write_shape(writer: gguf.GGUFWriter, config: dict[str, Any], architecture: Architecture) -> None:
    """Add all measures of a base to a file that is being written."""
    heads = config["num_attention_heads"]
    writer.add_vocab_size(config["vocab_size"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    if architecture.gguf == "deepseek2":
        _write_latent_attention(writer, config)
    else:
        width = head_width(config)
        writer.add_head_count_kv(config.get("num_key_value_heads") or heads)
        writer.add_key_length(width)
        writer.add_value_length(width)
        writer.add_rope_dimension_count(width)
    experts = experts_in(config)
    if experts:
        writer.add_expert_count(experts)
        writer.add_expert_used_count(config["num_experts_per_tok"])
        writer.add_expert_feed_forward_length(config["moe_intermediate_size"])
    _write_rope(writer, rope_of(config))


def head_width(config: dict[str, Any]) -> int:
    """Give the width of one attention head."""
    return int(config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"])


def rope_divisors(config: dict[str, Any]) -> np.ndarray | None:
    """Compute Llama 3's frequency divisors, which the engine reads as a tensor: `factor` stretches long waves."""
    rope = rope_of(config)
    if rope["rope_type"] != "llama3":
        return None
    width = head_width(config)
    low, high, old = rope["low_freq_factor"], rope["high_freq_factor"], rope["original_max_position_embeddings"]
    waves = 2 * math.pi * rope["rope_theta"] ** (np.arange(0, width, 2, dtype=np.float64) / width)
    smooth = np.clip((old / waves - low) / (high - low), 0.0, 1.0)
    return (1.0 / ((1.0 - smooth) / rope["factor"] + smooth)).astype(np.float32)


def _write_latent_attention(writer: gguf.GGUFWriter, config: dict[str, Any]) -> None:
    """Describe DeepSeek-V2's attention as the engine runs it: one key and value head, as wide as the latent vector."""
    latent, rotary, plain = config["kv_lora_rank"], config["qk_rope_head_dim"], config["qk_nope_head_dim"]
    writer.add_head_count_kv(1)
    if config.get("q_lora_rank"):
        writer.add_q_lora_rank(config["q_lora_rank"])
    writer.add_kv_lora_rank(latent)
    writer.add_key_length(latent + rotary)
    writer.add_value_length(latent)
    writer.add_key_length_mla(plain + rotary)
    writer.add_value_length_mla(config["v_head_dim"])
    writer.add_rope_dimension_count(rotary)
    writer.add_leading_dense_block_count(config.get("first_k_dense_replace") or 0)
    writer.add_expert_shared_count(config.get("n_shared_experts") or 0)
    writer.add_expert_weights_scale(config.get("routed_scaling_factor") or 1.0)


def _write_rope(writer: gguf.GGUFWriter, rope: dict[str, Any]) -> None:
    writer.add_rope_freq_base(rope["rope_theta"])
    if rope["rope_type"] == "linear":
        writer.add_rope_scaling_type(gguf.RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(rope["factor"])
    elif rope["rope_type"] == "yarn":
        writer.add_rope_scaling_type(gguf.RopeScalingType.YARN)
        writer.add_rope_scaling_factor(rope["factor"])
        writer.add_rope_scaling_orig_ctx_len(rope["original_max_position_embeddings"])
        for key, add in (
            ("beta_fast", writer.add_rope_scaling_yarn_beta_fast),
            ("beta_slow", writer.add_rope_scaling_yarn_beta_slow),
        ):
            if rope.get(key) is not None:
                add(rope[key])
        if rope.get("mscale_all_dim") is not None:
            writer.add_rope_scaling_yarn_log_mul(0.1 * rope["mscale_all_dim"])  # the engine divides it by 0.1 again
