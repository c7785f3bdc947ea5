"""Draw what a thousand completions cost against how many are exactly right, on a logarithmic axis of dollars.

In: the systems' results, and what our own costs by the assumptions of `switching`, since nobody sends a bill for it.
Out: the picture, a legend with every figure, and those systems that have no place in it, with the reason: no known
price, or no score. Markers carry a letter, so that neither colour nor room for names is needed.
"""

from __future__ import annotations

import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tuner.axes import linear, logarithmic
from tuner.comparison import SystemResult
from tuner.drawing import label, line, picture
from tuner.report import figures
from tuner.report.whiskers import marker

HEIGHT, TOP, BOTTOM = 260, 14, 28
METRIC = "exact_match"


@dataclass(frozen=True, slots=True)
class Point:
    """One system in the picture."""

    letter: str
    system: str
    price: str
    quality: str
    note: str


@dataclass(frozen=True, slots=True)
class Scatter:
    """The picture (None where no system has a price and a score), its legend, and who is not in it and why."""

    drawn: Markup | None
    points: list[Point]
    apart: list[tuple[str, str, str]]


def scatter(systems: Sequence[SystemResult], reference: str, assumed: Mapping[str, tuple[float, str]]) -> Scatter:
    """Draw all systems that have a price and a score; `assumed` gives prices, with notes, to those that have none."""
    placed, apart = [], []
    for each in systems:
        quality = each.scores.get("all", {}).get(METRIC)
        dollars, note = each.dollars_per_1000, each.price_note
        if dollars is None:
            dollars, note = assumed.get(each.name, (None, note))
        if quality is None:
            apart.append((each.name, figures.NONE, "no score: no answers, or only those to items of one commit"))
        elif dollars is None or dollars <= 0:
            apart.append((each.name, figures.interval(METRIC, quality), note or "no price is known"))
        else:
            placed.append((each.name, quality, dollars, note))
    if not placed:
        return Scatter(None, [], apart)
    across = logarithmic(dollars for _, _, dollars, _ in placed)
    up = linear((n for _, q, _, _ in placed for n in (q.low, q.high)), floor=0.0, ceiling=1.0)
    inner = HEIGHT - TOP - BOTTOM
    drawn, points = Markup(), []
    for at in up.marks:
        y = TOP + inner * (1 - up.place(at) / 100)
        drawn += line(0, y, 100, y, "grid") + label(0, y - 3, figures.mark(METRIC, at))
    for at in across.marks:
        x = across.place(at)
        drawn += line(x, TOP, x, HEIGHT - BOTTOM, "grid") + label(x, HEIGHT - 8, figures.price(at))
    for letter, (name, quality, dollars, note) in zip(_letters(len(placed)), placed, strict=True):
        x = across.place(dollars)
        top, at, bottom = (TOP + inner * (1 - up.place(n) / 100) for n in (quality.high, quality.value, quality.low))
        css, _ = marker(name, reference)
        drawn += line(x, top, x, bottom, f"whisker {css}") + _badge(x, at, letter, css)
        points.append(Point(letter, name, figures.price(dollars), figures.interval(METRIC, quality), note))
    seen = "cost of a thousand completions against exact match; the table below has the figures"
    return Scatter(picture(drawn, HEIGHT, seen, "scatter"), points, apart)


def _badge(x: float, y: float, letter: str, css: str) -> Markup:
    return Markup(
        '<circle class="badge {0}" cx="{1}%" cy="{2:.1f}" r="9"/>'
        '<text class="letter" x="{1}%" y="{3:.1f}" text-anchor="middle">{4}</text>'
    ).format(css, x, y, y + 4, letter)


def _letters(number: int) -> list[str]:
    """Name markers A to Z, then by number."""
    return [string.ascii_uppercase[at] if at < 26 else str(at + 1) for at in range(number)]
