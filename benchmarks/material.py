"""What benches that train and judge are given: one repository's training rows, and the validation rows beside them.

In: a repository, whose rows are made here as `make dataset` makes them, or a run that has them; a dose in tokens. Out:
a `Material`: a file of drawn training rows, the validation rows, which commit each of these is from, and the recipe's
settings. The rows are drawn with the recipe's seed, so that a dose smaller than the dataset is no part of one kind.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tuner import bases, recipe_file
from tuner.errors import BaseError, DataError, RecipeError, RunError
from tuner.mine.repositories import open_repositories, together
from tuner.pipeline import Pipeline
from tuner.progress import Progress
from tuner.recipe import Recipe
from tuner.records import Base, Dataset, Row, read_jsonl, write_jsonl
from tuner.render import Renderer
from tuner.rundir import Run, slug
from tuner.sweep_rows import commits_of

TOKENS = 30_000  # a dose of some minutes on two cores
STEPS = 2  # fewer show no speed and no curve


@dataclass(frozen=True, slots=True)
class Material:
    """What every contestant gets, and what is said of it. `tokens` are those that were drawn."""

    repository: str
    base: Base
    recipe: Recipe
    end_token: str
    train: Path
    rows: int
    tokens: int
    valid: Path
    valid_rows: int
    commits: dict[str, str]

    def job(self) -> dict[str, Any]:
        """Give it as JSON values, for a contestant in a process of its own."""
        return {
            "repository": self.repository,
            "base": asdict(self.base),
            "settings": self.recipe.train.model_dump(mode="json"),
            "seed": self.recipe.seed,
            "max_tokens": self.recipe.dataset.max_tokens,
            "end_token": self.end_token,
            "rows": str(self.train),
            "valid": str(self.valid),
        }

    def figures(self) -> dict[str, Any]:
        """Say what was trained on and judged by."""
        return {
            "repository": self.repository,
            "base": slug(self.base.name),  # where it lies on this machine is nobody else's business
            "train.rows": self.rows,
            "train.tokens": self.tokens,
            "valid.rows": self.valid_rows,
            "valid.commits": len(set(self.commits.values())),
        }


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what names the rows, the dose and the base."""
    parser.add_argument("--repo", help="repository whose rows are made here")
    parser.add_argument("--run", type=Path, help="run folder that has them; its base and recipe are taken")
    parser.add_argument("--base", help="with --repo: the base; the embedded one without it")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the recipe")
    parser.add_argument("--tokens", type=int, default=TOKENS, help="training tokens that are drawn")
    parser.add_argument("--adapters", type=Path, default=Path("adapters"), help="with --repo: folder of the runs")
    parser.add_argument("--into", type=Path, help="document to write the figures into, between their marks")


def described(figures: dict[str, Any]) -> str:
    """Say in a sentence what was trained on, what judged, and where."""
    return (
        f"{figures['repository']}, {figures['base']}: {figures['train.tokens']:,} tokens in {figures['train.rows']} "
        f"rows, judged by {figures['valid.rows']} validation rows of {figures['valid.commits']} commits; "
        f"{figures['machine.cores']} cores ({figures['machine.cpu']}), load {figures['machine.load_before']} before."
    )


