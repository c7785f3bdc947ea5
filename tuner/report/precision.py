"""Draw, for each system that says how sure it is, its exact matches against the share of answers shown.

In: the systems' results. Out: a picture per system on one common scale, from the most confident answers on the left to
all of them on the right, and its figures as text. Systems without a confidence are left out and need no picture.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tuner.axes import Axis, linear
from tuner.comparison import Sureness, SystemResult
from tuner.drawing import label, line
from tuner.report import figures
from tuner.visible import visible

HEIGHT, TOP, BOTTOM = 120, 10, 22  # pixels: of the picture, and kept free in it


@dataclass(frozen=True, slots=True)
class Precision:
    """One system: its picture, its exact matches by share in words, and how much can be shown."""

    system: str
    drawn: Markup
    shares: list[tuple[str, str]]
    coverage: str
    precision: str


def precisions(systems: Sequence[SystemResult]) -> list[Precision]:
    """Draw every system that has a confidence for each of its answers."""
    known = [(each.name, each.sureness) for each in systems if each.sureness is not None]
    up = linear([point[1] for _, found in known for point in found.curve] or [1.0], floor=0.0)
    return [
        Precision(
            name,
            _drawn(name, found, up),
            [(f"{share} %", figures.interval("exact_match", each)) for share, each in found.exact_match.items()],
            figures.share(found.coverage),
            figures.share(found.precision),
        )
        for name, found in known
    ]


def _drawn(name: str, found: Sureness, up: Axis) -> Markup:
    inner = HEIGHT - TOP - BOTTOM
    drawn = Markup()
    for at in up.marks:
        y = TOP + inner * (1 - up.place(at) / 100)
        drawn += line(0, y, 100, y, "grid") + label(0, y - 3, figures.mark("exact_match", at))
    for share in (30, 50, 70, 100):
        drawn += label(share, HEIGHT - 6, f"{share}\u00a0%")
    points = " ".join(f"{100 * share:.2f},{100 - up.place(exact):.2f}" for share, exact in found.curve)
    drawn += Markup(
        '<svg x="0" y="{}" width="100%" height="{}" viewBox="0 0 100 100" preserveAspectRatio="none">'
        '<polyline class="smooth" points="{}"/></svg>'
    ).format(TOP, inner, points)
    seen = f"{visible(name)}: exact matches by share of answers shown"
    whole = Markup('<svg class="curve" width="100%" height="{}" role="img" aria-label="{}">{}</svg>')
    return whole.format(HEIGHT, seen, drawn)
