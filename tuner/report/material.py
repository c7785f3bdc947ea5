"""Read what the report shows from a run folder, strictly: a malformed file stops with its name.

In: the run's manifest, `eval/comparison.json`, `eval/examples.json`, `eval/nearest.json` (a run without it has no
sources to show), what probes left, and `metrics.jsonl`. Out: all of it as records. Nothing is computed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from tuner.comparison import Contest, Example, Nearest
from tuner.errors import DataError
from tuner.execution import Execution
from tuner.forgetting import gate_of_run
from tuner.probing import Canaries, Filters, Forgetting, Recall, Trade
from tuner.recipe import CompareSettings
from tuner.records import Adapter, Bundle, Dataset, Mined, from_json
from tuner.report.elsewhere import Probes
from tuner.rundir import Run
from tuner.strict import ALTERED

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Material:
    """All that the page and its Markdown twin are made of."""

    manifest: dict[str, Any]
    folder: str
    settings: CompareSettings
    contest: Contest
    examples: list[Example]
    nearest: list[Nearest]
    losses: list[dict[str, Any]]
    mined: Mined
    dataset: Dataset
    adapter: Adapter
    bundle: Bundle | None
    probes: Probes
    executions: list[Execution]


def read_material(manifest: dict[str, Any], settings: CompareSettings, folder: Path) -> Material:
    """Read a run's files and the records of its stages."""
    path, sources = folder / "eval" / "comparison.json", folder / "eval" / "nearest.json"
    records = {entry["name"]: entry["record"] for entry in manifest["stages"]}
    return Material(
        manifest=manifest,
        folder=folder.name,
        settings=settings,
        contest=from_json(Contest, _parsed(path), str(path)),
        examples=list(_list(folder / "eval" / "examples.json", Example)),
        nearest=list(_list(sources, Nearest)) if sources.exists() else [],
        losses=[json.loads(line) for line in (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines()],
        mined=from_json(Mined, records["mine"], "manifest.json: mine"),
        dataset=from_json(Dataset, records["dataset"], "manifest.json: dataset"),
        adapter=from_json(Adapter, records["train"], "manifest.json: train"),
        bundle=from_json(Bundle, records["export"], "manifest.json: export") if "export" in records else None,
        probes=_probes(manifest, folder),
        executions=[
            from_json(Execution, record, f"manifest.json: {name}")
            for name, record in records.items()
            if name.startswith("execute-")
        ],
    )


def _probes(manifest: dict[str, Any], folder: Path) -> Probes:
    """Read what probes left, as far as they were run."""
    written = {path for entry in manifest["stages"] for path in entry["outputs"]}

    def read(name: str, record_type: type[R]) -> R | None:
        path = folder / "eval" / f"{name}.json"
        return from_json(record_type, _parsed(path), str(path)) if f"eval/{name}.json" in written else None

    forgetting = [read(f"{system}.probes", Forgetting) for system in ("base", "tuned")]
    return Probes(
        gate=gate_of_run(Run(folder, manifest)),
        forgetting=[each for each in forgetting if each is not None],
        trade=read("trade", Trade),
        recall=read("recall", Recall),
        canaries=read("canaries", Canaries),
        filters=read("filters", Filters),
    )


def _list(path: Path, record_type: type[R]) -> Iterator[R]:
    found = _parsed(path)
    if not isinstance(found, list):
        raise DataError(f"{path}: is {type(found).__name__}, wanted a list", ALTERED)
    for number, each in enumerate(found, 1):
        yield from_json(record_type, each, f"{path}: entry {number}")


def _parsed(path: Path) -> Any:
    if not path.is_file():
        raise DataError(f"{path}: no such file", "run `make compare` again; `make verify RUN=...` lists all damage")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # no JSON, or no text at all
        raise DataError(f"{path}: not JSON: {getattr(error, 'msg', 'not UTF-8')}", ALTERED) from None
