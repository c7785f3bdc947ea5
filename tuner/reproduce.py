"""Run a finished run again from its manifest, in a scratch folder, and compare what came out stage by stage.

In: a run, and the repositories that it was made from, since a manifest holds no path. Out: for each stage whether its
files are the same bytes; the first that differs ends the comparison, because all later ones follow from it. Not
compared: the comparison, the export and the report, which are made from these and hold times. Of a file of scores the
day is left out, and so are the files in which a training says how long it took.

    tuner reproduce adapters/shop-smollm2-135m-instruct-1234abcd --repo ../shop
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tuner import __version__, bases, recipe_file
from tuner.environment import differences, read_environment
from tuner.errors import RunError, TunerError
from tuner.pipeline import STAGES, Pipeline
from tuner.progress import Progress, TerminalProgress
from tuner.records import Base, Repo
from tuner.rundir import Run
from tuner.training_log import holds_times

NOT_COMPARED = ("compare", "export", "report")
SCORES = ".scores.json"


@dataclass(frozen=True, slots=True)
class Compared:
    """One stage of both runs: files in all, those that differ, and what was not the same around it."""

    stage: str
    files: int
    differing: list[str]
    environment: list[str]


def add_to(commands: Any) -> None:
    """Add `reproduce` to the command line."""
    command = commands.add_parser("reproduce", help="run a finished run again and compare hashes stage by stage")
    command.add_argument("run", type=Path, help="run folder")
    command.add_argument("--repo", help="path or git URL of what the run was made from; several as for train")
    command.add_argument("--base", help="where the base lies now, if its name in the run leads nowhere")
    command.add_argument("--upto", choices=_compared_stages(), help="last stage to run again")
    command.set_defaults(function=show)


def show(options: argparse.Namespace) -> int:
    """Reproduce and print; exit status 0 where all is the same, 1 where something differs."""
    run = Run.find(options.run)
    if not options.repo:
        raise RunError(
            f"{run.folder}: REPO is missing; a manifest holds no path", f"tuner reproduce {options.run} --repo PATH"
        )
    last = options.upto or _compared_stages()[-1]
    with tempfile.TemporaryDirectory(prefix="tuner-reproduce-") as scratch:
        pipeline = again(run, options.repo, options.base, Path(scratch), TerminalProgress())
        for each in compare(run, pipeline, last):
            print(f"{each.stage:<16}{_verdict(each)}", flush=True)
            for line in [*each.differing, *each.environment] if each.differing else []:
                print(f"{'':<16}{line}")
            if each.differing:
                return 1
    return 0


def again(run: Run, source: str, base_name: str | None, scratch: Path, progress: Progress) -> Pipeline:
    """Open the repositories at the recorded revisions and the recorded base, as a pipeline into `scratch`."""
    from tuner.mine.plumbing import Git
    from tuner.mine.repositories import open_repositories, together

    decides, recorded = run.manifest["decides"], run.manifest["repos"]
    if decides["version"] != __version__:
        print(f"note: made by tuner {decides['version']}, this is {__version__}", file=sys.stderr)
    opened = open_repositories(source, bases.cache_folder() / "clones", progress)
    if len(opened) != len(recorded):
        raise RunError(
            f"{run.folder}: made from {len(recorded)} repositories, REPO names {len(opened)}",
            f"name {', '.join(each['name'] for each in recorded)}, in this order",
        )
    repos: list[Repo] = []
    for repo, made in zip(opened, recorded, strict=True):
        try:
            Git(repo.path).run("cat-file", "-e", f"{made['revision']}^{{commit}}")
        except TunerError:
            raise RunError(
                f"{source}: {repo.name} has no commit {made['revision'][:12]}, from which the run was made",
                "give REPO= the repository of the run, and fetch what is missing",
            ) from None
        repos.append(replace(repo, name=made["name"], revision=made["revision"]))
    recipe = recipe_file.load(run.folder / "recipe.yaml").recipe
    base = _base(run, base_name or recipe.base, progress)
    made_now = Run.create(scratch, together(repos), base, recipe, repos)
    return Pipeline(made_now, repos, base, recipe, progress, lambda *_: None)


def compare(run: Run, pipeline: Pipeline, last: str) -> Iterator[Compared]:
    """Run one stage after another and compare each with the finished one."""
    stages = _compared_stages()
    for name in stages[: stages.index(last) + 1]:
        before = run.entry(name)
        if before is None:
            return
        pipeline.upto(name)
        now = pipeline.run.entry(name)
        assert now is not None
        around = differences(before.get("environment", {}), now.get("environment", read_environment()))
        if "environment" not in before:
            around = ["the run does not say with which versions and on which machine it was made"]
        count = sum(not holds_times(path) for path in before["outputs"])
        yield Compared(name, count, _differing(run, before, pipeline.run, now), around)


def _base(run: Run, name: str, progress: Progress) -> Base:
    base, wanted = bases.resolve(name, bases.cache_folder(), progress), run.manifest["base"]
    if base.revision != wanted["revision"]:
        raise RunError(
            f"BASE={name}: is revision {base.revision[:12]}, the run was made with {wanted['revision'][:12]}",
            "give --base the base that it was made with",
        )
    return replace(base, name=wanted["name"])


def _differing(one: Run, before: dict[str, Any], other: Run, now: dict[str, Any]) -> list[str]:
    found = []
    for path in sorted(path for path in {*before["outputs"], *now["outputs"]} if not holds_times(path)):
        old, new = before["outputs"].get(path), now["outputs"].get(path)
        if old is None or new is None:
            found.append(f"{path}: only in the {'new' if old is None else 'old'} run")
        elif old["sha256"] != new["sha256"] and not _same_but_for_the_day(one.folder / path, other.folder / path):
            found.append(f"{path}: sha256 {old['sha256'][:12]} then, {new['sha256'][:12]} now")
    return found


def _same_but_for_the_day(one: Path, other: Path) -> bool:
    if not one.name.endswith(SCORES) or not one.is_file():
        return False
    values = [json.loads(path.read_text(encoding="utf-8")) for path in (one, other)]
    for each in values:
        each.get("about", {}).pop("day", None)
    return bool(values[0] == values[1])


def _compared_stages() -> list[str]:
    return [name for name in STAGES if name not in NOT_COMPARED]


def _verdict(compared: Compared) -> str:
    if compared.differing:
        return f"differs in {len(compared.differing)} of {compared.files} files"
    return f"the same, {compared.files} files"
