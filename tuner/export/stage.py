"""Turn an adapter into the files that engines load, and check in the real engine that each still is the tuned model.

In: a base, an adapter, evaluation prompts as token ids, and `recipe.export`. Out: `export/` with
    peft/  merged/  gguf/base-*.gguf  gguf/adapter-f32.gguf  gguf/merged-f16.gguf  ollama/  parity.json  README.md
What GGUF cannot express is left out and says why (`Bundle.skipped`); the PEFT folder is always written. A file whose
answers differ from the evaluated model is marked as failed, the stage goes on, and `serve` refuses that file.

    tuner export RUN
"""

from __future__ import annotations

import hashlib
import math
import shutil
import time
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from tuner.errors import ExportError
from tuner.export import parity
from tuner.export.architectures import require_supported
from tuner.export.cards import Cards
from tuner.export.gguf_base import Format, write_gguf
from tuner.export.gguf_lora import write_gguf_lora
from tuner.export.merged import require_targets, write_merged
from tuner.export.vocabulary import read_vocabulary
from tuner.export.weights import Weights, read_json, read_lora
from tuner.recipe import ExportSettings
from tuner.records import Adapter, Artefact, Base, Bundle, sha256_file
from tuner.rundir import Workspace, check_disk

# A second whole copy of a larger model is not worth its disk: base and adapter serve the same answers.
SMALL_WEIGHTS = 1_000_000_000
# Digits, quotes, tabs, blank lines and other scripts are what the ways of splitting text differ in.
TOKENIZED_TEXT = (
    "def f(x0: int) -> str:\r\n\t\treturn f'{x0:>12,}'   # naïve 日本語 €20 1234567890\n\n\n  class A_b2:\n"
)
_BYTES = {"f32": 4.0, "f16": 2.0, "q8_0": 34 / 32}


@dataclass(frozen=True, slots=True)
class _Written:
    """A file or folder that was written. `model` and `adapter` are what an engine loads to run it."""

    name: str
    path: Path
    format: str
    model: Path | None = None
    adapter: Path | None = None
    tuned: bool = True


@dataclass(slots=True)
class _Export:
    written: list[_Written] = field(default_factory=list)
    skipped: dict[str, str] = field(default_factory=dict)


def run(base: Base, adapter: Adapter, prompts: list[list[int]], settings: ExportSettings, work: Workspace) -> Bundle:
    """Write and check every artefact."""
    started = time.monotonic()
    source, folder = work.run / adapter.folder, work.out / "export"
    config, adapter_config = read_json(Path(base.path) / "config.json"), read_json(source / "adapter_config.json")
    if adapter.base_revision != base.revision:
        raise ExportError(
            f"{source}: trained on base revision {adapter.base_revision}, this base is {base.revision}",
            "export with the base it was trained on",
        )
    prompts = parity.shorten(prompts, settings.parity_prompts)
    folder.mkdir(parents=True)
    shutil.copytree(source, folder / "peft")
    export = _Export([_Written("peft", folder / "peft", "peft")])
    try:
        require_supported(config, adapter_config)
        read_vocabulary(Path(base.path), config["vocab_size"])
    except ExportError as refusal:
        export.skipped["gguf"] = f"{refusal.message}; {refusal.hint}"
    else:
        _write_models(base, source, config, settings, folder, export, work)

    findings: dict[str, parity.Finding] = {}
    effect = None
    if not export.skipped.get("gguf"):
        questions = parity.Questions.make(prompts, [TOKENIZED_TEXT], Path(base.path), config["vocab_size"])
        effect, findings = _check(base, source, questions, settings, export.written, work)
        parity.write_report(folder / "parity.json", effect, prompts, findings, settings)
    artefacts = [_artefact(each, findings.get(each.name), work.out) for each in export.written]
    cards = Cards(base, adapter_config, artefacts, export.skipped, effect)
    _write_cards(folder, cards)
    metrics: dict[str, float] = {"export.seconds": time.monotonic() - started}
    for each in artefacts:
        if each.max_abs_difference is not None and each.mean_kl is not None:
            metrics[f"export.parity.{each.name}.max_abs_difference"] = each.max_abs_difference
            metrics[f"export.parity.{each.name}.mean_kl"] = each.mean_kl
    if effect is not None:
        metrics["export.parity.effect_of_tuning"] = effect
    return Bundle("export", artefacts, metrics, export.skipped)


