"""Pick random examples for the report, where exactly one of two systems wrote the author's line.

In: the items that both systems answered. Out: up to five wins and five losses of system a, with the truth, chosen by
the seed alone: nobody picks the ones that look best. Items that both have right, or both wrong, are left out.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tuner.records import Item, Prediction
from tuner.scoring import exact_match

PER_KIND = 5
SHOWN_LINES = 8

Kind = Literal["win", "loss"]


@dataclass(frozen=True, slots=True)
class Example:
    """One item with both answers; `before` ends at the cursor, in the line that `target` completes."""

    kind: Kind
    item_id: str
    path: str
    commit: str
    novel: bool
    before: str
    target: str
    a: str
    b: str


def choose(pairs: Sequence[tuple[Item, Prediction, Prediction]], seed: int) -> list[Example]:
    """Choose wins and losses; the same items give the same examples in any order."""
    by_kind: dict[Kind, list[Example]] = {"win": [], "loss": []}
    for item, a, b in sorted(pairs, key=lambda pair: pair[0].id):
        right_a, right_b = exact_match(item, a)[0], exact_match(item, b)[0]
        if right_a != right_b:
            kind: Kind = "win" if right_a else "loss"
            by_kind[kind].append(_example(kind, item, a, b))
    generator = random.Random(seed)
    return [each for found in by_kind.values() for each in generator.sample(found, min(PER_KIND, len(found)))]


def _example(kind: Kind, item: Item, a: Prediction, b: Prediction) -> Example:
    before = "\n".join(item.prefix.split("\n")[-SHOWN_LINES:])
    return Example(kind, item.id, item.path, item.commit, item.novel, before, item.target, a.text, b.text)
