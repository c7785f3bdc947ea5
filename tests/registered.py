"""Small runs that look finished to the registry: an adapter of a few bytes, a verdict, an export.

folder = finished(tmp_path / "adapters", "one")
"""

from __future__ import annotations

from pathlib import Path

from tuner.comparison import Comparison
from tuner.progress import Progress
from tuner.recipe import Recipe
from tuner.records import Adapter, Artefact, Base, Bundle, Repo, sha256_file
from tuner.rundir import Run, Workspace

BASE = Base("org/Tiny-Base", "/somewhere", "b" * 64, "qwen")


def finished(
    adapters: Path, name: str, verdict: str = "ship", passed: bool | None = True, missing: tuple[str, ...] = ()
) -> Path:
    """Make a run of a repository called `name`, and return its folder."""
    run = Run.create(adapters, Repo(name, "", name[0] * 40, "main"), BASE, Recipe())

    def train(work: Workspace) -> Adapter:
        (work.out / "adapter").mkdir()
        weights = work.out / "adapter" / "adapter_model.safetensors"
        weights.write_bytes(name.encode() * 9)
        return Adapter("adapter", BASE.name, BASE.revision, sha256_file(weights), {})

    def compare(work: Workspace) -> Comparison:
        return Comparison("tuned", "base", "0" * 64, [], verdict, "", {})  # type: ignore[arg-type]

    def export(work: Workspace) -> Bundle:
        names = [each for each in ("base-gguf", "adapter-gguf") if each not in missing]
        made = [Artefact(each, f"export/{each}", "gguf", "0" * 64, 0.0, 0.0, passed) for each in names]
        return Bundle("export", made, {}, {each: "there is a reason" for each in missing})

    for stage, record, function in (
        ("train", Adapter, train),
        ("compare", Comparison, compare),
        ("export", Bundle, export),
    ):
        run.stage(stage, record, function, settings={"name": name}, inputs=[], progress=Progress())  # type: ignore[type-var]
    return run.folder
