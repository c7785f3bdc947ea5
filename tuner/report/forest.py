"""Draw the differences of each pair of systems as a forest plot: a whisker per metric, and the finding in words.

In: the contest. Out: for each pairing its rows, in groups that share an axis: shares in points, bits by themselves.
Right of 0 is always the better side for system a, also where a metric is better when lower; the numbers keep their own
sign. The adapter against its base comes first and has all strata; a pairing without an interval has no rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tuner.axes import Axis, symmetric
from tuner.comparison import Contest, Difference
from tuner.drawing import dot, label, line, picture
from tuner.report import figures
from tuner.report.whiskers import OURS

HEIGHT = 22
DRAWN_STRATA = ("all", "novel")
LEFT_OUT = "bits_per_byte_relative"  # the same difference as bits_per_byte, on another scale
POINTS = "points"
LEADING = ("exact_match", "all")  # what the line above a plot says
SHAPES = {"gain": "round", "loss": "square", "inconclusive": "diamond"}


@dataclass(frozen=True, slots=True)
class Row:
    """One difference: its name, the finding with its sign, its figures as text, and its whisker."""

    metric: str
    stratum: str
    sign: str
    finding: str
    change: str
    ends: str
    drawn: Markup


@dataclass(frozen=True, slots=True)
class Group:
    """Rows on one axis."""

    unit: str
    rows: list[Row]
    axis: Markup


@dataclass(frozen=True, slots=True)
class Line:
    """One difference in figures, for the table below the plot."""

    metric: str
    stratum: str
    a: str
    b: str
    change: str
    ends: str
    items: int
    commits: int
    sign: str
    finding: str


@dataclass(frozen=True, slots=True)
class Forest:
    """One pairing: how many items both answered, its plot, its table and what it could have shown.

    Where no item told the two apart there is no spread to judge by: that metric is `undetectable`.
    """

    a: str
    b: str
    items: int
    voided: int
    groups: list[Group]
    lines: list[Line]
    leading: Line | None
    detectable: list[tuple[str, str]]
    undetectable: list[str]

    @property
    def of_ours(self) -> bool:
        """Say whether the tuned model is one of the two."""
        return self.a in OURS


def forests(contest: Contest) -> list[Forest]:
    """Draw every pairing: the adapter against its base first, then those of the adapter, then all others."""
    first = (contest.a, contest.b)
    counted = {(each.a, each.b): (each.items, each.voided) for each in contest.pairings}
    items, voided = counted.get(first, (max((each.items for each in contest.differences), default=0), 0))
    found = [_forest(*first, items, voided, contest.differences, contest.smallest_detectable)]
    for each in contest.pairings:
        if (each.a, each.b) != first:
            found.append(_forest(each.a, each.b, each.items, each.voided, each.differences, {}))
    return sorted(found, key=lambda each: not each.of_ours)


def _forest(
    a: str, b: str, items: int, voided: int, differences: Sequence[Difference], detectable: dict[str, float]
) -> Forest:
    drawn = [each for each in differences if each.stratum in DRAWN_STRATA and each.metric != LEFT_OUT]
    groups = [
        _group(unit, [each for each in drawn if figures.is_percent(each.metric) == shares])
        for unit, shares in ((POINTS, True), ("bits per byte", False))
    ]
    lines = [_line(each) for each in differences]
    leading = next((line for line, each in zip(lines, differences, strict=True) if _key(each) == LEADING), None)
    smallest = [(figures.metric_name(name), figures.size(name, size)) for name, size in detectable.items() if size]
    alike = [figures.metric_name(name) for name, size in detectable.items() if not size]
    return Forest(a, b, items, voided, [group for group in groups if group.rows], lines, leading, smallest, alike)


def _key(each: Difference) -> tuple[str, str]:
    return each.metric, each.stratum


def _group(unit: str, differences: Sequence[Difference]) -> Group:
    axis = symmetric(number for each in differences for number in (each.low, each.high))
    rows = [
        Row(
            figures.metric_name(each.metric),
            each.stratum,
            *figures.FINDINGS[each.finding],
            figures.change(each.metric, each.delta),
            figures.change_ends(each),
            _whisker(each, axis),
        )
        for each in differences
    ]
    return Group(unit, rows, _scale(axis, 100.0 if unit == POINTS else 1.0))


def _whisker(each: Difference, axis: Axis) -> Markup:
    turned = -1.0 if each.better == "lower" else 1.0
    left, at, right = (axis.place(turned * number) for number in (each.low, each.delta, each.high))
    middle = HEIGHT / 2
    drawn = line(50, 0, 50, HEIGHT, "guide") + line(left, middle, right, middle, f"whisker {each.finding}")
    for end in (left, right):
        drawn += line(end, middle - 4, end, middle + 4, f"whisker {each.finding}")
    return picture(drawn + dot(at, middle, each.finding, SHAPES[each.finding]), HEIGHT)


def _scale(axis: Axis, factor: float) -> Markup:
    """Draw the axis without signs, since its sides say which way is better."""
    drawn = line(0, 0.5, 100, 0.5, "axis")
    for at in axis.marks:
        drawn += line(axis.place(at), 0, axis.place(at), 5, "axis")
        drawn += label(axis.place(at), 18, f"{factor * abs(at):.6g}")
    return picture(drawn, HEIGHT, css="scale")


def _line(each: Difference) -> Line:
    level = "bits_per_byte" if each.metric == LEFT_OUT else each.metric
    return Line(
        figures.metric_name(each.metric),
        each.stratum,
        figures.value(level, each.a),
        figures.value(level, each.b),
        figures.change(each.metric, each.delta),
        figures.change_ends(each),
        each.items,
        each.commits,
        *figures.FINDINGS[each.finding],
    )
