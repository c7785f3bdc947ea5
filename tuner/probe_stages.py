"""Compose the probes: what each one is given, and what decides its outcome.

    probe-base, probe-tuned   what was forgotten, on Python's standard library: `make train` goes through them
    recall                    what is recited of the training text, and secrets in what was written
    filters, canaries         what names change for the base; what planted lines give away: only when asked for
    trade                     the same by scale of the adapter, where it forgot too much, or with `evaluate --trade`

A probe is imported when it has to run, so that a run whose work is done is shown without loading torch.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.comparison import Gate
from tuner.evaluate.probes.library import FEWEST, Sample, sample
from tuner.forgetting import gate_of_run
from tuner.probing import Canary, Probed
from tuner.records import Adapter, Dataset, Evaluation, content_id, to_json
from tuner.rundir import Workspace

if TYPE_CHECKING:
    from tuner.pipeline import Pipeline

MARKS = ("REDACTED", "@example.com")  # what redaction leaves: stand-ins of secrets, and of mail addresses
TRADE = "eval/trade.json"
Stage = Callable[[str, type[Probed], Callable[[Workspace], Probed], dict[str, Any], list[str]], Probed]


class Probing:
    """The probes of one run; `stage` runs one or finds it done."""

    def __init__(self, pipeline: Pipeline, stage: Stage, adapter_files: Callable[[], list[str]]) -> None:
        self.pipeline = pipeline
        self.stage = stage
        self.adapter_files = adapter_files

    def forgetting(self, system: str) -> None:
        """Score the standard library under `base` or `tuned`, unless the recipe wants no such probe."""
        settings = self.pipeline.recipe.evaluate.probes
        if not settings.library_pieces:
            return
        base_probes = "eval/base.probes.json"
        chosen = sample(settings.library_pieces, "gate")

        def work(workspace: Workspace) -> Probed:
            from tuner.evaluate.probes import stage

            before = stage.read_forgetting(workspace.run / base_probes) if system != "base" else None
            return stage.run(system, self.loader(system), self.renderer(), chosen, before, workspace)

        decides = {"system": system, **self.pipeline.judged_with(), "library": chosen.sha256}
        inputs = [] if system == "base" else [base_probes, *self.adapter_files()]
        self.stage(f"probe-{system}", Probed, work, decides, inputs)

    def gates(self) -> list[Gate]:
        """Give what the probes hold against the adapter, for the verdict; nothing where they did not run."""
        gate = gate_of_run(self.pipeline.run)
        return [gate] if gate is not None else []

    def files(self) -> list[str]:
        """List what probes left in this run, for the report."""
        return [entry["record"]["probes"] for entry in self.pipeline.run.stages if "probes" in entry["record"]]

    def recall(self) -> None:
        """See what base and tuned recite of the training rows, and whether they write secrets."""
        run, windows = self.pipeline.run, self.pipeline.recipe.evaluate.probes.recall_windows
        if not windows:
            return
        dataset, seed = run.record("dataset", Dataset), self.pipeline.recipe.seed
        answers = {name: run.record(f"evaluate-{name}", Evaluation).predictions for name in ("base", "tuned")}

        def work(workspace: Workspace) -> Probed:
            from tuner.evaluate.probes import recall

            load, renderer = self.loader("tuned"), self.renderer()
            return recall.run(load, renderer, dataset, answers, windows, seed, found_secrets, MARKS, workspace)

        decides = {**self.pipeline.judged_with(), "windows": windows, "seed": seed}
        inputs = [dataset.train, dataset.items, *answers.values(), *self.adapter_files()]
        self.stage("recall", Probed, work, decides, inputs)

    def trade(self, asked: bool = False) -> None:
        """Weigh forgetting against gain by scale where the gate fails, or where it was asked for."""
        run = self.pipeline.run
        gate = gate_of_run(run)
        weighed = TRADE in (run.entry("train") or {"outputs": {}})["outputs"]
        if weighed or not (asked or (gate is not None and not gate.passed)):
            return
        chosen, dataset = self._choice(), run.record("dataset", Dataset)
        settings = self.pipeline.recipe.evaluate.probes

        def work(workspace: Workspace) -> Probed:
            from tuner.evaluate.probes import trade

            valid = workspace.run / dataset.valid
            return trade.run(self.loader("tuned"), self.renderer(), chosen, valid, settings, workspace)

        self.stage("trade", Probed, work, self.trade_settings(), [dataset.valid, *self.adapter_files()])

    def weaken(self, adapter: Adapter, dataset: Dataset, workspace: Workspace) -> Adapter:
        """Make an adapter that was just trained weaker, if it forgets too much: before any item is looked at."""
        from tuner.evaluate.probes import trade
        from tuner.models import load_judge

        def load() -> Any:
            return load_judge(self.pipeline.base, workspace.out / adapter.folder, self._quantization)

        valid, settings = workspace.run / dataset.valid, self.pipeline.recipe.evaluate.probes
        return trade.weaken(adapter, load, self.renderer(), self._choice(), valid, settings, workspace)

    def filters(self) -> None:
        """See what names alone change for the base."""
        from tuner.evaluate.probes.filter_snippets import cases

        base, chosen = self.pipeline.base, cases()

        def work(workspace: Workspace) -> Probed:
            from tuner.evaluate.probes import filters

            return filters.run(self.loader("base"), self.renderer(), base, chosen, workspace)

        written = content_id(*(to_json(each) for each in chosen))
        self.stage("filters", Probed, work, {**self.pipeline.judged_with(), "cases": written}, [])

    def canaries(self, planted: list[Canary]) -> None:
        """Measure how much the adapter gives away of canaries that were planted before it was trained."""
        dataset, seed = self.pipeline.run.record("dataset", Dataset), self.pipeline.recipe.seed

        def work(workspace: Workspace) -> Probed:
            from tuner.evaluate.probes import canaries

            return canaries.run(self.loader("tuned"), self.renderer(), dataset, planted, seed, workspace)

        decides = {**self.pipeline.judged_with(), "seed": seed, "planted": [to_json(each) for each in planted]}
        self.stage("canaries", Probed, work, decides, [dataset.train, *self.adapter_files()])

    def trade_settings(self) -> dict[str, Any]:
        """Give what decides the curve and the choice, beside adapter and rows."""
        settings = self.pipeline.recipe.evaluate.probes.model_dump(mode="json")
        return {"probes": settings, **self.pipeline.judged_with(), "library": self._choice().sha256}

    @property
    def _quantization(self) -> str:
        return self.pipeline.recipe.evaluate.quantization

    def _choice(self) -> Sample:
        return sample(self.pipeline.recipe.evaluate.probes.library_pieces or FEWEST, "choice")

    def loader(self, system: str) -> Callable[[], Any]:
        """Give what loads a system's model."""

        def load() -> Any:
            from tuner.models import load_judge

            adapter = self.pipeline.run.folder / "adapter" if system == "tuned" else None
            return load_judge(self.pipeline.base, adapter, self._quantization)

        return load

    def renderer(self) -> Any:
        """Give the renderer of the run's base."""
        from tuner.render import Renderer

        return Renderer.from_folder(Path(self.pipeline.base.path), self.pipeline.repos[0].name)


def found_secrets(text: str) -> list[tuple[str, int, int]]:
    """Search a text with the rules of the mine room, since stages do not import each other."""
    from tuner.mine.redact import find_secrets

    return [(each.kind, each.start, each.end) for each in find_secrets(text)]
