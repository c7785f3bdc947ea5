"""Write everything of an export that holds weights: PEFT folder, merged folder, GGUF files.

In: a base, its adapter, `recipe.export`. Out: what was written, and why what is missing was left out:
    peft/                     the adapter as it was trained
    tokenizer/                the base's tokenizer and chat template, for what renders prompts
    merged/                   base and adapter as one model folder
    gguf/base-F.gguf          the base, and gguf/adapter-f32.gguf, which an engine adds to it
    gguf/merged-F.gguf        both as one file
F is the format of the recipe, and for bases up to `copies_up_to_billions` each smaller one that the recipe names.
Everything that can be refused is refused before the first large file, and the disk is asked first.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tuner.errors import ExportError
from tuner.export.architectures import (
    INSTEAD,
    MERGED_INSTEAD,
    adapter_refusal,
    require_adapter,
    require_supported,
)
from tuner.export.gguf_base import write_gguf
from tuner.export.gguf_lora import write_gguf_lora
from tuner.export.k_quants import require_engine
from tuner.export.merged import MergedFormat, copy_tokenizer, require_targets, write_merged
from tuner.export.merged_by_peft import merge_by_peft
from tuner.export.number_formats import BYTES_PER_WEIGHT, Format
from tuner.export.vocabulary import read_vocabulary
from tuner.export.weights import Lora, Weights, read_json, read_lora
from tuner.recipe import ExportSettings
from tuner.records import Base
from tuner.rundir import Workspace, check_disk


@dataclass(frozen=True, slots=True)
class Written:
    """A file or folder that was written. `model` and `adapter` are what an engine loads to run it."""

    name: str
    path: Path
    format: str
    model: Path | None = None
    adapter: Path | None = None
    tuned: bool = True


@dataclass(slots=True)
class Output:
    """What an export holds, and why the rest is missing, by name."""

    written: list[Written] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)


def write_all(base: Base, source: Path, settings: ExportSettings, folder: Path, work: Workspace) -> Output:
    """Write all that base and adapter can be written as; `source` is the adapter's folder."""
    home = Path(base.path)
    config, adapter_config = read_json(home / "config.json"), read_json(source / "adapter_config.json")
    require_adapter(adapter_config)
    folder.mkdir(parents=True)
    shutil.copytree(source, folder / "peft")
    (folder / "tokenizer").mkdir()
    copy_tokenizer(home, folder / "tokenizer")
    output = Output([Written("peft", folder / "peft", "peft")])
    try:
        architecture = require_supported(config)
        read_vocabulary(home, config["vocab_size"])
    except ExportError as fault:
        output.skipped["gguf"] = f"{fault.message}; {fault.hint or INSTEAD}"
        return output
    refusal = adapter_refusal(architecture, adapter_config)
    if refusal:
        output.skipped["adapter-gguf"] = f"{refusal}; {MERGED_INSTEAD}"
    _Writer(base, source, settings, folder, output, work, read_lora(source) if not refusal else None).write()
    return output


class _Writer:
    """One export's files. `lora` is None where only PEFT itself can merge the adapter."""

    def __init__(
        self,
        base: Base,
        source: Path,
        settings: ExportSettings,
        folder: Path,
        output: Output,
        work: Workspace,
        lora: Lora | None,
    ) -> None:
        self.base = base
        self.source = source
        self.settings = settings
        self.folder = folder
        self.output = output
        self.work = work
        self.lora = lora
        self.home = Path(base.path)
        weights = Weights(self.home)
        require_targets(weights, lora or {})
        self.tensors = len(weights.tensors)
        self.count = sum(math.prod(tensor.shape) for tensor in weights.tensors.values())
        self.small = self.count <= settings.copies_up_to_billions * 1e9

    def write(self) -> None:
        """Write all files, the adapter's first: its refusals come before the large files."""
        bases, merged = self._formats()
        sizes = [BYTES_PER_WEIGHT[each] for each in (*bases, *merged)]
        folder_bytes = {"none": 0.0, "f32": 4.0}.get(self.settings.merged, 2.0)
        check_disk(self.work.out, int(self.count * (sum(sizes) + folder_bytes)))
        models = self.folder / "gguf"
        models.mkdir()
        adapter: Path | None = None
        if self.lora is not None:
            adapter = models / "adapter-f32.gguf"
            write_gguf_lora(self.source, read_json(self.home / "config.json"), adapter)
        parts = self.tensors * (len(bases) + len(merged) + 1)
        with self.work.progress.track("writing models", total=parts, unit="tensor") as track:
            done = partial(track.advance, 1)
            self._write_bases(bases, models, adapter, done)
            whole = self._write_merged(done)
            for number, each in enumerate(merged):
                path = models / f"merged-{each}.gguf"
                track.note(path.name)
                # what PEFT merged is read from its folder, whose tensors may be named and counted otherwise
                write_gguf(whole or self.home, path, each, f"{self.base.name} tuned", self.lora, done)
                name = "merged-gguf" if number == 0 else f"merged-{each}"
                self.output.written.append(Written(name, path, f"gguf {each}", path))

    def _formats(self) -> tuple[list[Format], list[Format]]:
        """Choose the formats of the base and of the merged model, the main one first."""
        main: Format = self.settings.gguf
        smaller: list[Format] = [each for each in self.settings.quantized if each != main]
        if not self.small:
            said = f"the base has {self.count / 1e9:.1f} billion weights, copies are written up to "
            said += f'{self.settings.copies_up_to_billions:g}; SET="export.copies_up_to_billions=..." raises it'
            for name in [*(["merged-gguf"] if self.lora is not None else []), *smaller]:
                self.output.skipped[name] = said
            return [main], [] if self.lora is not None else [main]
        if "q4_k_m" in smaller:
            try:
                require_engine()
            except ExportError as missing:
                self.output.skipped["q4_k_m"] = f"{missing.message}; {missing.hint}"
                smaller.remove("q4_k_m")
        whole: Format = "f32" if main == "f32" else "f16"
        merged = [whole, *(each for each in smaller if each != whole)]
        return ([main, *smaller] if self.lora is not None else [main]), merged

    def _write_bases(self, formats: list[Format], models: Path, adapter: Path | None, done: Callable[[], None]) -> None:
        for number, each in enumerate(formats):
            path = models / f"base-{each}.gguf"
            write_gguf(self.home, path, each, self.base.name, done=done)
            if number == 0:
                self.output.written.append(Written("base-gguf", path, f"gguf {each}", path, tuned=False))
                if adapter is not None:
                    self.output.written.append(Written("adapter-gguf", adapter, "gguf f32", path, adapter))
            else:  # asked with the adapter, as it is served
                self.output.written.append(Written(f"base-{each}", path, f"gguf {each}", path, adapter))

    def _write_merged(self, done: Callable[[], None]) -> Path | None:
        """Write the merged folder; return it where the merged GGUF files must be made from it."""
        folder = self.folder / "merged"
        number_format: MergedFormat = "f16" if self.settings.merged == "none" else self.settings.merged
        written = Written("merged", folder, f"safetensors {number_format}")
        if self.lora is None:
            merge_by_peft(self.base, self.source, folder, number_format, self.small)
            self.output.written.append(written)
            return folder
        if self.settings.merged != "none":
            write_merged(self.home, self.lora, folder, number_format, done)
            self.output.written.append(written)
        return None
