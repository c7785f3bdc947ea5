"""What is known about each model architecture: its GGUF name, and what of it cannot be exported without lying.

In: the parsed `config.json` of a base and the parsed `adapter_config.json` of its adapter. Out: the facts, or an
ExportError that names the reason and what to do instead. Everything here is cheap and runs before any weight is read.

Refused are models and adapters that the engine would load and answer wrongly, because nobody would notice: greedy text
often stays the same. Where the base can be written but its adapter cannot, the reason is given by `adapter_refusal`,
and the alternative is the merged model. DeepSeek-Coder (1.3B to 33B) is a Llama, R1-Distill-Qwen a Qwen2; both are
supported whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tuner.errors import ExportError


@dataclass(frozen=True, slots=True)
class Architecture:
    """How llama.cpp knows a model.

    `permuted`: its rotary halves are interleaved, so rows of q and k are reordered. `no_adapter` says why llama.cpp
    would answer wrongly with any adapter file for it; empty where it would not.
    """

    gguf: str
    permuted: bool = False
    no_adapter: str = ""


_IGNORED = "llama.cpp drops LoRA on latent attention without a word, so that the served model is not the evaluated one"
SUPPORTED = {
    "LlamaForCausalLM": Architecture("llama", permuted=True),
    "Qwen2ForCausalLM": Architecture("qwen2"),
    "Qwen3ForCausalLM": Architecture("qwen3"),
    "Qwen3MoeForCausalLM": Architecture("qwen3moe"),
    "DeepseekV2ForCausalLM": Architecture("deepseek2", no_adapter=_IGNORED),
}
REFUSED = {
    "DeepseekV3ForCausalLM": "it chooses experts by groups and sigmoid scores, which this writer does not know",
    "Qwen2MoeForCausalLM": "its shared expert has a gate of its own, which this writer does not know",
    "MixtralForCausalLM": "its experts have other names, which this writer does not know",
}
INSTEAD = "serve the PEFT folder with transformers, or train on a Llama, Qwen2 or Qwen3 base"
MERGED_INSTEAD = "take the merged model, as a folder or as GGUF"
ROPE_TYPES = ("default", "linear", "llama3")
LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
LITE_LAYERS = (26, 27)  # llama.cpp knows by them that a DeepSeek-V2 has no compressed query
# Settings of DeepSeek-V2 and Qwen3-MoE under which the engine computes what transformers does.
_WANTED = {
    "deepseek2": {"topk_method": "greedy", "norm_topk_prob": False, "attention_bias": False},
    "qwen3moe": {"norm_topk_prob": True, "decoder_sparse_step": 1, "mlp_only_layers": []},
}

# Settings of peft.LoraConfig that change what the adapter computes and have no counterpart in a GGUF LoRA.
_UNEXPRESSIBLE = {
    "use_dora": "DoRA rescales whole weights",
    "lora_bias": "the adapter has biases",
    "modules_to_save": "whole modules were trained beside the LoRA matrices",
    "trainable_token_indices": "single embeddings were trained beside the LoRA matrices",
    "target_parameters": "experts that are fused into one tensor were adapted",
    "layer_replication": "layers are repeated",
    "alora_invocation_tokens": "the adapter switches on in mid-text",
    "use_qalora": "QALoRA pools its inputs",
    "use_bdlora": "the matrices are block-diagonal",
    "arrow_config": "the adapter routes between experts",
    "kasa_config": "the adapter holds singular values beside its matrices",
    "velora_config": "the adapter compresses its activations",
    "monteclora_config": "the adapter samples its matrices",
    "fan_in_fan_out": "the weights are stored transposed",
}


def require_supported(config: dict[str, Any]) -> Architecture:
    """Give the facts of a base, or say why no GGUF file can express it, before any heavy work."""
    architecture = _architecture_of(config)
    if config.get("hidden_act", "silu") != "silu":
        raise ExportError(f"config.json: `hidden_act` is {config['hidden_act']!r}, wanted 'silu'", INSTEAD)
    if config.get("use_sliding_window"):
        raise ExportError(
            "config.json: `use_sliding_window` is true; the engine would attend to the whole text", INSTEAD
        )
    if config.get("quantization_config"):
        raise ExportError(
            "config.json: the weights are quantized, wanted 16-bit or 32-bit floats", "export from the dense base"
        )
    for key, wanted in _WANTED.get(architecture.gguf, {}).items():
        if key in config and config[key] not in (wanted, None):
            raise ExportError(f"config.json: `{key}` is {config[key]!r}, wanted {wanted!r}", INSTEAD)
    if architecture.gguf == "deepseek2" and not config.get("q_lora_rank"):
        layers = config["num_hidden_layers"]
        if layers not in LITE_LAYERS:
            wanted_layers = " or ".join(map(str, LITE_LAYERS))
            raise ExportError(
                f"config.json: no `q_lora_rank` and {layers} layers, wanted {wanted_layers}: llama.cpp knows no other",
                INSTEAD,
            )
    kind = rope_of(config).get("rope_type", "default")
    known = (*ROPE_TYPES, "yarn") if architecture.gguf == "deepseek2" else ROPE_TYPES
    if kind not in known:
        raise ExportError(f"config.json: `rope_type` is {kind!r}, wanted one of {', '.join(known)}", INSTEAD)
    return architecture


def require_adapter(adapter: dict[str, Any]) -> None:
    """Refuse an adapter that is no LoRA at all."""
    if adapter.get("peft_type") != "LORA":
        raise ExportError(f"adapter_config.json: `peft_type` is {adapter.get('peft_type')!r}, wanted 'LORA'", INSTEAD)


def adapter_refusal(architecture: Architecture, adapter: dict[str, Any]) -> str:
    """Say why a GGUF LoRA cannot express an adapter on a base of this architecture; empty where it can."""
    if architecture.no_adapter:
        return architecture.no_adapter
    where = "adapter_config.json"
    if adapter.get("bias", "none") != "none":
        return f"{where}: `bias` is {adapter['bias']!r}, wanted 'none': a GGUF LoRA has no biases"
    for key, reason in _UNEXPRESSIBLE.items():
        if adapter.get(key):
            return f"{where}: `{key}` is set: {reason}, which a GGUF LoRA cannot express"
    targets = adapter.get("target_modules")
    if isinstance(targets, list):
        unknown = sorted(name for name in targets if name.rsplit(".", 1)[-1] not in LINEAR)
        if unknown:
            return f"{where}: `target_modules` has {', '.join(unknown)}, wanted among {', '.join(LINEAR)}"
    return ""


def rope_of(config: dict[str, Any]) -> dict[str, Any]:
    """Give the rotary settings in one form: transformers 5 has `rope_parameters`, older files two separate keys."""
    rope = dict(config.get("rope_parameters") or config.get("rope_scaling") or {})
    rope.setdefault("rope_type", rope.pop("type", "default"))
    rope.setdefault("rope_theta", config.get("rope_theta", 10000.0))
    return rope


def experts_in(config: dict[str, Any]) -> int:
    """Count the experts of a layer; each family has its own name for it, and transformers 5 another one."""
    names = ("n_routed_experts", "num_local_experts", "num_experts")
    return next((int(config[name]) for name in names if config.get(name)), 0)


def _architecture_of(config: dict[str, Any]) -> Architecture:
    name = (config.get("architectures") or ["none named"])[0]
    if name in SUPPORTED:
        return SUPPORTED[name]
    if name in REFUSED:
        raise ExportError(f"config.json: architecture {name} is not exported to GGUF: {REFUSED[name]}", INSTEAD)
    raise ExportError(f"config.json: architecture is {name}, wanted one of {', '.join(SUPPORTED)}", INSTEAD)
