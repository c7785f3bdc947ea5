"""Compose the probes: what each one is given, and what decides its outcome.

    probe-base, probe-tuned   what was forgotten, on Python's standard library: `make train` goes through them

A probe is imported when it has to run, so that a run whose work is done is shown without loading torch.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tuner.probing import Probed
from tuner.rundir import Workspace

if TYPE_CHECKING:
    from tuner.pipeline import Pipeline

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
        from tuner.evaluate.probes.library import sample

        base_probes = "eval/base.probes.json"
        chosen = sample(settings.library_pieces, "gate")

        def work(workspace: Workspace) -> Probed:
            from tuner.evaluate.probes import stage

            before = stage.read_forgetting(workspace.run / base_probes) if system != "base" else None
            return stage.run(system, self.loader(system), self.renderer(), chosen, before, workspace)

        decides = {"system": system, "base": self.pipeline.base.revision, "library": chosen.sha256}
        inputs = [] if system == "base" else [base_probes, *self.adapter_files()]
        self.stage(f"probe-{system}", Probed, work, decides, inputs)

    def loader(self, system: str) -> Callable[[], Any]:
        """Give what loads a system's model."""

        def load() -> Any:
            from tuner.models import fast_dtype, load_model

            adapter = self.pipeline.run.folder / "adapter" if system == "tuned" else None
            return load_model(self.pipeline.base, adapter, fast_dtype())

        return load

    def renderer(self) -> Any:
        """Give the renderer of the run's base."""
        from tuner.render import Renderer

        return Renderer.from_folder(Path(self.pipeline.base.path), self.pipeline.repos[0].name)
