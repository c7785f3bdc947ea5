"""Draw shares, histograms and timelines as inline SVG, without any text inside but titles.

In: numbers and the names for their tooltips. Out: markup that is safe to put into a page: every name is escaped, every
number formatted here. Axes are labelled by the page in HTML, so that they keep their size on a phone. Colours are CSS
classes (`learned`, `masked`, `items`, `axis`), so that the page chooses them for light, dark and print.
"""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup, escape

WIDTH, HEIGHT = 600.0, 120.0
GAP = 0.15  # of a bar's place, between two bars


def histogram(values: Sequence[int], names: Sequence[str], label: str, css: str = "learned") -> Markup:
    """Draw one upright bar a value; the highest fills the picture."""
    return _figure(_bars(values, names, css, HEIGHT, 0.0), label)


def timeline(tokens: Sequence[int], items: Sequence[int], names: Sequence[str], cut: int, label: str) -> Markup:
    """Draw training tokens and items by period, each to its own scale, and a dashed line behind period `cut`."""
    half = HEIGHT / 2 - 4
    upper = _bars(tokens, [f"{name}: tokens" for name in names], "learned", half, 0.0)
    lower = _bars(items, [f"{name}: items" for name in names], "items", half, half + 8)
    place = _number(WIDTH * (cut + 1) / max(1, len(names)))
    line = Markup('<line class="axis" x1="{0}" x2="{0}" y1="0" y2="{1}" stroke-dasharray="5 4"/>').format(
        place, _number(HEIGHT)
    )
    return _figure(upper + lower + line, label)


def stacked(parts: Sequence[tuple[str, float, str]], label: str) -> Markup:
    """Draw parts of a whole beside each other: name, share from 0 to 1, CSS class."""
    drawn, left = Markup(), 0.0
    for name, share, css in parts:
        drawn += _bar(left * WIDTH, 0.0, share * WIDTH, 20.0, css, f"{name}: {share:.1%}")
        left += share
    return _figure(drawn, label, height=20.0)


def pair_of_bars(first: float, second: float, most: float) -> Markup:
    """Draw two shares below each other, to the scale of `most`; the table around it says the numbers."""
    scale = WIDTH / max(most, 1e-9)
    drawn = _bar(0.0, 0.0, first * scale, 16.0, "learned", f"training {first:.1%}")
    drawn += _bar(0.0, 20.0, second * scale, 16.0, "items", f"items {second:.1%}")
    return _figure(drawn, "", height=36.0)


def _bars(values: Sequence[int], names: Sequence[str], css: str, height: float, top: float) -> Markup:
    place, most = WIDTH / max(1, len(values)), max([*values, 1])
    drawn = Markup()
    for number, (value, name) in enumerate(zip(values, names, strict=True)):
        tall = max(1.5, height * value / most) if value else 0.0  # a single row among thousands is still seen
        left = place * (number + GAP / 2)
        drawn += _bar(left, top + height - tall, place * (1 - GAP), tall, css, f"{name}: {value:,}")
    return drawn


def _bar(left: float, top: float, width: float, height: float, css: str, title: str) -> Markup:
    if width <= 0 or height <= 0:
        return Markup()
    return Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>').format(
        css, *map(_number, (left, top, width, height)), title
    )


def _figure(drawn: Markup, label: str, height: float = HEIGHT) -> Markup:
    """Wrap a drawing; one without a label is decoration beside a table that says the same."""
    seen = Markup('role="img" aria-label="{}"').format(label) if label else Markup('aria-hidden="true"')
    return Markup('<svg viewBox="0 0 {} {}" preserveAspectRatio="none" {}>{}</svg>').format(
        _number(WIDTH), _number(height), seen, drawn
    )


def _number(value: float) -> str:
    return str(escape(f"{value:.1f}".removesuffix(".0")))
