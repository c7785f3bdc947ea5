"""Compose the stages that run what a system wrote: `prepare-execution`, then `execute-<system>` for ours.

In: a run whose systems have answered. Out: the same run with these stages behind them, if the recipe asks for any; with
the defaults nothing happens. Tasks are for `base` and `tuned`, functions of the repository also for those with +bm25.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.errors import RunError
from tuner.execution import Execution, ItemsToRun
from tuner.recipe import OUR_SYSTEMS, Recipe
from tuner.recipe_execution import EXECUTION_FIELDS, ExecutionSettings
from tuner.records import Base, Mined, Repo
from tuner.render import Renderer
from tuner.rundir import Run, Workspace

CHOOSING = EXECUTION_FIELDS - {"tasks"}  # the settings that decide which functions are run, and how
NOTICE = (
    "`evaluate.execution: sandbox` RUNS CODE OF THE REPOSITORY: its tests, with bodies that models wrote, in a sandbox "
    "without network and with a throw-away copy"
)


@dataclass(frozen=True, slots=True)
class Made:
    """What a pipeline is made of; `stage` runs one stage, or keeps what it left."""

    run: Run
    repos: list[Repo]
    base: Base
    recipe: Recipe
    stage: Callable[..., Any]
    renderer: Callable[[], Renderer]


def notices(settings: ExecutionSettings) -> list[str]:
    """Refuse at once where nothing can be isolated, and say what will be run."""
    if not settings.tasks and settings.execution == "none":
        return []
    from tuner.evaluate.execution.trials import interpreter
    from tuner.sandbox import require_isolation

    require_isolation()
    interpreter(settings)
    return [NOTICE] if settings.execution == "sandbox" else []


def execute(pipeline: Made, system: str, evaluate: dict[str, Any], adapter_files: Callable[[], list[str]]) -> None:
    """Run what one of our systems writes, as far as the recipe asks for it."""
    settings = pipeline.recipe.evaluate
    with_tasks = settings.tasks and system in ("base", "tuned")
    with_tests = settings.execution == "sandbox"
    if system not in OUR_SYSTEMS or not (with_tasks or with_tests):
        return
    items = _prepare(pipeline).items if with_tests else None
    inputs = [items] if items else []
    if system.startswith("tuned"):
        inputs += adapter_files()
    rival = system.replace("tuned", "base")
    entry = pipeline.run.entry(f"execute-{rival}") if rival != system else None
    base = pipeline.run.record(f"execute-{rival}", Execution) if entry else None
    mined = pipeline.run.record("mine", Mined)
    inputs += [mined.pairs] if system.endswith("+bm25") else []
    inputs += sorted(base.files.values()) if base else []

    def work(workspace: Workspace) -> Execution:
        from tuner.evaluate import execute as stage
        from tuner.evaluate.open_system import local_system

        pairs, adapter = pipeline.run.folder / mined.pairs, pipeline.run.folder / "adapter"
        opened = local_system(system, pipeline.base, adapter, pairs, pipeline.renderer(), settings)
        trees = {name: tip for name, (tip, _, _) in _checkouts(pipeline, workspace.scratch).items()} if items else {}
        seed = pipeline.recipe.seed
        return stage.run(system, opened, with_tasks, items, trees, base, settings, seed, workspace)

    decides: dict[str, Any] = {"system": system, "base": pipeline.base.revision, "with_tasks": with_tasks}
    decides |= {"evaluate": evaluate, "run": _decides(pipeline) if with_tests else {}}
    pipeline.stage(f"execute-{system}", Execution, work, decides, inputs)


def _prepare(pipeline: Made) -> ItemsToRun:
    def work(workspace: Workspace) -> ItemsToRun:
        from tuner.evaluate.execution import prepare

        trees = _checkouts(pipeline, workspace.scratch)
        return prepare.run(trees, pipeline.recipe.evaluate, pipeline.recipe.seed, workspace)

    prepared: ItemsToRun = pipeline.stage("prepare-execution", ItemsToRun, work, _decides(pipeline), [])
    return prepared


def _decides(pipeline: Made) -> dict[str, Any]:
    settings = pipeline.recipe.evaluate.model_dump(mode="json", include=set(CHOOSING))
    cut = pipeline.run.record("mine", Mined).cut.commit
    repos = [[repo.name, repo.revision] for repo in pipeline.repos]
    return {"settings": settings, "repos": repos, "cut": cut, "seed": pipeline.recipe.seed}


def _checkouts(pipeline: Made, scratch: Path) -> dict[str, tuple[Path, Path, str]]:
    """Write each repository's files at its tip, and its Python files at the cut, into a stage's scratch folder."""
    from tuner.mine.checkout import write_tree

    cuts = {each.name: each.cut for each in pipeline.run.record("mine", Mined).repos}
    trees = {}
    for number, repo in enumerate(pipeline.repos):
        if not repo.path:
            raise RunError(
                "code of a repository can be run only with the repository at hand", "give REPO= in place of RUN="
            )
        tip, before = scratch / f"tip-{number}", scratch / f"cut-{number}"
        cut = cuts.get(repo.name)
        write_tree(repo, repo.revision, tip)
        before.mkdir(exist_ok=True)
        if cut is not None:
            write_tree(repo, cut.commit, before, ".py")
        trees[repo.name] = (tip, before, repo.revision)
    return trees
