"""List the tensors of a GGUF file: their names, their shapes, and how their values come out of a base folder.

In: the weights of a base, an adapter to add in or none, and what is known of the architecture. Out: one entry a tensor,
whose values are read only when asked for, so that memory holds one tensor at a time, or one layer's experts. Most
tensors go over as they are. Some change: rows of q and k are reordered where the engine pairs rotary halves otherwise;
experts become one tensor a layer; a latent attention's one matrix becomes two.
Refused: a tensor without a GGUF name, an output layer that is missing.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import gguf
import numpy as np

from tuner.errors import ExportError
from tuner.export.architectures import Architecture, experts_in
from tuner.export.merged import merged_tensor
from tuner.export.weights import Lora, Weights

_HEAD = "lm_head.weight"
_EXPERT = re.compile(r"(.*\.mlp\.experts)\.(\d+)\.(\w+\.weight)")


@dataclass(frozen=True, slots=True)
class TensorPlan:
    """One tensor of the file; `shape` as numpy has it, `read` gives its values in float32."""

    name: str
    shape: tuple[int, ...]
    read: Callable[[], np.ndarray]


def plan_tensors(
    weights: Weights, lora: Lora, config: dict[str, Any], architecture: Architecture
) -> Iterator[TensorPlan]:
    """List all tensors of the model, in one order for one input."""
    tied = config.get("tie_word_embeddings", False)
    if not tied and _HEAD not in weights.tensors:
        raise ExportError(f"{weights.folder}: {_HEAD} is missing and `tie_word_embeddings` is false")
    read = partial(merged_tensor, weights, lora)
    for name in sorted(weights.tensors):
        if (tied and name == _HEAD) or name.endswith(".rotary_emb.inv_freq"):
            continue  # the engine takes the embeddings for the head, and computes the frequencies
        shape = weights.tensors[name].shape
        expert = _EXPERT.fullmatch(name)
        if expert:
            if expert[2] == "0":
                yield _stacked_experts(weights, read, expert[1], expert[3], config, architecture)
        elif name.endswith(".kv_b_proj.weight"):
            yield from _split_latent(name, shape, read, config, architecture)
        else:
            values = partial(_permuted_tensor, read, name, config, architecture)
            yield TensorPlan(_known_name(weights, name, config, architecture), shape, values)


def permuted(rows: np.ndarray, hf_name: str, config: dict[str, Any], architecture: Architecture) -> np.ndarray:
    """Reorder the rows of q and k where the engine pairs rotary halves differently; leave everything else as it is."""
    if not architecture.permuted:
        return rows
    heads = config["num_attention_heads"]
    if ".k_proj." in hf_name:
        heads = config.get("num_key_value_heads") or heads
    elif ".q_proj." not in hf_name:
        return rows
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


def gguf_name(hf_name: str, config: dict[str, Any], architecture: Architecture) -> str | None:
    """Translate the name of a weight, or give None where the engine has no such weight."""
    known = _name_map(architecture.gguf, config["num_hidden_layers"])
    return known.get_name(hf_name, try_suffixes=(".weight", ".bias"))


@functools.cache
def _name_map(architecture: str, layers: int) -> gguf.TensorNameMap:
    models = {name: model for model, name in gguf.MODEL_ARCH_NAMES.items()}
    return gguf.get_tensor_name_map(models[architecture], layers)


def _known_name(weights: Weights, hf_name: str, config: dict[str, Any], architecture: Architecture) -> str:
    found = gguf_name(hf_name, config, architecture)
    if found is None:
        raise ExportError(f"{weights.folder}: tensor {hf_name} has no GGUF name in {architecture.gguf}")
    return found


def _permuted_tensor(
    read: Callable[[str], np.ndarray], name: str, config: dict[str, Any], architecture: Architecture
) -> np.ndarray:
    return permuted(read(name), name, config, architecture)


def _stacked_experts(
    weights: Weights,
    read: Callable[[str], np.ndarray],
    experts: str,
    matrix: str,
    config: dict[str, Any],
    architecture: Architecture,
) -> TensorPlan:
    count = experts_in(config)
    names = [f"{experts}.{number}.{matrix}" for number in range(count)]
    missing = [name for name in names if name not in weights.tensors]
    if missing:
        raise ExportError(f"{weights.folder}: tensor {missing[0]} is missing, config.json says {count} experts")
    shape = (count, *weights.tensors[names[0]].shape)
    name = _known_name(weights, f"{experts}.{matrix}", config, architecture)
    return TensorPlan(name, shape, lambda: np.stack([read(each) for each in names]))


def _split_latent(
    name: str,
    shape: tuple[int, ...],
    read: Callable[[str], np.ndarray],
    config: dict[str, Any],
    architecture: Architecture,
) -> Iterator[TensorPlan]:
    """Split the matrix that unfolds keys and values, with the keys' half turned: the engine folds it into the query."""
    heads, plain, wide = config["num_attention_heads"], config["qk_nope_head_dim"], config["v_head_dim"]
    latent = shape[1]

    def halves() -> np.ndarray:
        return read(name).reshape(heads, plain + wide, latent)

    for part, part_shape, values in (
        ("k_b_proj", (heads, latent, plain), lambda: halves()[:, :plain].swapaxes(1, 2)),
        ("v_b_proj", (heads, wide, latent), lambda: halves()[:, plain:]),
    ):
        found = gguf_name(name.replace("kv_b_proj", part), config, architecture)
        assert found is not None, part
        yield TensorPlan(found, part_shape, values)
