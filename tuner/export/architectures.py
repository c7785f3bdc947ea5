"""What is known about each model architecture: its GGUF name, and what of it cannot be exported without lying.

In: the parsed `config.json` of a base and the parsed `adapter_config.json` of its adapter. Out: the facts, or an
ExportError that names the reason and what to do instead. Everything here is cheap and runs before any weight is read.

Refused are models and adapters that the engine would load and answer wrongly, because nobody would notice: greedy text
often stays the same. DeepSeek-Coder (1.3B to 33B) is a Llama, R1-Distill-Qwen a Qwen2; both are supported.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tuner.errors import ExportError


@dataclass(frozen=True, slots=True)
class Architecture:
    """How llama.cpp knows a model. `permuted`: its rotary halves are interleaved, so rows of q and k are reordered."""

    gguf: str
    permuted: bool


SUPPORTED = {
    "LlamaForCausalLM": Architecture("llama", permuted=True),
    "Qwen2ForCausalLM": Architecture("qwen2", permuted=False),
    "Qwen3ForCausalLM": Architecture("qwen3", permuted=False),
}

_IGNORED = "llama.cpp drops LoRA on latent attention without a word, so that the served model is not the evaluated one"
_FUSED = "its experts are fused into one tensor, for which GGUF has no LoRA"
REFUSED = {
    "DeepseekV2ForCausalLM": _IGNORED,
    "DeepseekV3ForCausalLM": _IGNORED,
    "Qwen2MoeForCausalLM": _FUSED,
    "Qwen3MoeForCausalLM": _FUSED,
    "MixtralForCausalLM": _FUSED,
}
INSTEAD = "serve the PEFT folder with vLLM or transformers, or train on a Llama, Qwen2 or Qwen3 base"
ROPE_TYPES = ("default", "linear", "llama3")
LINEAR = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")

# Settings of peft.LoraConfig that change what the adapter computes and have no counterpart in a GGUF LoRA.
_UNEXPRESSIBLE = {
    "use_dora": "DoRA rescales whole weights",
    "lora_bias": "the adapter has biases",
    "modules_to_save": "whole modules were trained beside the LoRA matrices",
    "trainable_token_indices": "single embeddings were trained beside the LoRA matrices",
    "target_parameters": "parameters that are not linear layers were adapted",
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


def architecture_of(config: dict[str, Any]) -> Architecture:
    """Give the facts of a base, or say why it is not exported."""
    name = (config.get("architectures") or ["none named"])[0]
    if name in SUPPORTED:
        return SUPPORTED[name]
    if name in REFUSED:
        raise ExportError(f"config.json: architecture {name} is not exported to GGUF: {REFUSED[name]}", INSTEAD)
    raise ExportError(f"config.json: architecture is {name}, wanted one of {', '.join(SUPPORTED)}", INSTEAD)


def require_supported(config: dict[str, Any], adapter_config: dict[str, Any] | None) -> Architecture:
    """Refuse a base or an adapter that a GGUF file cannot express, before any heavy work."""
    architecture = architecture_of(config)
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
    kind = rope_of(config).get("rope_type", "default")
    if kind not in ROPE_TYPES:
        raise ExportError(f"config.json: `rope_type` is {kind!r}, wanted one of {', '.join(ROPE_TYPES)}", INSTEAD)
    if adapter_config is not None:
        _require_expressible(adapter_config)
    return architecture


def rope_of(config: dict[str, Any]) -> dict[str, Any]:
    """Give the rotary settings in one form: transformers 5 has `rope_parameters`, older files two separate keys."""
    rope = dict(config.get("rope_parameters") or config.get("rope_scaling") or {})
    rope.setdefault("rope_type", rope.pop("type", "default"))
    rope.setdefault("rope_theta", config.get("rope_theta", 10000.0))
    return rope


def _require_expressible(adapter: dict[str, Any]) -> None:
    where = "adapter_config.json"
    if adapter.get("peft_type") != "LORA":
        raise ExportError(f"{where}: `peft_type` is {adapter.get('peft_type')!r}, wanted 'LORA'", INSTEAD)
    if adapter.get("bias", "none") != "none":
        raise ExportError(f"{where}: `bias` is {adapter['bias']!r}, wanted 'none': a GGUF LoRA has no biases", INSTEAD)
    for key, reason in _UNEXPRESSIBLE.items():
        if adapter.get(key):
            raise ExportError(f"{where}: `{key}` is set: {reason}, which a GGUF LoRA cannot express", INSTEAD)
    targets = adapter.get("target_modules")
    if isinstance(targets, list):
        unknown = sorted(name for name in targets if name.rsplit(".", 1)[-1] not in LINEAR)
        if unknown:
            raise ExportError(
                f"{where}: `target_modules` has {', '.join(unknown)}, wanted among {', '.join(LINEAR)}", INSTEAD
            )
