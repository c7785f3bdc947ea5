"""Check that a folder is a whole and usable base, without importing torch, so that a bad BASE= stops at once.

In: a folder with config.json, tokenizer.json and *.safetensors. Out: a `Base`. Of the weights only headers are read.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from tuner.errors import BaseError
from tuner.fim_forms import FORMS, find_form
from tuner.records import Base

PICKLES = {".bin", ".pt", ".pth", ".ckpt"}


def read_checkpoint(name: str, folder: Path, revision: str | None) -> Base:
    """Check a folder and describe it as a base; without a `revision`, one is derived from the files."""
    for needed in ("config.json", "tokenizer.json"):
        if not (folder / needed).is_file():
            raise BaseError(
                f"BASE={name}: {folder} has no {needed}",
                "a base folder holds config.json, tokenizer.json and *.safetensors",
            )
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        pickles = sorted(path.name for path in folder.iterdir() if path.suffix in PICKLES)
        held = f", only {', '.join(pickles)}" if pickles else ""
        raise BaseError(
            f"BASE={name}: {folder} has no *.safetensors{held}",
            "other weight formats can run code and are not loaded; save the base with `save_pretrained`",
        )
    shapes = read_headers(name, folder, weights)
    config = _read_json(name, folder / "config.json")
    _check_architecture(name, config)
    with foreign_faults(f"{name}: tokenizer.json"):
        vocabulary = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab(with_added_tokens=True)
    _check_embedding(name, config, shapes, max(vocabulary.values(), default=0))
    form = find_form(vocabulary)
    if form is None:
        known = ", ".join(each.name for each in FORMS)
        raise BaseError(
            f"BASE={name}: no known infilling form, its vocabulary holds the control tokens of none of: {known}",
            "choose a Qwen2.5-Coder, Qwen3, DeepSeek-Coder or SmolLM2 base",
        )
    return Base(name, str(folder), revision or _fingerprint(folder, weights), form.name)


def _read_json(name: str, path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BaseError(f"BASE={name}: {path} is not JSON: {error}", "copy or download the base again") from None
    if not isinstance(found, dict):
        raise BaseError(f"BASE={name}: {path} is not a JSON object", "copy or download the base again")
    return found


def read_headers(name: str, folder: Path, weights: list[Path]) -> dict[str, list[int]]:
    """Read the shapes of all tensors, and make sure that no file is missing or cut short. Only headers are read."""
    shapes: dict[str, list[int]] = {}
    for path in weights:
        size = path.stat().st_size
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            try:
                header = json.loads(stream.read(length)) if 8 + length <= size else {}
                tensors = {tensor: entry for tensor, entry in header.items() if tensor != "__metadata__"}
                wanted = 8 + length + max(entry["data_offsets"][1] for entry in tensors.values())
            except (ValueError, KeyError, TypeError, AttributeError):
                wanted = None  # no header, or one that names no tensor
        if wanted is None or size != wanted:
            seen = "has no safetensors header" if wanted is None else f"has {size} bytes, wanted {wanted}"
            raise BaseError(f"BASE={name}: {path} is damaged: it {seen}", "copy or download the base again")
        shapes |= {tensor: entry["shape"] for tensor, entry in tensors.items()}
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        wanted_files = set(_read_json(name, index).get("weight_map", {}).values())
        missing = sorted(wanted_files - {path.name for path in weights})
        if missing:
            raise BaseError(
                f"BASE={name}: {folder} lacks {', '.join(missing)}, which {index.name} names",
                "copy or download the base again",
            )
    return shapes


def _check_architecture(name: str, config: dict[str, Any]) -> None:
    """Look for the architecture's module inside transformers, which would take seconds to import."""
    spec = importlib.util.find_spec("transformers")
    if spec is None or not spec.submodule_search_locations:
        return
    kind = str(config.get("model_type"))
    module = kind.replace("-", "_").removesuffix("_text")
    if not (Path(spec.submodule_search_locations[0]) / "models" / module).is_dir():
        raise BaseError(
            f"BASE={name}: config.json says model_type {kind!r}, which transformers "
            f"{importlib.metadata.version('transformers')} does not know",
            "choose a Qwen2.5-Coder, Qwen3, DeepSeek-Coder or SmolLM2 base",
        )


def _check_embedding(name: str, config: dict[str, Any], shapes: dict[str, list[int]], largest: int) -> None:
    """Make sure that config, tokenizer and weights belong to one model."""
    rows = next((shape[0] for tensor, shape in shapes.items() if tensor.endswith("embed_tokens.weight")), None)
    if rows is None:
        return
    if config.get("vocab_size", rows) != rows:
        raise BaseError(
            f"BASE={name}: config.json says vocab_size {config['vocab_size']}, the embedding has {rows} rows",
            "the weights belong to another model",
        )
    if largest >= rows:
        raise BaseError(
            f"BASE={name}: the tokenizer has token {largest}, the embedding only {rows} rows",
            "the tokenizer belongs to another model",
        )


def _fingerprint(folder: Path, weights: list[Path]) -> str:
    """Hash config and tokenizer whole, and of each weight file its size, first and last megabyte."""
    digest = hashlib.sha256()
    for name in ("config.json", "tokenizer.json"):
        digest.update((folder / name).read_bytes())
    for path in weights:
        size = path.stat().st_size
        with path.open("rb") as stream:
            digest.update(f"{path.name} {size}".encode() + stream.read(1 << 20))
            stream.seek(max(0, size - (1 << 20)))
            digest.update(stream.read())
    return digest.hexdigest()


@contextmanager
def foreign_faults(name: str) -> Iterator[None]:
    """Turn whatever a library raises on a damaged or unknown file into one line."""
    try:
        yield
    except Exception as error:  # parsers raise anything on damaged bytes: struct.error, IndexError, plain Exception
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise BaseError(
            f"BASE={name}: cannot be loaded: {reason}", "is it whole, and of an architecture that transformers knows?"
        ) from None
