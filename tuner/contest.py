"""Compose `make compare`: let other systems answer the items of a run too, compare all, and write the report again.

In: a repository, whose run is brought as far as needed, or a finished run (`--run`), to which systems are added with a
recipe or settings of `compare` alone: its adapter and items stay as they are, and its verdict unless a control answers.

    make compare RUN=adapters/... RECIPE=recipes/compare-example.yaml
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tuner import bases, recipe_file, verdict_commands
from tuner.errors import RunError
from tuner.pipeline import Pipeline, Said
from tuner.progress import TerminalProgress
from tuner.recipe import Recipe
from tuner.records import Base, Repo
from tuner.rundir import OTHER_SYSTEMS, Run

NEEDED = ("mine", "dataset", "train", "evaluate-base", "evaluate-tuned")


def settings_of(options: argparse.Namespace) -> list[str]:
    """Give the overrides of a command line: `--from-recording` and `--import` are short forms of settings."""
    overrides = list(options.set)
    systems = []
    if options.from_recording is not None:
        overrides.append(f"compare.copilot.recording={options.from_recording}")
        systems.append("copilot")
    for each in options.imported:
        name, equals, path = each.partition("=")
        if not equals or not path:
            raise RunError(f"--import {each}: wanted NAME=FILE", "for example --import colleagues=answers.jsonl")
        overrides.append(f"compare.imported.{name}={path}")
        systems.append(name)
    if systems and not any(each.startswith("compare.systems=") for each in overrides):
        overrides.append(f"compare.systems=[{', '.join(systems)}]")
    return overrides


def finished_pipeline(options: argparse.Namespace, said: Said) -> Pipeline:
    """Open a finished run, with the systems that the command line and the recipe add to it."""
    run = Run.find(options.run)
    if options.repo or options.base:
        raise RunError("RUN= names the repository and the base; REPO= and BASE= would change nothing", "leave them out")
    for name in NEEDED:
        if run.entry(name) is None:
            raise RunError(
                f"{run.folder}: stage `{name}` has not finished", "repeat the `make train REPO=...` command of this run"
            )
    base = base_of(run)
    revisions = run.manifest["repos"]
    repos = [Repo(each["name"], "", each["revision"], None) for each in revisions]
    return Pipeline(run, repos, base, with_systems(run, options), TerminalProgress(), said)


def with_systems(run: Run, options: argparse.Namespace) -> Recipe:
    """Take the run's own recipe and put in which other systems are asked, and what they may cost."""
    asked = recipe_file.load(options.recipe, None, settings_of(options))
    foreign = [key for key in asked.origins if not _is_about_systems(key)]
    if foreign:
        raise RunError(
            f"`{foreign[0]}` ({asked.origins[foreign[0]]}) would make another run than {run.folder}",
            "with RUN= only compare.systems, control, endpoints, copilot, imported, prices and team can be set; "
            "for the rest, REPO= in place of RUN=",
        )
    own = recipe_file.load(run.folder / "recipe.yaml").recipe
    added: dict[str, Any] = {name: getattr(asked.recipe.compare, name) for name in OTHER_SYSTEMS}
    return own.model_copy(update={"compare": own.compare.model_copy(update=added)})


def base_of(run: Run) -> Base:
    """Find the run's base on this machine; another revision of it is refused."""
    recorded = run.manifest["base"]
    base = bases.resolve(recorded["name"], bases.cache_folder(), TerminalProgress())
    if base.revision != recorded["revision"]:
        raise RunError(
            f"{base.path}: base {base.name} is {base.revision[:12]}, but this run was made for "
            f"{recorded['revision'][:12]}",
            "put the base of the run back in its place, or repeat the command that made the run",
        )
    return base


def notices(pipeline: Pipeline) -> list[str]:
    """Check the systems that will be asked, and say which of them send code off this machine."""
    from tuner.evaluate.open_system import notices

    return notices(pipeline.recipe.compare, pipeline.not_yet_asked())


def add_arguments(command: argparse.ArgumentParser) -> None:
    """Add what only `compare` takes, and `--gate`."""
    verdict_commands.add_gate(command)
    command.add_argument(
        "--from-recording", type=Path, metavar="FILE", help="replay Copilot's answers of an earlier run"
    )
    command.add_argument(
        "--import", dest="imported", action="append", default=[], metavar="NAME=FILE", help="answers collected by hand"
    )


def _is_about_systems(key: str) -> bool:
    section, _, rest = key.partition(".")
    return section == "compare" and (not rest or rest.split(".")[0] in OTHER_SYSTEMS)