def gather(
    repo: str | None,
    run: Path | None,
    base: str | None,
    changes: Sequence[str],
    tokens: int,
    adapters: Path,
    folder: Path,
    progress: Progress,
) -> Material:
    """Make or find the rows, and draw the dose into `folder`."""
    if (repo is None) == (run is None):
        raise RunError(
            "wanted REPO= or RUN=, and one of them alone",
            "for example: make bench ROOM=gain REPO=../your-repository",
        )
    if run is not None:
        if base is not None:
            raise RunError("RUN= names the base; BASE= would change nothing", "name the repository: REPO=")
        found, recipe, where = _of_run(run, changes)
    else:
        dose = f"dataset.max_train_tokens={tokens}"
        found, recipe, where = _of_repo(str(repo), base, [dose, *changes], adapters, progress)
    _require_plain(recipe)
    dataset = found.record("dataset", Dataset)
    for each in (dataset.train, dataset.valid):
        found.verified(each)
    valid = list(read_jsonl(found.folder / dataset.valid, Row))
    if not valid:
        raise DataError(
            f"{found.folder / dataset.valid}: no validation row, by which this bench judges",
            "--set dataset.valid_share=0.2 keeps more later commits for it",
        )
    rows = draw(list(read_jsonl(found.folder / dataset.train, Row)), tokens, recipe.seed)
    drawn, wanted = sum(len(row.input_ids) for row in rows), _tokens_of(recipe, STEPS)
    if drawn < wanted:
        raise DataError(
            f"{found.folder / dataset.train}: {drawn:,} tokens, wanted {wanted:,} at least, which are {STEPS} steps",
            "a larger --tokens, a smaller --set dataset.max_tokens, or a repository with more code",
        )
    write_jsonl(folder / "train.jsonl", rows)
    write_jsonl(folder / "valid.jsonl", valid)
    name = str(found.manifest["repo"]["name"])
    end = Renderer.from_folder(Path(where.path), name).form.end
    commits = commits_of(found, dataset)
    judged_by = {row.pair_id: commits.get(row.pair_id, row.pair_id) for row in valid}
    files = (folder / "train.jsonl", folder / "valid.jsonl")
    return Material(name, where, recipe, end, files[0], len(rows), drawn, files[1], len(valid), judged_by)


def draw(rows: list[Row], tokens: int, seed: int) -> list[Row]:
    """Draw rows until there are so many tokens, or no more rows."""
    drawn, held = [], 0
    random.Random(seed).shuffle(rows)
    for row in rows:
        if held >= tokens:
            break
        drawn.append(row)
        held += len(row.input_ids)
    return drawn


def _of_run(folder: Path, changes: Sequence[str]) -> tuple[Run, Recipe, Base]:
    run = Run.find(folder)
    if run.entry("dataset") is None:
        raise RunError(f"{folder}: stage `dataset` has not finished", "repeat its command, or name another run")
    recipe = recipe_file.load(folder / "recipe.yaml", None, list(changes)).recipe
    recorded = run.manifest["base"]
    base = bases.resolve(recorded["name"], bases.cache_folder())
    if base.revision != recorded["revision"]:
        raise BaseError(
            f"{base.name}: its revision is {base.revision[:12]}, that of the run {recorded['revision'][:12]}",
            "the rows are ids of another tokenizer, or of none that is known; name the repository: REPO=",
        )
    return run, recipe, base


def _of_repo(
    source: str, name: str | None, changes: Sequence[str], adapters: Path, progress: Progress
) -> tuple[Run, Recipe, Base]:
    recipe = recipe_file.load(None, name, list(changes)).recipe
    repos = open_repositories(source, bases.cache_folder() / "clones", progress)
    repo, base = together(repos), bases.resolve(recipe.base, bases.cache_folder(), progress)
    recipe = recipe.model_copy(update={"base": base.name})
    run = Run.create(adapters, repo, base, recipe, repos)
    Pipeline(run, repos, base, recipe, progress, lambda *_: None).upto("dataset")
    return run, recipe, base


def _require_plain(recipe: Recipe) -> None:
    """Refuse what only ours does: the others train a plain LoRA in one process."""
    for key, wanted in (("method", "lora"), ("processes", 1)):
        if (seen := getattr(recipe.train, key)) != wanted:
            raise RecipeError(f"train.{key} is {seen}, wanted {wanted}", f"--set train.{key}={wanted}")


def _tokens_of(recipe: Recipe, steps: int) -> int:
    """Give the tokens that fill so many steps, the last one with a first row at least."""
    train = recipe.train
    return (steps - 1) * train.sequences_per_batch * train.accumulation * recipe.dataset.max_tokens + 1
