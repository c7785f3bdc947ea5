"""Say whether vLLM takes a PEFT folder as it is, and with which rank limit, before anybody tries.

In: the parsed `adapter_config.json`. Out: the reasons why vLLM would refuse it; none where it would not. The rules are
those of vLLM's own reader of PEFT folders (`peft_helper`, versions 0.32 and 0.33). Every `rank_pattern` counts.
"""

from __future__ import annotations

from typing import Any

# What --max-lora-rank may be. A server that was started without it takes adapters up to DEFAULT_RANK.
RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
DEFAULT_RANK = 16
_SPECIAL_STARTS = ("pissa", "olora", "corda", "loftq")  # they change the base's weights too
_HEADS = {"classifier", "score"}
_REFUSED = {
    "use_dora": "DoRA is not supported",
    "lora_bias": "biases in the adapter are not supported",
    "alora_invocation_tokens": "an adapter that switches on in mid-text is not supported",
    "layer_replication": "repeated layers are not supported",
    "use_qalora": "QALoRA is not supported",
    "use_bdlora": "block-diagonal matrices are not supported",
    "target_parameters": "an adapter on parameters, such as fused experts, is not supported",
    "trainable_token_indices": "single trained embeddings are not supported",
}
_TARGETS = {
    *("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "lm_head", "embed_tokens"),
    *("q_a_proj", "q_b_proj", "kv_a_proj_with_mqa", "kv_b_proj"),
}


def largest_rank(adapter: dict[str, Any]) -> int:
    """Give the largest rank of an adapter."""
    return max([int(adapter["r"]), *map(int, (adapter.get("rank_pattern") or {}).values())])


def rank_limit(adapter: dict[str, Any]) -> int | None:
    """Give the --max-lora-rank that a server needs for an adapter; None where there is none so large."""
    return next((each for each in RANKS if each >= largest_rank(adapter)), None)


def refusals(adapter: dict[str, Any]) -> list[str]:
    """List why vLLM would not take an adapter."""
    found = []
    if rank_limit(adapter) is None:
        found.append(f"rank {largest_rank(adapter)} is above {RANKS[-1]}, the largest that --max-lora-rank can be")
    if adapter.get("bias", "none") != "none":
        found.append(f"`bias` is {adapter['bias']!r}, wanted 'none'")
    found += [f"`{key}` is set: {reason}" for key, reason in _REFUSED.items() if adapter.get(key)]
    modules = sorted(set(adapter.get("modules_to_save") or ()) - _HEADS)
    if modules:
        found.append(f"`modules_to_save` has {', '.join(modules)}: whole trained modules are not supported")
    start = adapter.get("init_lora_weights")
    if isinstance(start, str) and start.startswith(_SPECIAL_STARTS):
        found.append(f"`init_lora_weights` is {start!r}: it changed the base's weights too")
    targets = adapter.get("target_modules")
    if isinstance(targets, list):
        unknown = sorted(name for name in targets if name.rsplit(".", 1)[-1] not in _TARGETS)
        if unknown:
            found.append(f"`target_modules` has {', '.join(unknown)}, which it does not know")
    return found


def require_rank(adapter: dict[str, Any], limit: int) -> str:
    """Say what is wrong where an adapter's rank is above a server's limit; empty where it is not."""
    rank = largest_rank(adapter)
    return "" if rank <= limit else f"rank {rank} is above the server's --max-lora-rank {limit}"
