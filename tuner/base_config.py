"""Find a base's `config.json` and the sizes of its tensors, without its weights: what a plan is made from.

In: a base's name as `BASE=` takes it, or the path of a bare config.json. Out: the parsed config, the number of
parameters where headers of weight files are at hand, and where it was read. Looked for, in this order: a folder, a
config.json, a GGUF file's own header, the hub's cache, the table below of the bases that the recipes name, and last the
hub itself, which is asked for the few kilobytes of config.json only.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner import bases
from tuner.checkpoint import read_headers
from tuner.errors import BaseError
from tuner.recipe import EMBEDDED, Recipe


def _qwen2(width: int, layers: int, heads: int, stored: int, inner: int, vocabulary: int = 152064) -> dict[str, Any]:
    return {
        "model_type": "qwen2",
        "hidden_size": width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": stored,
        "intermediate_size": inner,
        "vocab_size": vocabulary,
        "tie_word_embeddings": vocabulary == 151936,
        "max_position_embeddings": 32768,
    }


def _deepseek(width: int, layers: int, heads: int, stored: int, inner: int) -> dict[str, Any]:
    shape = {"model_type": "llama", "tie_word_embeddings": False, "max_position_embeddings": 16384}
    return _qwen2(width, layers, heads, stored, inner, 32256) | shape


def _glm(kind: str, context: int) -> dict[str, Any]:
    shape = {"model_type": kind, "head_dim": 128, "attention_bias": True, "max_position_embeddings": context}
    return _qwen2(4096, 40, 32, 2, 13696, 151552) | shape


# As their config.json say; a test compares the parameters with those that their makers publish.
PUBLISHED: dict[str, dict[str, Any]] = {
    "Qwen/Qwen2.5-Coder-0.5B": _qwen2(896, 24, 14, 2, 4864, 151936),
    "Qwen/Qwen2.5-Coder-1.5B": _qwen2(1536, 28, 12, 2, 8960, 151936),
    "Qwen/Qwen2.5-Coder-3B": _qwen2(2048, 36, 16, 2, 11008, 151936),
    "Qwen/Qwen2.5-Coder-7B": _qwen2(3584, 28, 28, 4, 18944),
    "Qwen/Qwen2.5-Coder-14B": _qwen2(5120, 48, 40, 8, 13824),
    "Qwen/Qwen2.5-Coder-32B": _qwen2(5120, 64, 40, 8, 27648),
    "deepseek-ai/deepseek-coder-1.3b-base": _deepseek(2048, 24, 16, 16, 5504),
    "deepseek-ai/deepseek-coder-6.7b-base": _deepseek(4096, 32, 32, 32, 11008),
    "deepseek-ai/deepseek-coder-33b-base": _deepseek(7168, 62, 56, 8, 19200),
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B": {**_qwen2(3584, 28, 28, 4, 18944), "max_position_embeddings": 131072},
    "zai-org/glm-4-9b-hf": _glm("glm", 8192),
    "zai-org/GLM-4-9B-0414": _glm("glm4", 32768),
    "Qwen/Qwen3-8B": {
        **_qwen2(4096, 36, 32, 8, 12288, 151936),
        "model_type": "qwen3",
        "tie_word_embeddings": False,
        "head_dim": 128,
    },
    "Qwen/Qwen3-Coder-30B-A3B-Instruct": {
        **_qwen2(2048, 48, 32, 4, 6144, 151936),
        "model_type": "qwen3_moe",
        "tie_word_embeddings": False,
        "head_dim": 128,
        "num_experts": 128,
        "num_experts_per_tok": 8,
        "moe_intermediate_size": 768,
        "max_position_embeddings": 262144,
    },
    "deepseek-ai/DeepSeek-Coder-V2-Lite-Base": {
        **_qwen2(2048, 27, 16, 16, 10944, 102400),
        "model_type": "deepseek_v2",
        "q_lora_rank": None,
        "kv_lora_rank": 512,
        "qk_nope_head_dim": 128,
        "qk_rope_head_dim": 64,
        "v_head_dim": 128,
        "n_routed_experts": 64,
        "n_shared_experts": 2,
        "num_experts_per_tok": 6,
        "moe_intermediate_size": 1408,
        "first_k_dense_replace": 1,
        "max_position_embeddings": 163840,
    },
}
_VARIANT = re.compile(r"-(instruct|base)$", re.IGNORECASE)  # made of the same weights' shapes


@dataclass(frozen=True, slots=True)
class Found:
    """A base's configuration, its parameters by its weight files' headers if they are at hand, and where it stood."""

    name: str
    config: dict[str, Any]
    parameters: int | None
    source: str
    on_this_machine: bool


def find_config(name: str, cache: Path, asks_hub: bool = True) -> Found:
    """Find the configuration of a base; nothing heavier than config.json is downloaded, and nothing dequantised."""
    name = EMBEDDED if name == "auto" else name
    path = Path(name).expanduser()
    if name == EMBEDDED:
        return _of_gguf(name, bases.embedded_gguf(), cache)
    if path.suffix == ".gguf" and path.is_file():
        return _of_gguf(name, path.resolve(), cache)
    if path.is_dir():
        return _of_folder(name, path)
    if path.is_file():
        return Found(name, _read(name, path), None, str(path), True)
    if not is_hub_id(name):
        raise BaseError(
            f"BASE={name}: no such file or folder, and not a hub id",
            "give a folder, a GGUF file, a config.json, a hub id such as Qwen/Qwen2.5-Coder-1.5B, or " + EMBEDDED,
        )
    return _of_hub(name, asks_hub)


def is_hub_id(name: str) -> bool:
    """Say whether a name can be that of a model on the hub."""
    return re.fullmatch(r"[\w.-]+/[\w.-]+", name) is not None and not name.startswith(".")


def find_cached(name: str) -> Path | None:
    """Find the folder of the hub's cache that holds a model's weights."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, ValueError):
        return None
    return folder if any(folder.glob("*.safetensors")) else None


