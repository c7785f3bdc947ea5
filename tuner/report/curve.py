"""Draw the training loss by step: every step faintly, and the mean of the steps around it.

In: the lines of `metrics.jsonl`. Out: the picture and its figures. The mean of ten steps is there to be looked at and
is no result; the losses on held-out files, before and after, are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from markupsafe import Markup

from tuner.report.axes import Axis, linear
from tuner.report.drawing import label, line

HEIGHT, TOP, BOTTOM = 200, 10, 26  # pixels: of the picture, and kept free in it
WINDOW = 10


@dataclass(frozen=True, slots=True)
class Curve:
    """The picture, and what it shows in figures."""

    steps: int
    tokens: int
    first: float
    last: float
    drawn: Markup


def curve(lines: Sequence[dict[str, Any]]) -> Curve | None:
    """Draw the curve; None where no step was logged."""
    if not lines:
        return None
    losses = [float(each["loss"]) for each in lines]
    smooth = [fmean(losses[max(0, at - WINDOW + 1) : at + 1]) for at in range(len(losses))]
    up, across = linear(losses, floor=0.0), linear([0.0, float(lines[-1]["step"])])
    inner = HEIGHT - TOP - BOTTOM
    drawn = Markup()
    for at in up.marks:
        y = TOP + inner * (1 - up.place(at) / 100)
        drawn += line(0, y, 100, y, "grid") + label(0, y - 3, f"{at:.2f}".rstrip("0").rstrip("."))
    for at in across.marks:
        drawn += label(across.place(at), HEIGHT - 8, f"{at:.0f}")
    steps = [float(each["step"]) for each in lines]
    # stretched to the picture's size, in per cent of it; the strokes are not
    drawn += Markup('<svg x="0" y="{}" width="100%" height="{}" viewBox="0 0 100 100" {}>{}{}</svg>').format(
        TOP,
        inner,
        Markup('preserveAspectRatio="none"'),
        _path(steps, losses, across, up, "each"),
        _path(steps, smooth, across, up, "smooth"),
    )
    seen = f"training loss over {len(lines)} steps, from {losses[0]:.3f} to {losses[-1]:.3f}"
    whole = Markup('<svg class="curve" width="100%" height="{}" role="img" aria-label="{}">{}</svg>')
    tokens = sum(int(each["tokens"]) for each in lines)
    return Curve(len(lines), tokens, losses[0], losses[-1], whole.format(HEIGHT, seen, drawn))


def _path(steps: Sequence[float], losses: Sequence[float], across: Axis, up: Axis, css: str) -> Markup:
    points = " ".join(
        f"{across.place(step)},{100 - up.place(loss):.2f}" for step, loss in zip(steps, losses, strict=True)
    )
    return Markup('<polyline class="{}" points="{}"/>').format(css, points)
