"""Subtract one system's figures from another's over the items that both answered, with intervals by commit.

In: items with two predictions each. Out: one `Difference` per metric and stratum. A stratum whose items stem from one
commit has no interval and so no difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from tuner.comparison import Difference
from tuner.knowing import with_knowledge
from tuner.knowledge import Knowledge
from tuner.records import ITEM_KINDS, Item, ItemKind, Prediction
from tuner.scoring import BITS_PER_BYTE, COMPARED, Metric
from tuner.statistics import cluster_test, ratio_change, ratio_difference

Answered = tuple[Item, Prediction, Prediction]


def _of_kind(kind: ItemKind) -> Callable[[Item], bool]:
    return lambda item: item.kind == kind


# The place of a cursor is drawn for lines alone; the other kinds would blur what it is worth to stand inside a word.
STRATA: dict[str, Callable[[Item], bool]] = {
    "all": lambda item: True,
    "novel": lambda item: item.novel,
    "known": lambda item: not item.novel,
    "new_names": lambda item: item.new_names,
    "inside": lambda item: item.kind == "line" and item.cursor == "inside",
    "boundary": lambda item: item.kind == "line" and item.cursor == "boundary",
    **{f"kind:{kind}": _of_kind(kind) for kind in ITEM_KINDS},
}
REPORTED = ("all", "novel")  # the strata of pairs beside the adapter's; the adapter's has them all


def kinds_of(items: Iterable[Item]) -> list[str]:
    """Name the strata by kind that items fall into; none where all are of one kind, which `all` shows already."""
    there = {item.kind for item in items}
    return [f"kind:{kind}" for kind in ITEM_KINDS if kind in there] if len(there) > 1 else []


def strata_of(items: Sequence[Item]) -> list[str]:
    """Name all strata of the adapter against its base."""
    return [name for name in STRATA if not name.startswith("kind:")] + kinds_of(items)


def differences(
    pairs: Sequence[Answered],
    strata: Iterable[str],
    resamples: int,
    seed: int,
    min_items: int = 0,
    knowledge: Knowledge | None = None,
) -> list[Difference]:
    """Give every metric's difference in every stratum for which there is an interval."""
    found: list[Difference] = []
    for stratum in strata:
        chosen = [pair for pair in pairs if STRATA[stratum](pair[0])]
        for metric in with_knowledge(COMPARED, knowledge):
            for name, figure in _figures(metric):
                difference = _difference(name, metric, figure, stratum, chosen, resamples, seed)
                if difference is not None:
                    found.append(replace(difference, enough=len(pairs) >= min_items))
    return found


def _figures(metric: Metric) -> list[tuple[str, Callable]]:
    if metric is BITS_PER_BYTE:
        return [(metric.name, ratio_difference), (f"{metric.name}_relative", ratio_change)]
    return [(metric.name, ratio_difference)]


def _difference(
    name: str, metric: Metric, figure: Callable, stratum: str, pairs: Sequence[Answered], resamples: int, seed: int
) -> Difference | None:
    commits, rows = [], []
    for item, answer_a, answer_b in pairs:
        figure_a, figure_b = metric.figure(item, answer_a), metric.figure(item, answer_b)
        if figure_a is not None and figure_b is not None:
            commits.append(item.commit)
            rows.append((*figure_a, *figure_b))
    tested = cluster_test(commits, rows, figure, resamples, seed)
    if tested is None:
        return None
    interval, p = tested
    sums = [sum(column) for column in zip(*rows, strict=True)]
    return Difference(
        metric=name,
        stratum=stratum,
        a=sums[0] / sums[1] if sums[1] else 0.0,
        b=sums[2] / sums[3] if sums[3] else 0.0,
        delta=interval.value,
        low=interval.low,
        high=interval.high,
        items=len(rows),
        commits=len(set(commits)),
        better=metric.better,
        p=p,
    )
