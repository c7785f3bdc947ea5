"""Make the variants of a sweep: recipes that differ from the baseline in what was asked for, and in nothing else.

In: settings with their values, as `train.rank=8,16`, and what resolves a recipe. Out: the baseline, the variants with
their names, and the names of those that turned out to be the baseline. Refused: settings that decide which repository
is read, what is held out, or what is measured. All variants are judged on the same rows, and none may train on them.

The shares of the kinds sum to one, so that a changed share scales the others. `without=edit,body` is two variants, one
without edits and one without bodies; `without=edit+body` is one without either.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from tuner.errors import RecipeError
from tuner.recipe import Recipe
from tuner.records import PAIR_KINDS
from tuner.rundir import DECIDES_NOTHING

BASELINE = "baseline"
WITHOUT = "without"
SHARE = "dataset.shares."
DATASET = (
    "dataset.max_tokens", "dataset.max_train_tokens", "dataset.folder_share", "dataset.replay_share",
    "dataset.replay_answer_tokens", "dataset.replay_rounds",
)  # fmt: skip
# They choose by validation rows, which here are those that judge, or decide nothing about what is learned.
NOT_VARIED = {"train.forgetting", "train.validations", "train.patience", "train.checkpoint_steps"} | {
    f"train.{name}" for name in DECIDES_NOTHING.get("train", ())
}
EXAMPLE = 'for example OVER="train.learning_rate=2e-4,1e-3 without=edit"'
Axis = tuple[str, list[str]]
Change = tuple[str, str]
Resolve = Callable[[list[str]], Recipe]


@dataclass(frozen=True, slots=True)
class Variant:
    """A recipe and its name, which says how it differs from the baseline's."""

    name: str
    recipe: Recipe


@dataclass(frozen=True, slots=True)
class Variants:
    """All variants, the baseline first; `same` names those that were left out since nothing differs."""

    all: list[Variant]
    same: list[str]

    @property
    def baseline(self) -> Variant:
        """Give what the others are compared with."""
        return self.all[0]


def make_variants(given: Sequence[str], grid: bool, resolve: Resolve) -> Variants:
    """Change one setting at a time, or all of them together in a grid; `resolve` applies `key=value` to the recipe."""
    axes = [_parse(each) for each in given]
    keys = [key for key, _ in axes]
    twice = next((key for key in keys if keys.count(key) > 1), None)
    if twice is not None:
        raise RecipeError(f"OVER={twice}: stands there more than once", f"one list of values: {twice}=a,b")
    if not axes:
        raise RecipeError("OVER is missing: what is to be tried?", EXAMPLE)
    baseline = resolve([])
    if baseline.train.forgetting != "report":
        raise RecipeError(
            f"train.forgetting is {baseline.train.forgetting!r}: it would choose by the rows that judge a sweep",
            'SET="train.forgetting=report" for the sweep',
        )
    found, same = [Variant(BASELINE, baseline)], []
    for changes in _combinations(axes, grid):
        name = " ".join(f"{key}={value}" for key, value in changes)
        recipe = resolve(_overrides(changes, baseline))
        if any(recipe == each.recipe for each in found):
            same.append(name)
        else:
            found.append(Variant(name, recipe))
    if len(found) == 1:
        raise RecipeError(f"OVER={given[0]}: that is what the recipe says already", "name other values")
    return Variants(found, same)


def _parse(text: str) -> Axis:
    key, equals, values = text.partition("=")
    listed = [each.strip() for each in values.split(",")]
    if not equals or not key or not all(listed):
        raise RecipeError(f"OVER={text}: wanted key=value,value", EXAMPLE)
    can_vary = key == WITHOUT or key in DATASET or key.startswith((SHARE, "train."))
    if not can_vary or key in NOT_VARIED:
        raise RecipeError(
            f"OVER={key}: a sweep cannot vary this: all variants are mined once and judged on the same rows",
            f"it varies {WITHOUT}, train.*, {SHARE}*, {', '.join(DATASET)}",
        )
    return key, listed


def _combinations(axes: Sequence[Axis], grid: bool) -> Iterator[list[Change]]:
    if grid:
        yield from (
            list(zip((key for key, _ in axes), values, strict=True))
            for values in itertools.product(*(values for _, values in axes))
        )
    else:
        yield from ([(key, value)] for key, values in axes for value in values)


def _overrides(changes: Sequence[Change], baseline: Recipe) -> list[str]:
    """Write changes as `key=value`, with all shares where one of them changes."""
    fixed: dict[str, float] = {}
    plain = []
    for key, value in changes:
        if key == WITHOUT:
            fixed |= {_kind(kind, f"{key}={value}"): 0.0 for kind in value.split("+")}
        elif key.startswith(SHARE):
            fixed[_kind(key.removeprefix(SHARE), f"{key}={value}")] = _number(value, f"{key}={value}")
        else:
            plain.append(f"{key}={value}")
    return [*plain, *(f"{SHARE}{kind}={share!r}" for kind, share in _rescaled(fixed, baseline).items())]


def _rescaled(fixed: dict[str, float], baseline: Recipe) -> dict[str, float]:
    """Set some kinds' shares and scale the others, so that all sum to one."""
    shares = baseline.dataset.shares.model_dump()
    if all(shares[kind] == share for kind, share in fixed.items()):
        return {}
    others = {kind: share for kind, share in shares.items() if kind not in fixed}
    left, room = sum(others.values()), 1.0 - sum(fixed.values())
    if room < 0 or (left == 0 and room > 0):
        said = ", ".join(f"{kind} {share:g}" for kind, share in fixed.items())
        raise RecipeError(f"OVER: shares of {said} leave the other kinds {room:g}, which they cannot take", EXAMPLE)
    return fixed | {kind: share * room / left if left else 0.0 for kind, share in others.items()}


def _kind(name: str, where: str) -> str:
    if name not in PAIR_KINDS:
        raise RecipeError(f"OVER={where}: `{name}` is no kind of pair", f"the kinds are {', '.join(PAIR_KINDS)}")
    return name


def _number(text: str, where: str) -> float:
    with suppress(ValueError):
        if 0 <= (share := float(text)) <= 1:
            return share
    raise RecipeError(f"OVER={where}: wanted a share from 0 to 1", EXAMPLE)
