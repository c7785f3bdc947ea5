"""A family is known by a base's config and vocabulary, and what is said of it is what the program does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from transformers import AutoConfig

from tuner.errors import ExportError
from tuner.export.architectures import adapter_refusal, require_supported
from tuner.families import ALL, FAMILIES, NO_GGUF, Family, families_table, find_family
from tuner.fim_forms import FORMS
from tuner.recipe_file import flatten, load

ROOT = Path(__file__).parent.parent
ARCHITECTURES = {
    "llama": "LlamaForCausalLM", "qwen2": "Qwen2ForCausalLM", "qwen3": "Qwen3ForCausalLM",
    "qwen3_moe": "Qwen3MoeForCausalLM", "deepseek_v2": "DeepseekV2ForCausalLM",
    "deepseek_v3": "DeepseekV3ForCausalLM", "glm": "GlmForCausalLM", "glm4": "Glm4ForCausalLM",
    "glm4_moe": "Glm4MoeForCausalLM",
}  # fmt: skip


@pytest.mark.parametrize(
    ("model_type", "form", "family"),
    [
        ("qwen2", "qwen", "Qwen2.5-Coder"),
        ("qwen2", "r1_qwen", "R1-Distill-Qwen"),
        ("qwen3", "qwen", "Qwen3"),
        ("qwen3_moe", "qwen", "Qwen3-Coder, Qwen3 MoE"),
        ("llama", "deepseek", "DeepSeek-Coder"),
        ("deepseek_v2", "deepseek", "DeepSeek-Coder-V2"),
        ("deepseek_v3", "deepseek", "DeepSeek-V3"),
        ("glm", "glm", "GLM-4, CodeGeeX4"),
        ("glm4", "plain_glm", "GLM-4, CodeGeeX4"),
        ("glm4_moe", "glm", "GLM-4.5"),
        ("llama", "prefix_only", "SmolLM2"),
        ("llama", "plain_llama", "Llama 3"),
        ("mistral", "plain", "other (mistral)"),
    ],
)
def test_a_family_is_known_by_model_type_and_vocabulary(model_type: str, form: str, family: str) -> None:
    config = {"model_type": model_type, "_name_or_path": "acme/my-qwen-llama-glm"}
    assert find_family(config, form).name == family


def test_no_two_families_claim_the_same_base_and_all_forms_exist() -> None:
    claims = [(kind, form) for family in FAMILIES for kind in family.model_types for form in family.forms]
    assert len(claims) == len(set(claims))
    assert {form for _, form in claims} <= {form.name for form in FORMS}


@pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)
def test_what_is_said_of_its_exports_is_what_the_export_does(family: Family) -> None:
    for kind in family.model_types:
        config: dict[str, Any] = AutoConfig.for_model(kind).to_dict() | {"architectures": [ARCHITECTURES[kind]]}
        config |= {"q_lora_rank": 8, "topk_method": "greedy", "norm_topk_prob": kind == "qwen3_moe"}
        config |= {"rope_parameters": {"rope_type": "default", "rope_theta": 1e4}}
        adapter = {"peft_type": "LORA", "target_parameters": list(family.experts), "target_modules": ["q_proj"]}
        try:
            refusal = adapter_refusal(require_supported(config), adapter)
        except ExportError:
            assert family.exports == NO_GGUF
        else:
            assert family.exports != NO_GGUF and (family.exports == ALL) == (not refusal)


def test_the_table_in_the_docs_is_the_generated_one() -> None:
    text = (ROOT / "docs/families.md").read_text(encoding="utf-8")
    table = text.partition("<!-- families -->\n")[2].partition("<!-- /families -->")[0]
    assert table == families_table(), "write docs/families.md's table again; the command stands above it"


def test_every_family_has_a_recipe_for_completion_and_one_for_chat() -> None:
    table = (ROOT / "docs/families.md").read_text(encoding="utf-8").partition("## Recipes")[2]
    for name in ("Qwen2.5-Coder", "Qwen3", "Qwen3-Coder", "DeepSeek-Coder", "DeepSeek-Coder-V2", "R1-Distill-Qwen",
                 "GLM-4", "SmolLM2"):  # fmt: skip
        (line,) = (each for each in table.splitlines() if each.startswith(f"| {name} |"))
        completion, chat = (cell.strip().strip("`") for cell in line.split("|")[2:4])
        for cell, replays in ((completion, False), (chat, True)):
            if cell != "the defaults":
                recipe = (ROOT / "recipes" / f"{cell}.yaml").read_text(encoding="utf-8")
                assert ("replay_share: 0.1" in recipe) == replays


def test_a_chat_recipe_differs_from_its_completion_twin_in_base_rows_and_replay() -> None:
    completion, chat = (
        flatten(load(ROOT / f"recipes/qwen3-8b-{purpose}.yaml").recipe) for purpose in ("completion", "chat")
    )
    differing = {key for key in chat if chat[key] != completion[key] and not key.startswith("dataset.shares.")}
    assert differing == {"base", "dataset.replay_share", "train.learning_rate"}
