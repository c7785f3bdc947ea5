"""The few SVG shapes that the pictures are made of, safe to put into a page.

In: places in per cent and CSS classes. Out: markup in which every text is escaped. Colours are classes, so that the
page chooses them for light, dark and paper. Widths are per cent and heights are pixels: nothing is ever squeezed.
"""

from __future__ import annotations

from markupsafe import Markup

from tuner.visible import visible


def picture(shapes: Markup, height: int, label: str = "", css: str = "") -> Markup:
    """Wrap shapes into a picture; one without a label is decoration beside text that says the same."""
    seen = Markup('role="img" aria-label="{}"').format(visible(label)) if label else Markup('aria-hidden="true"')
    return Markup('<svg class="{}" width="100%" height="{}" {}>{}</svg>').format(css, height, seen, shapes)


def line(x1: float, y1: float, x2: float, y2: float, css: str) -> Markup:
    """Draw a line from one place to another: across in per cent, down in pixels."""
    return Markup('<line class="{}" x1="{}%" y1="{}" x2="{}%" y2="{}"/>').format(css, *map(_short, (x1, y1, x2, y2)))


def dot(x: float, y: float, css: str, shape: str = "round") -> Markup:
    """Draw a marker: `round`, `square` or `diamond`, so that colour is never all that tells two apart."""
    if shape == "round":
        return Markup('<circle class="{}" cx="{}%" cy="{}" r="5"/>').format(css, _short(x), _short(y))
    # a nested picture can be placed in per cent, and inside it a path in pixels
    path = "M-5-5H5V5H-5Z" if shape == "square" else "M0-6.5L6.5 0L0 6.5L-6.5 0Z"
    return Markup('<svg class="mark" x="{}%" y="{}"><path class="{}" d="{}"/></svg>').format(
        _short(x), _short(y), css, path
    )


def label(x: float, y: float, text: str, css: str = "") -> Markup:
    """Write text; near an edge it is anchored so that it stays inside."""
    anchor = "start" if x < 4 else "end" if x > 96 else "middle"
    return Markup('<text class="{}" x="{}%" y="{}" text-anchor="{}">{}</text>').format(
        css, _short(x), _short(y), anchor, visible(text)
    )


def _short(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")
