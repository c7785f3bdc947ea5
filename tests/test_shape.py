"""What is worked out from config.json is what transformers builds and PEFT adapts."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import AutoConfig, AutoModelForCausalLM

from tuner.base_config import PUBLISHED
from tuner.errors import BaseError
from tuner.shape import KNOWN, read_shape

SMALL: dict[str, Any] = {
    "vocab_size": 96,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "pad_token_id": 0,
    "bos_token_id": 0,
    "eos_token_id": 0,
}
EXPERTS = {
    "moe_intermediate_size": 24,
    "num_experts": 4,
    "num_local_experts": 4,
    "num_experts_per_tok": 2,
    "n_routed_experts": 4,
    "n_shared_experts": 1,
    "first_k_dense_replace": 1,
    "shared_expert_intermediate_size": 40,
    "n_group": 1,
    "topk_group": 1,
}
LATENT = {"num_key_value_heads": 4, "q_lora_rank": 12, "kv_lora_rank": 8, "qk_nope_head_dim": 8, "qk_rope_head_dim": 4}
CONFIGS = [
    *((kind, {}) for kind in KNOWN),
    ("llama", {"attention_bias": True, "mlp_bias": True, "tie_word_embeddings": True}),
    ("qwen3", {"attention_bias": True}),
    ("qwen3_moe", {"decoder_sparse_step": 2}),
    ("qwen2_moe", {"mlp_only_layers": [0]}),
    ("deepseek_v2", {"q_lora_rank": None}),
    ("glm4_moe", {"use_qk_norm": True}),
]


def config_of(kind: str, changes: dict[str, Any]) -> dict[str, Any]:
    special = EXPERTS if "moe" in kind or kind.startswith("deepseek") else {}
    if kind.startswith("deepseek"):
        special = {**special, **LATENT, "v_head_dim": 8}
    if kind == "qwen2":
        special = {"head_dim": 8}
    return SMALL | special | changes


@pytest.mark.parametrize(("kind", "changes"), CONFIGS)
def test_parameters_are_those_of_the_model_that_transformers_builds(kind: str, changes: dict[str, Any]) -> None:
    config = AutoConfig.for_model(kind, **config_of(kind, changes))
    shape = read_shape(config.to_dict(), kind)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    assert shape.parameters == sum(weight.numel() for weight in model.parameters())
    if not any(block.experts for block in shape.blocks):
        adapted = get_peft_model(model, LoraConfig(r=3, target_modules="all-linear", task_type="CAUSAL_LM"))
        assert shape.trainable(3) == sum(weight.numel() for weight in adapted.parameters() if weight.requires_grad)


# Billions, from their model cards.
@pytest.mark.parametrize(
    ("name", "billions"),
    [
        ("Qwen/Qwen2.5-Coder-0.5B", 0.49),
        ("Qwen/Qwen2.5-Coder-1.5B", 1.54),
        ("Qwen/Qwen2.5-Coder-3B", 3.09),
        ("Qwen/Qwen2.5-Coder-7B", 7.62),
        ("Qwen/Qwen2.5-Coder-14B", 14.8),
        ("Qwen/Qwen2.5-Coder-32B", 32.8),
        ("deepseek-ai/deepseek-coder-1.3b-base", 1.35),
        ("deepseek-ai/deepseek-coder-6.7b-base", 6.74),
        ("deepseek-ai/deepseek-coder-33b-base", 33.3),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", 7.62),
        ("zai-org/glm-4-9b-hf", 9.4),
        ("zai-org/GLM-4-9B-0414", 9.4),
        ("Qwen/Qwen3-8B", 8.19),
        ("Qwen/Qwen3-Coder-30B-A3B-Instruct", 30.5),
        ("deepseek-ai/DeepSeek-Coder-V2-Lite-Base", 15.7),
    ],
)
def test_the_table_of_known_bases_gives_their_published_size(name: str, billions: float) -> None:
    assert read_shape(PUBLISHED[name], name).parameters / 1e9 == pytest.approx(billions, rel=0.01)


def test_an_unknown_architecture_is_refused_by_name() -> None:
    with pytest.raises(BaseError) as caught:
        read_shape({"model_type": "mamba"}, "acme/odd")
    assert caught.value.message == (
        f"BASE=acme/odd: config.json says model_type 'mamba', whose memory cannot be planned; known: {', '.join(KNOWN)}"
    )
    assert caught.value.hint == "`make train` goes on without a plan; watch its memory"


def test_a_config_that_lacks_a_measure_is_named() -> None:
    with pytest.raises(BaseError) as caught:
        read_shape({"model_type": "llama", "hidden_size": 8, "num_attention_heads": 2}, "acme/odd")
    assert caught.value.message == (
        "BASE=acme/odd: config.json of a llama lacks 'num_hidden_layers', or holds no number there"
    )
    assert caught.value.hint == "copy or download the base again"
