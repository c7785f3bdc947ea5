"""Compose `tuner sweep`: train variants of a recipe with a small budget, and judge them on validation rows.

In: a repository, and the settings to vary. Out: a table on standard output, `sweep.json` in a folder beside the runs,
and an entry of `recipes/LOG.md`. The same command goes on where it was stopped, and shows the table when all is done.

    tuner sweep --repo ../your-repository --over train.learning_rate=2e-4,1e-3,3e-3 --without edit,body
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tuner import bases, plan_commands, recipe_file, screen
from tuner.base_config import find_config, require_context
from tuner.errors import RunError
from tuner.pipeline import Said
from tuner.progress import TerminalProgress
from tuner.recipe import DatasetSettings, Recipe
from tuner.rundir import locked
from tuner.sweep_log import append, table
from tuner.sweep_stages import FILE, Sweeping
from tuner.swept import Trial, bits_per_byte
from tuner.variants import WITHOUT, make_variants

Choose = Callable[[argparse.Namespace], tuple[Path | None, str]]
LOG = "LOG.md"  # beside the recipes


def add_to(commands: Any, run_arguments: Callable[[argparse.ArgumentParser], None], choose: Choose, said: Said) -> None:
    """Add `sweep` to the command line; `choose` picks a recipe as the other commands do."""
    command = commands.add_parser("sweep", help="train variants of a recipe with a small budget and compare them")
    run_arguments(command)
    command.add_argument(
        "--over", action="append", default=[], metavar="KEY=A,B", help="a setting and its values; may be repeated"
    )
    command.add_argument(
        "--without", metavar="KIND,KIND", help="leave out one kind of pair at a time; KIND+KIND leaves out both"
    )
    how = command.add_mutually_exclusive_group()
    how.add_argument("--one-at-a-time", action="store_true", help="change one setting at a time: the default")
    how.add_argument("--grid", action="store_true", help="try every combination")
    command.add_argument("--budget", metavar="TOKENS", help="training tokens of each variant")
    command.add_argument("--repeat", metavar="N", help="trainings of each variant, each with another seed")
    command.add_argument("--log", type=Path, help="file that the result is added to; recipes/LOG.md if not given")
    command.set_defaults(function=lambda options: show(options, choose, said), command="sweep")


def show(options: argparse.Namespace, choose: Choose, said: Said) -> int:
    """Sweep, print the table, and add it to the log."""
    sweeping, progress = _opened(options, choose)
    trainings = sweeping.trainings()
    budget = sweeping.variants.baseline.recipe.sweep.max_train_tokens
    for name in sweeping.variants.same:
        print(f"note       {name} is left out: it changes nothing, or what another variant does", file=sys.stderr)
    print(f"sweep      {len(trainings)} trainings, budget {budget:,} tokens each", file=sys.stderr)
    print(f"folder     {sweeping.folder}\n", file=sys.stderr)
    sweeping.folder.mkdir(parents=True, exist_ok=True)
    with locked(sweeping.folder):
        sweep = sweeping.run(progress, said, _say_trial)
    print("\n".join(table(sweep)))
    log = options.log or plan_commands.recipes_folder() / LOG
    added = append(log, sweep)
    print(f"\n  log         {log}{'' if added else ' (has it already)'}\n  result      {sweeping.folder / FILE}")
    share = sweeping.variants.baseline.recipe.dataset.valid_share
    if share > DatasetSettings().valid_share:  # a smaller share keeps some of the same commits, drawn by seed
        print(
            f'  note        give the run that follows SET="dataset.valid_share={share:g}" too, or some of its items '
            "are of commits that judged here"
        )
    return 0


def _opened(options: argparse.Namespace, choose: Choose) -> tuple[Sweeping, TerminalProgress]:
    from tuner.mine.repositories import open_repositories, together

    if options.run is not None:
        raise RunError("a sweep trains anew: RUN= names nothing that it could use", "name the repository: REPO=")
    if not options.repo:
        raise RunError("REPO is missing", 'for example: make sweep REPO=../your-repository OVER="train.rank=8,16"')
    chosen, why = choose(options)
    asked = {"sweep.max_train_tokens": options.budget, "sweep.repeats": options.repeat}
    given = [*options.set, *(f"{key}={value}" for key, value in asked.items() if value is not None)]
    budget = recipe_file.load(chosen, options.base, given).recipe.sweep.max_train_tokens
    given.append(f"dataset.max_train_tokens={budget}")

    def resolve(changes: list[str]) -> Recipe:
        return recipe_file.load(chosen, options.base, [*given, *changes]).recipe

    over = [*options.over, *([f"{WITHOUT}={options.without}"] if options.without else [])]
    variants = make_variants(over, options.grid, resolve)
    progress = TerminalProgress()
    repos = open_repositories(options.repo, bases.cache_folder() / "clones", progress)
    repo = together(repos)
    for each in repos:
        print(f"repository {each.name} at {each.revision[:12]}", file=sys.stderr)
    base = plan_commands.base_that_fits(options, variants.baseline.recipe, repo, progress)
    found = replace(find_config(base.path, bases.cache_folder()), name=base.name)
    for variant in variants.all:
        require_context(found, variant.recipe)
    print(f"base       {base.name} ({base.fim_form})", file=sys.stderr)
    print(f"recipe     {chosen or 'defaults'}{why}", file=sys.stderr)
    return Sweeping(options.adapters, repos, repo, base, variants, options.grid), progress


def _say_trial(number: int, count: int, trial: Trial, kept: bool) -> None:
    found = f"failed: {trial.failed}" if trial.failed else f"{bits_per_byte(trial.rows):.4f} bits per byte"
    state = screen.STATES["kept" if kept else "done"]
    name = f"{trial.variant}, seed {trial.seed}"
    print(f"{f'{number} of {count}':<14} {f'{name}: {found}':<80}{trial.seconds:>7.1f} s{state}", file=sys.stderr)
