"""Compose `tuner plan`, and the look at memory that `make train` begins with.

In: the base, recipe and repository as any command takes them. Out: a table on standard output, or JSON. The recipe's
own base is planned first, then every recipe that comes with the program. Measuring the machine's speed takes a second
and is the only part that loads torch; `--no-time` leaves it out.

    tuner plan --base Qwen/Qwen2.5-Coder-7B --set train.rank=64
    tuner plan --repo ../your-repository --json
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tuner import bases, recipe_file
from tuner.base_config import find_cached, find_config, is_hub_id, require_context
from tuner.errors import BaseError
from tuner.machine import Machine, measure_speed, read_machine
from tuner.plan import Disk, Plan, fitting_settings, gib, make_plan, require_room
from tuner.progress import Progress, TerminalProgress
from tuner.recipe import EMBEDDED, Recipe
from tuner.records import Base, Repo
from tuner.rundir import MANIFEST, Run

Choose = Callable[[argparse.Namespace], tuple[Path | None, str]]
NO_TRAINING = ("mine", "dataset")  # commands that end before it
BYTES_PER_TOKEN = 3.5  # of code; SmolLM2 reads 3.7 characters a token
LABELS = {
    "program": "the program itself",
    "weights": "weights of the base",
    "quantisation": "unpacking 4-bit weights",
    "adapters": "adapter and its gradients",
    "optimizer": "optimizer, with float32 masters",
    "activations": "activations, by layer",
    "logits": "logits and loss",
    "allocator": "allocator's holes",
}


def add_to(commands: Any, run_arguments: Callable[[argparse.ArgumentParser], None], choose: Choose) -> None:
    """Add `plan` to the command line; `choose` picks a recipe as the other commands do."""
    command = commands.add_parser("plan", help="memory, time and disk of a training, before anything heavy")
    run_arguments(command)
    command.add_argument("--json", action="store_true", help="write JSON")
    command.add_argument(
        "--no-time", action="store_true", help="leave out the second that measures the machine's speed"
    )
    command.set_defaults(function=lambda options: show(options, choose))


def show(options: argparse.Namespace, choose: Choose) -> int:
    """Plan and print; exit status 0 also where it does not fit, since the question was answered."""
    path, _ = choose(options)
    recipe = recipe_file.load(path, options.base, options.set).recipe
    machine, cache = read_machine(), bases.cache_folder()
    found = find_config(recipe.base, cache)
    tokens = recipe.dataset.max_train_tokens
    if options.repo:
        estimate = estimate_tokens(options.repo, recipe)
        tokens = estimate if tokens is None else min(tokens, estimate)
    speed = None if options.no_time else measure_speed(machine.weight_bytes)
    plan = make_plan(found, recipe, machine, tokens, speed)
    others = plan_recipes(recipes_folder(), machine)
    instead = None if plan.verdict == "fits" else fitting_settings(found, recipe, machine)
    if options.json:
        print(json.dumps(_as_json(path, plan, machine, speed, others, instead and instead[0]), indent=1))
    else:
        print(_as_text(path, recipe, plan, machine, speed, others, instead and instead[0]))
    return 0


def base_that_fits(options: argparse.Namespace, recipe: Recipe, repo: Repo, progress: Progress) -> Base:
    """Resolve the base of a command; one that this machine cannot train is refused, before it is fetched."""
    trains = options.command not in NO_TRAINING
    if trains and _would_be_fetched(recipe.base):
        _look_before_training(recipe.base, recipe.base, recipe)
        trains = False  # it is the same base when it is here
    base = bases.resolve(recipe.base, bases.cache_folder(), progress)
    require_context(replace(find_config(base.path, bases.cache_folder()), name=base.name), recipe)
    folder = Run.folder_of(options.adapters, repo, base, recipe)
    trained = (folder / MANIFEST).is_file() and Run.find(folder).entry("train") is not None
    if trains and not trained:
        _look_before_training(base.name, base.path, recipe)
    return base


def _look_before_training(name: str, place: str, recipe: Recipe) -> None:
    """Refuse what cannot fit; where that is not certain, or no plan can be made, say so and go on."""
    try:
        found = replace(find_config(place, bases.cache_folder()), name=name)
        machine = read_machine()
        remark = require_room(found, recipe, machine, lambda: plan_recipes(recipes_folder(), machine))
    except BaseError as unknown:  # what is wrong with the base itself is said by those who load it
        remark = unknown.message
    if remark:
        print(f"note       {remark}", file=sys.stderr)


def _would_be_fetched(name: str) -> bool:
    """Say whether a base is a hub id whose weights are not in the hub's cache."""
    if name in ("auto", EMBEDDED) or not is_hub_id(name) or Path(name).expanduser().exists():
        return False
    return not find_cached(name)


def plan_recipes(folder: Path, machine: Machine) -> list[tuple[str, Plan]]:
    """Plan every recipe that comes with the program, the largest base first; one without a base of its own is none.

    The hub is not asked for bases that nobody named: those whose shape is not at hand are left out.
    """
    plans = []
    for path in sorted(folder.glob("*.yaml")):
        recipe = recipe_file.load(path).recipe
        if recipe.base == "auto":
            continue
        try:
            found = find_config(recipe.base, bases.cache_folder(), asks_hub=False)
        except BaseError:
            continue
        plans.append((path.as_posix(), make_plan(found, recipe, machine)))
    return sorted(plans, key=lambda each: (-each[1].parameters, -each[1].memory.total))


def recipes_folder() -> Path:
    """Find the recipes that come with the program, also when it is called from another folder."""
    here = Path("recipes")
    return here if here.is_dir() else Path(__file__).resolve().parent.parent / "recipes"


