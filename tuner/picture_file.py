"""Make a picture an SVG file of its own, for whoever opens it without a page around it.

In: a legend and a drawn picture, with what they show in words and the styles of their classes. Out: the text of a file
with a title, and colours for light and dark. Text that comes in is escaped; a style is taken as it is.
"""

from __future__ import annotations

from markupsafe import Markup

WIDTH, MARGIN, HEAD = 720, 16, 58  # pixels of the file: its width, what is free around the picture, title and legend
LETTER = 7  # pixels that a letter of the legend takes at most
COLOURS = """
:root { --ink: #1c2128; --paper: #fff; --faint: #59636e; --line: #d5dae1; --ours: #0a58a8; --other: #6e4a00 }
@media (prefers-color-scheme: dark) {
:root { --ink: #e6e9ee; --paper: #12161b; --faint: #9ba6b3; --line: #333b45; --ours: #7db8ff; --other: #e3b45f } }
text { font: 12px system-ui, sans-serif; fill: var(--faint) } .title { font-size: 15px; fill: var(--ink) }
.paper { fill: var(--paper) } .grid { stroke: var(--line) } svg { overflow: visible }
""".strip()


def picture_file(css: str, title: str, text: str, style: str, legend: Markup, drawn: Markup, height: int) -> str:
    """Write the file around a picture of so many pixels' height; the legend's lines stand at 48 pixels from the top."""
    whole = Markup(
        '<svg xmlns="http://www.w3.org/2000/svg" class="{css}" width="{width}" height="{tall}" '
        'viewBox="0 0 {width} {tall}" role="img" aria-labelledby="title desc">\n'
        '<title id="title">{title}</title>\n<desc id="desc">{text}</desc>\n<style>\n{style}\n</style>\n'
        '<rect class="paper" width="100%" height="100%"/>\n'
        '<svg x="{margin}"><text class="title" x="0" y="26">{title}</text>{legend}</svg>\n'
        '<svg x="{margin}" y="{head}" width="{inner}" height="{height}">{drawn}</svg>\n</svg>\n'
    )
    return str(
        whole.format(
            css=css, width=WIDTH, tall=HEAD + height + MARGIN, margin=MARGIN, head=HEAD, inner=WIDTH - 2 * MARGIN,
            height=height, title=title, text=text, style=Markup(f"{COLOURS}\n{style}"), legend=legend, drawn=drawn,
        )
    )  # fmt: skip
