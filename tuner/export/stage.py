"""Turn an adapter into the files that engines load, and check in the real engine that each still is the tuned model.

In: a base, an adapter, evaluation prompts as token ids, a slice of the evaluation's items, and `recipe.export`. Out:
`export/` with
    peft/  tokenizer/  merged/  gguf/  parity.json  README.md
    ollama/  vllm/  llama-server/  lm-studio/  tabby/    the exact command, and what to click
What GGUF cannot express is left out and says why (`Bundle.skipped`); the PEFT folder is always written. A file whose
answers differ from the evaluated model is marked as failed, the stage goes on, and `serve` refuses that file.

    tuner export RUN
"""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

from tuner.errors import ExportError
from tuner.export import parity
from tuner.export.answers import NO_SLICE, Slice
from tuner.export.cards import Cards
from tuner.export.checking import check_all
from tuner.export.weights import read_json
from tuner.export.writing import Written, write_all
from tuner.recipe import ExportSettings
from tuner.records import Adapter, Artefact, Base, Bundle, sha256_file
from tuner.rundir import Workspace

# Digits, quotes, tabs, blank lines and other scripts are what the ways of splitting text differ in.
TOKENIZED_TEXT = (
    "def f(x0: int) -> str:\r\n\t\treturn f'{x0:>12,}'   # naïve 日本語 €20 1234567890\n\n\n  class A_b2:\n"
)


def run(
    base: Base,
    adapter: Adapter,
    prompts: list[list[int]],
    settings: ExportSettings,
    work: Workspace,
    items: Slice = NO_SLICE,
) -> Bundle:
    """Write and check every artefact."""
    started = time.monotonic()
    source, folder = work.run / adapter.folder, work.out / "export"
    if adapter.base_revision != base.revision:
        raise ExportError(
            f"{source}: trained on base revision {adapter.base_revision}, this base is {base.revision}",
            "export with the base it was trained on",
        )
    prompts = parity.shorten(prompts, settings.parity_prompts)
    output = write_all(base, source, settings, folder, work)

    findings: dict[str, parity.Finding] = {}
    effect = None
    if not output.skipped.get("gguf"):
        vocabulary = read_json(Path(base.path) / "config.json")["vocab_size"]
        questions = parity.Questions.make(prompts, [TOKENIZED_TEXT], Path(base.path), vocabulary, items)
        effect, findings = check_all(base, source, questions, settings, output.written, work)
        parity.write_report(folder / "parity.json", effect, questions, findings, settings)
    artefacts = [_artefact(each, findings.get(each.name), work.out) for each in output.written]
    adapter_config = read_json(source / "adapter_config.json")
    Cards(base, work.run.name, adapter_config, artefacts, findings, output.skipped, effect).write(folder)
    metrics = {"export.seconds": time.monotonic() - started}
    if effect is not None:
        metrics["export.parity.effect_of_tuning"] = effect
    for name, finding in findings.items():
        metrics |= _metrics(name, finding)
    return Bundle("export", artefacts, metrics, output.skipped)


def _metrics(name: str, finding: parity.Finding) -> dict[str, float]:
    found: dict[str, float] = {}
    if finding.max_abs_difference is not None and finding.mean_kl is not None:
        found[f"export.parity.{name}.max_abs_difference"] = finding.max_abs_difference
        found[f"export.parity.{name}.mean_kl"] = finding.mean_kl
    if finding.drift is not None:
        found[f"export.drift.{name}.items"] = float(finding.drift.items)
        found[f"export.drift.{name}.differing_answers"] = float(finding.drift.differing)
        found |= {f"export.drift.{name}.{metric}": delta for metric, delta in finding.drift.deltas.items()}
    return found


def _artefact(written: Written, finding: parity.Finding | None, out: Path) -> Artefact:
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
