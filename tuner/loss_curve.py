"""Draw the loss of a training by step: every step faintly, the mean of the last ten, validations and the learning rate.

In: the lines of `metrics.jsonl`. Out: the picture and its figures, for the report's page, and as a file of its own,
`loss.svg`. The mean of ten steps is there to be looked at and is no result. Validations are of other text than what is
trained on, so that the two losses are not to be compared. The learning rate has a scale of its own, from 0 to its
highest. Not drawn: a step whose loss was no number, and a learning rate that the log does not say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from markupsafe import Markup

from tuner.axes import Axis, linear
from tuner.drawing import dot, label, line
from tuner.picture_file import LETTER, picture_file
from tuner.training_log import WINDOW, Line, steps_of, validations_of

HEIGHT, TOP, BOTTOM = 200, 10, 26  # pixels: of the picture, and kept free in it
TITLE = "Training loss, nats a token"
# What a page that shows the curve needs beside its own colours.
STYLE = """
.curve polyline, .curve .each, .curve .smooth, .curve .rate { fill: none; vector-effect: non-scaling-stroke }
.curve .each { stroke: var(--faint); stroke-width: 1; opacity: .6 }
.curve .smooth { stroke: var(--ours); stroke-width: 2.5 }
.curve .rate { stroke: var(--faint); stroke-width: 1; stroke-dasharray: 4 4 } .curve circle.valid { fill: var(--other) }
.curve polyline.valid { stroke: var(--other); stroke-width: 1.5 }
""".strip()


@dataclass(frozen=True, slots=True)
class Curve:
    """The picture, and what it shows in figures; `text` says the same in words."""

    steps: int
    tokens: int
    first: float
    last: float
    highest_rate: float | None
    validations: int
    text: str
    drawn: Markup


def curve(lines: Sequence[Line]) -> Curve | None:
    """Draw the curve; None where no step was logged."""
    steps, validations = steps_of(lines), validations_of(lines)
    if not steps:
        return None
    losses, last = [float(each["loss"]) for each in steps], float(steps[-1]["step"])
    up = linear([*losses, *(float(each["valid_loss"]) for each in validations)], floor=0.0)
    across = linear([0.0, last])
    drawn = _grid(up, across)
    # stretched to the picture's size, in per cent of it; the strokes are not
    drawn += Markup('<svg x="0" y="{}" width="100%" height="{}" viewBox="0 0 100 100" {}>{}</svg>').format(
        TOP, HEIGHT - TOP - BOTTOM, Markup('preserveAspectRatio="none"'), _paths(steps, validations, across, up)
    )
    for each in validations:
        drawn += dot(across.place(each["step"]), _down(up, each["valid_loss"]), "valid")
    text = _text(losses, validations)
    whole = Markup('<svg class="curve" width="100%" height="{}" role="img" aria-label="{}">{}</svg>')
    highest = max((rate for _, rate in _rates(steps)), default=None)
    tokens = sum(int(each["tokens"]) for each in steps)
    picture = whole.format(HEIGHT, text, drawn)
    return Curve(len(steps), tokens, losses[0], losses[-1], highest, len(validations), text, picture)


def as_file(found: Curve) -> str:
    """Make the picture a file of its own, with colours, a legend, and title and description for who cannot see it."""
    names = [("each", "each step"), ("smooth", f"mean of the last {WINDOW}")]
    names += [("valid", "validation")] if found.validations else []
    names += [("rate", f"learning rate, up to {found.highest_rate:.1e}")] if found.highest_rate else []
    legend, x = Markup(), 0
    for css, name in names:
        legend += Markup('<polyline class="{}" points="{},48 {},48"/>').format(css, x, x + 22)
        legend += Markup('<circle class="valid" cx="{}" cy="48" r="5"/>').format(x + 11) if css == "valid" else ""
        legend += Markup('<text x="{}" y="52">{}</text>').format(x + 28, name)
        x += 48 + LETTER * len(name)
    return picture_file("curve", TITLE, found.text, STYLE, legend, found.drawn, HEIGHT)


def smoothed(losses: Sequence[float]) -> list[float]:
    """Average each loss with those before it."""
    return [fmean(losses[max(0, at - WINDOW + 1) : at + 1]) for at in range(len(losses))]


def _text(losses: Sequence[float], validations: Sequence[Line]) -> str:
    text = f"training loss over {len(losses)} steps, from {losses[0]:.3f} to {losses[-1]:.3f}"
    if validations:
        best = min(validations, key=lambda each: float(each["valid_loss"]))
        count = f"{len(validations)} validation{'s' * (len(validations) > 1)}"
        text += f"; of {count} the lowest loss is {best['valid_loss']:.3f}, at step {best['step']}"
    return text


def _rates(steps: Sequence[Line]) -> list[tuple[float, float]]:
    rates = ((each["step"], each.get("learning_rate")) for each in steps)
    return [(step, rate) for step, rate in rates if rate is not None]


def _grid(up: Axis, across: Axis) -> Markup:
    drawn = Markup()
    for at in up.marks:
        y = _down(up, at)
        drawn += line(0, y, 100, y, "grid") + label(0, y - 3, f"{at:.2f}".rstrip("0").rstrip("."))
    for at in across.marks:
        drawn += label(across.place(at), HEIGHT - 8, f"{at:.0f}")
    return drawn


def _paths(steps: Sequence[Line], validations: Sequence[Line], across: Axis, up: Axis) -> Markup:
    at, losses = [each["step"] for each in steps], [float(each["loss"]) for each in steps]
    drawn, rates = Markup(), _rates(steps)
    if any(rate for _, rate in rates):
        own = Axis(0.0, max(rate for _, rate in rates), ())
        drawn += _path([step for step, _ in rates], [rate for _, rate in rates], across, own, "rate")
    drawn += _path(at, losses, across, up, "each") + _path(at, smoothed(losses), across, up, "smooth")
    if len(validations) > 1:
        found = [float(each["valid_loss"]) for each in validations]
        drawn += _path([each["step"] for each in validations], found, across, up, "valid")
    return drawn


def _down(up: Axis, loss: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - up.place(loss) / 100)


def _path(steps: Sequence[float], values: Sequence[float], across: Axis, up: Axis, css: str) -> Markup:
    points = " ".join(
        f"{across.place(step)},{100 - up.place(value):.2f}" for step, value in zip(steps, values, strict=True)
    )
    return Markup('<polyline class="{}" points="{}"/>').format(css, points)
