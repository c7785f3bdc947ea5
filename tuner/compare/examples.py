"""Pick random examples for the report, where exactly one of two systems wrote the author's line.

In: the items with every system's answer. Out: up to twenty wins and twenty losses of system a against system b, with
the truth and what all others wrote, chosen by the seed alone: nobody picks the ones that look best. Items that both
have right, or both wrong, are left out.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Literal

from tuner.comparison import Example
from tuner.records import Item, Prediction
from tuner.scoring import exact_match

PER_KIND = 20
LINES_BEFORE, LINES_AFTER = 8, 3

Kind = Literal["win", "loss"]


def choose(
    items: Sequence[Item], answers: Mapping[str, Mapping[str, Prediction]], a: str, b: str, seed: int
) -> list[Example]:
    """Choose wins and losses of `a` against `b`; `answers` is by system, then by item."""
    by_kind: dict[Kind, list[Example]] = {"win": [], "loss": []}
    for item in sorted(items, key=lambda item: item.id):
        of_a, of_b = answers[a][item.id], answers[b][item.id]
        if of_a.void is None and of_b.void is None:
            right_a, right_b = exact_match(item, of_a)[0], exact_match(item, of_b)[0]
            if right_a != right_b:
                kind: Kind = "win" if right_a else "loss"
                by_kind[kind].append(_example(kind, item, answers, a, b))
    generator = random.Random(seed)
    return [each for found in by_kind.values() for each in generator.sample(found, min(PER_KIND, len(found)))]


def _example(kind: Kind, item: Item, answers: Mapping[str, Mapping[str, Prediction]], a: str, b: str) -> Example:
    return Example(
        kind=kind,
        a=a,
        b=b,
        item_id=item.id,
        path=item.path,
        language=item.language,
        commit=item.commit,
        cursor=item.cursor,
        novel=item.novel,
        before="\n".join(item.prefix.split("\n")[-LINES_BEFORE:]),
        target=item.target,
        after="\n".join(item.suffix.split("\n")[:LINES_AFTER]),
        answers={name: given[item.id].text for name, given in answers.items() if given[item.id].void is None},
    )
