"""Draw every system's figures as dots with whiskers, one picture per metric, with the base as the line to look at.

In: the systems' results. Out: for each metric that any system has, an axis and a strip per system, in the systems' own
order. A system without the figure (only voids, items of one commit, no probabilities) keeps its strip and says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tuner.axes import Axis, linear
from tuner.comparison import SystemResult
from tuner.drawing import dot, label, line, picture
from tuner.knowing import KNOWING
from tuner.records import Interval
from tuner.report import figures
from tuner.scoring import COMPARED

HEIGHT = 22
MOST_LABELS = 5  # more of them would touch each other on a phone
OURS = ("tuned", "tuned+bm25")


@dataclass(frozen=True, slots=True)
class Strip:
    """One system's figure: as text, and as a dot with its interval."""

    system: str
    text: str
    n: int | None
    drawn: Markup


@dataclass(frozen=True, slots=True)
class Plot:
    """One metric over all systems of one stratum."""

    metric: str
    title: str
    meaning: str
    better: str
    strips: list[Strip]
    axis: Markup


def plots(systems: Sequence[SystemResult], stratum: str, reference: str) -> list[Plot]:
    """Draw all metrics that at least one system has a figure for."""
    return [
        _plot(systems, metric.name, stratum, reference)
        for metric in (*COMPARED, *KNOWING)
        if any(_figure(each, metric.name, stratum) for each in systems)
    ]


def marker(system: str, reference: str) -> tuple[str, str]:
    """Choose a system's class and shape: ours, what it is measured against, or another."""
    if system in OURS:
        return "ours", "round"
    return ("reference", "diamond") if system == reference else ("other", "square")


def scale(axis: Axis, metric: str) -> Markup:
    """Draw an axis with its marks."""
    drawn = line(0, 0.5, 100, 0.5, "axis")
    for number, at in enumerate(axis.marks):
        place = axis.place(at)
        drawn += line(place, 0, place, 5, "axis")
        if number % 2 == 0 or len(axis.marks) <= MOST_LABELS:
            drawn += label(place, 18, figures.mark(metric, at))
    return picture(drawn, HEIGHT, css="scale")


def _plot(systems: Sequence[SystemResult], metric: str, stratum: str, reference: str) -> Plot:
    found = {each.name: _figure(each, metric, stratum) for each in systems}
    numbers = [number for each in found.values() if each for number in (each.low, each.value, each.high)]
    axis = linear(numbers, floor=0.0, ceiling=1.0 if figures.is_percent(metric) else None)
    base = found.get(reference)
    strips = [_strip(each, metric, found[each.name], axis, base, reference) for each in systems]
    return Plot(
        metric,
        figures.metric_name(metric),
        figures.MEANINGS[metric],
        figures.better(metric),
        strips,
        scale(axis, metric),
    )


def _strip(
    system: SystemResult, metric: str, found: Interval | None, axis: Axis, base: Interval | None, reference: str
) -> Strip:
    drawn = Markup()
    if base is not None:
        drawn += line(axis.place(base.value), 0, axis.place(base.value), HEIGHT, "guide")
    if found is None:
        why = "no answer" if not system.answered else "no figure"
        return Strip(system.name, why, None, picture(drawn, HEIGHT))
    css, shape = marker(system.name, reference)
    middle = HEIGHT / 2
    left, right = axis.place(found.low), axis.place(found.high)
    drawn += line(left, middle, right, middle, f"whisker {css}")
    for end in (left, right):
        drawn += line(end, middle - 4, end, middle + 4, f"whisker {css}")
    drawn += dot(axis.place(found.value), middle, css, shape)
    return Strip(system.name, figures.interval(metric, found), found.n, picture(drawn, HEIGHT))


def _figure(system: SystemResult, metric: str, stratum: str) -> Interval | None:
    return system.scores.get(stratum, {}).get(metric)