def _of_folder(name: str, folder: Path) -> Found:
    config = folder / "config.json"
    if not config.is_file():
        raise BaseError(f"BASE={name}: {folder} has no config.json", "a plan needs at least that file of a base")
    weights = sorted(folder.glob("*.safetensors"))
    parameters = sum(math.prod(shape) for shape in read_headers(name, folder, weights).values()) if weights else None
    return Found(name, _read(name, config), parameters, str(config), True)


def _of_hub(name: str, asks_hub: bool) -> Found:
    from huggingface_hub import hf_hub_download, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    folder = find_cached(name)
    if folder is not None:
        return _of_folder(name, folder)
    cached = try_to_load_from_cache(name, "config.json")
    if isinstance(cached, str):
        return Found(name, _read(name, Path(cached)), None, cached, False)
    stem = _VARIANT.sub("", name)
    known = next((config for each, config in PUBLISHED.items() if _VARIANT.sub("", each) == stem), None)
    if known is not None:
        return Found(name, known, None, "the table of known bases", False)
    try:
        path = Path(hf_hub_download(name, "config.json", local_files_only=not asks_hub))
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BaseError(
            f"BASE={name}: not in the hub's cache, and the hub did not give its config.json: {reason}",
            "give the path of its config.json in place of the name",
        ) from None
    return Found(name, _read(name, path), None, str(path), False)


# What a GGUF file calls the measures of config.json, behind the architecture's name.
_OF_GGUF = {
    "hidden_size": "embedding_length",
    "num_hidden_layers": "block_count",
    "intermediate_size": "feed_forward_length",
    "num_attention_heads": "attention.head_count",
    "num_key_value_heads": "attention.head_count_kv",
    "head_dim": "attention.key_length",
    "max_position_embeddings": "context_length",
    "num_experts": "expert_count",
    "num_experts_per_tok": "expert_used_count",
    "moe_intermediate_size": "expert_feed_forward_length",
}
_TYPES = {"qwen3moe": "qwen3_moe", "qwen2moe": "qwen2_moe"}


def _of_gguf(name: str, path: Path, cache: Path) -> Found:
    prepared = bases.prepared_folder(path, cache)
    if (prepared / "config.json").is_file():  # faster to read than the GGUF file's vocabulary
        return _of_folder(name, prepared)
    from gguf import GGUFReader

    try:
        reader = GGUFReader(str(path))
        architecture = str(reader.fields["general.architecture"].contents())
        tensors = {tensor.name: [int(size) for size in tensor.shape] for tensor in reader.tensors}
        fields = {key: reader.fields.get(f"{architecture}.{field}") for key, field in _OF_GGUF.items()}
        vocabulary = tensors["token_embd.weight"][1]
    except (ValueError, KeyError, IndexError, OSError) as error:
        raise BaseError(f"BASE={name}: {path} cannot be read: {error}", "copy or download the base again") from None
    config = {key: field.contents() for key, field in fields.items() if field is not None}
    config |= {
        "model_type": _TYPES.get(architecture, architecture),
        "vocab_size": vocabulary,
        "tie_word_embeddings": "output.weight" not in tensors,
    }
    return Found(name, config, sum(math.prod(shape) for shape in tensors.values()), str(path), True)


def _read(name: str, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise BaseError(f"BASE={name}: {path} is not JSON: {error}", "copy or download the base again") from None
    if not isinstance(found, dict):
        raise BaseError(f"BASE={name}: {path} is not a JSON object", "copy or download the base again")
    return found


def require_context(found: Found, recipe: Recipe) -> None:
    """Refuse rows and prompts that are longer than what the base can read at once."""
    context = found.config.get("max_position_embeddings")
    if not isinstance(context, int):
        return
    asked = recipe.evaluate
    lengths = {
        "dataset.max_tokens": recipe.dataset.max_tokens,
        "evaluate.max_prompt_tokens + retrieved_tokens + max_new_tokens": (
            asked.max_prompt_tokens + asked.retrieved_tokens + asked.max_new_tokens
        ),
    }
    for name, length in lengths.items():
        if length > context:
            raise BaseError(
                f"BASE={found.name}: reads {context} tokens at most, {name} is {length}",
                f'SET="{name.split(" ")[0]}=..." with less, or a base with a longer context',
            )
