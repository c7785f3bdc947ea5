"""Draw the gain by the minute: bits per byte on validation rows against minutes of training, a line a contestant.

In: for each contestant its points. Out: an SVG file of its own, with colours for light and dark, a legend, and title
and description for who cannot see it. Each line has a marker of its own shape, so that colour is never all that tells
two apart. The dashed line is the level that the table's minutes are counted to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from markupsafe import Markup

from tuner.axes import Axis, linear
from tuner.drawing import dot, label, line
from tuner.loss_curve import BOTTOM, TOP
from tuner.picture_file import LETTER, picture_file

HEIGHT = 280
TITLE = "Bits per byte on validation rows, by minutes of training"
LOOKS = {"ours": "round", "best": "square", "stock": "diamond"}
STYLE = """
.gain .ours { fill: var(--ours); stroke: var(--ours) } .gain .best { fill: var(--other); stroke: var(--other) }
.gain .stock { fill: var(--faint); stroke: var(--faint) } .gain .level { stroke: var(--ink); stroke-dasharray: 4 4 }
.gain polyline { stroke-width: 2; vector-effect: non-scaling-stroke } .gain polyline[class] { fill: none }
""".strip()

Points = Sequence[tuple[float, float]]


def draw(lines: Mapping[str, Points], names: Mapping[str, str], level: float) -> str:
    """Draw the lines, each of pairs of minutes and bits per byte, under the names that the legend gives them."""
    across = linear([minutes for points in lines.values() for minutes, _ in points], floor=0.0)
    up = linear([level, *(bits for points in lines.values() for _, bits in points)])
    drawn, paths = Markup(), Markup()
    for at in up.marks:
        drawn += line(0, _down(up, at), 100, _down(up, at), "grid") + label(0, _down(up, at) - 3, f"{at:g}")
    for at in across.marks:
        drawn += label(across.place(at), HEIGHT - 8, f"{at:g}")
    drawn += line(0, _down(up, level), 100, _down(up, level), "level")
    for who, points in lines.items():
        places = " ".join(f"{across.place(minutes)},{100 - up.place(bits):.2f}" for minutes, bits in points)
        paths += Markup('<polyline class="{}" points="{}"/>').format(who, places)
    # stretched to the picture's size, in per cent of it; the strokes are not
    drawn += Markup('<svg x="0" y="{}" width="100%" height="{}" viewBox="0 0 100 100" {}>{}</svg>').format(
        TOP, HEIGHT - TOP - BOTTOM, Markup('preserveAspectRatio="none"'), paths
    )
    for who, points in lines.items():
        for minutes, bits in points:
            drawn += dot(across.place(minutes), _down(up, bits), who, LOOKS[who])
    return picture_file("gain", TITLE, _text(lines, names), STYLE, _legend(list(lines), names), drawn, HEIGHT)


def _legend(drawn_ones: Sequence[str], names: Mapping[str, str]) -> Markup:
    drawn, x = Markup(), 0
    for who in drawn_ones:
        name = names[who]
        drawn += Markup('<polyline class="{}" points="{},48 {},48"/>').format(who, x, x + 22)
        drawn += Markup('<svg x="{}" width="22">{}</svg>').format(x, dot(50, 48, who, LOOKS[who]))
        drawn += Markup('<text x="{}" y="52">{}</text>').format(x + 28, name)
        x += 48 + LETTER * len(name)
    drawn += Markup('<path class="level" d="M{} 48h22"/>').format(x)
    return drawn + Markup('<text x="{}" y="52">{}</text>').format(x + 28, f"what {names['best']} ends with")


def _text(lines: Mapping[str, Points], names: Mapping[str, str]) -> str:
    return "; ".join(
        f"{names[who]}: from {points[0][1]:.3f} to {points[-1][1]:.3f} in {points[-1][0]:.1f} minutes"
        for who, points in lines.items()
    )


def _down(up: Axis, bits: float) -> float:
    return TOP + (HEIGHT - TOP - BOTTOM) * (1 - up.place(bits) / 100)