def estimate_tokens(source: str, recipe: Recipe) -> int:
    """Estimate the training tokens of repositories by the size of their code files, without reading these."""
    from tuner.mine.languages import language_of
    from tuner.mine.plumbing import Git
    from tuner.mine.repositories import open_repositories

    size = 0
    for repo in open_repositories(source, bases.cache_folder() / "clones", TerminalProgress()):
        for line in Git(repo.path).run("ls-tree", "-r", "-l", "-z", repo.revision).split(b"\0"):
            facts, _, path = line.partition(b"\t")
            length = facts.split()[-1] if facts else b"-"
            language = language_of(path.decode("utf-8", "replace"))
            if length.isdigit() and language is not None and language.is_code:
                size += int(length) if int(length) <= recipe.mine.max_file_bytes else 0
    return int(size / BYTES_PER_TOKEN / max(recipe.dataset.shares.file, 0.1))


def _as_text(
    path: Path | None,
    recipe: Recipe,
    plan: Plan,
    machine: Machine,
    speed: float | None,
    others: list[tuple[str, Plan]],
    instead: str | None,
) -> str:
    rank, kind = recipe.train.rank, "bf16" if machine.weight_bytes == 2 else "float32"
    lines = [
        f"base         {plan.base}, read from {plan.source}",
        f"recipe       {path or 'defaults'}",
        f"parameters   {plan.parameters:,}, of which {plan.trainable:,} are trained (rank {rank}), in {kind}",
        f"memory       GiB at the highest moment of training, on {_device(machine)}{_shared(recipe, machine)}",
    ]
    for name, size in asdict(plan.memory).items():
        lines.append(f"  {LABELS[name]:<34}{gib(size):>7}")
    lines += [
        f"  {'total':<34}{gib(plan.memory.total):>7}",
        f"  {'free now':<34}{gib(plan.room):>7}  {_limit(machine)}",
        f"  {'evaluation after it':<34}{gib(plan.evaluation.total):>7}  {_evaluation(recipe, plan)}",
        f"verdict      {plan.verdict}" + (f'; it fits with SET="{instead}"' if instead else ""),
        f"disk         {plan.disk.total / 1e9:.1f} GB: {_disk(plan.disk)}",
        f"time         {_time(plan, speed)}",
        "",
        f"{'recipe':<48}{'base':<44}{'GiB':>7}  verdict",
    ]
    lines += [f"{name:<48}{each.base:<44}{gib(each.memory.total):>7}  {each.verdict}" for name, each in others]
    left_out = sum(1 for _ in recipes_folder().glob("*.yaml")) - len(others)
    lines.append(f"recipes without a base of their own, or whose config.json is not at hand: {left_out}; --recipe asks")
    return "\n".join(lines)


def _as_json(
    path: Path | None,
    plan: Plan,
    machine: Machine,
    speed: float | None,
    others: list[tuple[str, Plan]],
    instead: str | None,
) -> dict[str, Any]:
    return {
        "recipe": str(path) if path else None,
        **_plan_as_json(plan),
        "fits_with": instead,
        "device": "gpu" if machine.gpu else "cpu",
        "operations_per_second": speed,
        "recipes": [{"recipe": name, **_plan_as_json(each)} for name, each in others],
    }


def _plan_as_json(plan: Plan) -> dict[str, Any]:
    return {
        "base": plan.base,
        "source": plan.source,
        "parameters": plan.parameters,
        "trainable_parameters": plan.trainable,
        "memory_bytes": {**asdict(plan.memory), "total": plan.memory.total},
        "evaluation_bytes": {**asdict(plan.evaluation), "total": plan.evaluation.total},
        "free_bytes": plan.room,
        "verdict": plan.verdict,
        "disk_bytes": {**asdict(plan.disk), "total": plan.disk.total},
        "train_tokens": plan.tokens,
        "estimated_seconds": plan.seconds,
    }


def _device(machine: Machine) -> str:
    return f"{machine.gpu.name} (planned, not measured)" if machine.gpu else f"{machine.cores} cores"


def _shared(recipe: Recipe, machine: Machine) -> str:
    here = recipe.train.processes // recipe.train.nodes
    return "" if here == 1 else f", {here} processes" + (" with a card each" if machine.gpu else " together")


def _evaluation(recipe: Recipe, plan: Plan) -> str:
    held = "4 bits" if recipe.evaluate.quantization == "nf4" else f"{gib(plan.evaluation.weights)} GiB of weights"
    fits = "" if plan.evaluation.total <= plan.room else "; does not fit"
    return f"{recipe.evaluate.batch} items at once, {held}{fits}"


def _limit(machine: Machine) -> str:
    return f"GPU memory of {machine.gpu.name}" if machine.gpu else machine.limit


def _disk(disk: Disk) -> str:
    names = {"base": "base to fetch", "checkpoints": "checkpoints", "adapter": "adapter", "export": "export"}
    return ", ".join(f"{words} {getattr(disk, key) / 1e9:.1f}" for key, words in names.items() if getattr(disk, key))


def _time(plan: Plan, speed: float | None) -> str:
    if plan.tokens is None:
        return "not known: the recipe takes all tokens; REPO= says how many there are"
    if plan.seconds is None or speed is None:
        return "not estimated"
    minutes = plan.seconds / 60
    shown = f"{minutes / 60:.1f} hours" if minutes > 90 else f"{max(1, round(minutes))} min"
    return (
        f"about {shown} of training for {plan.tokens:,} tokens; an estimate, "
        f"from {speed / 1e9:,.0f} billion operations a second just now"
    )