def _write_models(
    base: Base,
    source: Path,
    config: dict[str, Any],
    settings: ExportSettings,
    folder: Path,
    export: _Export,
    work: Workspace,
) -> None:
    """Write everything that holds weights, smallest risk first: a refusal comes before the large files."""
    home, number_format = Path(base.path), settings.gguf
    lora, weights = read_lora(source), Weights(home)
    require_targets(weights, lora)
    count = sum(math.prod(tensor.shape) for tensor in weights.tensors.values())
    stored = sum(tensor.end - tensor.begin for tensor in weights.tensors.values())
    small = count <= SMALL_WEIGHTS
    check_disk(work.out, int(count * _BYTES[number_format] + (6 * count if small else stored)))

    models = folder / "gguf"
    models.mkdir()
    base_file, adapter_file = models / f"base-{number_format}.gguf", models / "adapter-f32.gguf"
    write_gguf_lora(source, config, adapter_file)
    merged_format: Format = "f32" if number_format == "f32" else "f16"
    merged_file = models / f"merged-{merged_format}.gguf"
    total = len(weights.tensors) * (3 if small else 2)
    with work.progress.track("writing models", total=total, unit="tensor") as track:
        done = partial(track.advance, 1)
        write_gguf(home, base_file, number_format, base.name, done=done)
        write_merged(home, lora, folder / "merged", small, done)
        if small:
            write_gguf(home, merged_file, merged_format, f"{base.name} tuned", lora, done)
    export.written += [
        _Written("base-gguf", base_file, "gguf", base_file, tuned=False),
        _Written("adapter-gguf", adapter_file, "gguf", base_file, adapter_file),
        _Written("merged", folder / "merged", "safetensors f32" if small else "safetensors"),
    ]
    if small:
        export.written.append(_Written("merged-gguf", merged_file, "gguf", merged_file))
    else:
        export.skipped["merged-gguf"] = (
            f"the base has {count / 1e9:.1f} billion weights, a second GGUF copy is written up to 1 billion"
        )


def _check(
    base: Base,
    source: Path,
    questions: parity.Questions,
    settings: ExportSettings,
    written: list[_Written],
    work: Workspace,
) -> tuple[float, dict[str, parity.Finding]]:
    """Compare everything that can be run with the evaluated model."""
    runnable = [each for each in written if each.model is not None or each.name == "merged"]
    findings: dict[str, parity.Finding] = {}
    with work.progress.track("comparing answers", total=len(runnable) + 2, unit="model") as track:
        expected = parity.reference(base, source, questions.prompts)
        track.advance(2)
        for each in runnable:
            track.note(each.name)
            wanted = expected.tuned if each.tuned else expected.base
            if each.model is None:
                merged = parity.torch_answers(replace(base, path=str(each.path)), None, questions.prompts)
                exact = each.format.endswith("f32")
                judge = (
                    partial(parity.judge, number_format="float", tokens_equal=True) if exact else parity.judge_rounded
                )
                findings[each.name] = judge(wanted, merged, settings=settings)
            else:
                log = work.scratch / f"{each.name}.log"
                findings[each.name] = _ask_engine(each.model, each.adapter, wanted, questions, log, settings)
            track.advance()
    return expected.effect, findings


def _ask_engine(
    model: Path,
    adapter: Path | None,
    wanted: np.ndarray,
    questions: parity.Questions,
    log: Path,
    settings: ExportSettings,
) -> parity.Finding:
    import torch

    threads = max(1, torch.get_num_threads() // 2)  # the engine's threads spin: one too many stalls a busy machine
    try:
        answers, tokens = parity.engine_answers(model, adapter, questions, threads, log)
    except ExportError as error:  # a file that does not load is a finding about that file
        return parity.Finding(None, None, None, False, error.message)
    number_format = "q8_0" if model.stem.endswith("q8_0") else "float"
    return parity.judge(wanted, answers, number_format, settings, tokens == questions.tokens)


def _artefact(written: _Written, finding: parity.Finding | None, out: Path) -> Artefact:
    return Artefact(
        name=written.name,
        path=written.path.relative_to(out).as_posix(),
        format=written.format,
        sha256=_sha256(written.path),
        max_abs_difference=finding.max_abs_difference if finding else None,
        mean_kl=finding.mean_kl if finding else None,
        passed=finding.passed if finding else None,
    )


def _sha256(path: Path) -> str:
    """Hash a file, or a folder as the list of its files and their hashes."""
    if path.is_file():
        return sha256_file(path)
    files = sorted(each for each in path.rglob("*") if each.is_file())
    listed = "".join(f"{sha256_file(each)}  {each.relative_to(path).as_posix()}\n" for each in files)
    return hashlib.sha256(listed.encode()).hexdigest()


def _write_cards(folder: Path, cards: Cards) -> None:
    files = {each.name: Path(each.path).name for each in cards.artefacts}
    (folder / "README.md").write_text(cards.readme(), encoding="utf-8")
    if "adapter-gguf" in files:
        (folder / "ollama").mkdir()
        text = cards.modelfile(f"../gguf/{files['base-gguf']}", f"../gguf/{files['adapter-gguf']}")
        (folder / "ollama" / "Modelfile").write_text(text, encoding="utf-8")
    if "merged-gguf" in files:
        text = cards.modelfile(f"../gguf/{files['merged-gguf']}", None)
        (folder / "ollama" / "Modelfile.merged").write_text(text, encoding="utf-8")
