"""Write the page's figures as Markdown for a pull request, where pictures would need a server.

In: the run's material. Out: Markdown that a forge shows in one comment. Every value is escaped for where it stands: in
running text and tables so that nothing becomes a link, a mention or a tag; in code so that nothing ends the fence.
Left out beside the page: all but the leading metric of other pairs, the curve, stages and recipe, code around a line.
"""

from __future__ import annotations

import re
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tuner.comparison import Example
from tuner.report import figures
from tuner.report.forest import LEADING
from tuner.report.material import Material
from tuner.report.page import views
from tuner.visible import visible

MOST_CODE = 160  # characters of a line of code; a comment holds 65,536 in all
_ACTIVE = re.compile(r"([\\`*_{}\[\]<>#|~$!&])")
_TICKS = re.compile(r"`+")


def as_markdown(material: Material) -> str:
    """Write the whole twin."""
    environment = Environment(
        loader=PackageLoader("tuner.report", "."),
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: text(value) if type(value) is str else value,
    )
    environment.globals["figures"] = figures
    environment.filters["code"] = lambda value: Markup(code(value))
    environment.filters["beside"] = lambda example: Markup(block(beside(example)))
    environment.filters["block"] = lambda lines: Markup(block(lines))
    shown: dict[str, Any] = views(material)
    leading = figures.metric_name(LEADING[0])
    return environment.get_template("page.md.j2").render(**shown, chosen=material.examples, leading=leading)


def beside(example: Example) -> list[str]:
    """Write the author's line and both answers below each other, from the same column on."""
    named = {"the author": example.target, example.a: example.answers.get(example.a, "(no answer)")}
    named[example.b] = example.answers.get(example.b, "(no answer)")
    width = max(map(len, named))
    return [f"{name:<{width}}  {answer}" for name, answer in named.items()]


def text(value: str) -> str:
    """Escape a value for running text and table cells: it stays one line and starts nothing."""
    flat = visible(value).replace("\n", " ").replace("\t", " ")
    return _ACTIVE.sub(r"\\\1", flat).replace("@", "&#64;").replace("://", "&#58;//")


def code(value: str) -> str:
    """Write a value as code within a line, also within a table."""
    flat = _cut(visible(value).replace("\n", " ").replace("\t", " ")).replace("|", "\\|")
    ticks = "`" * (1 + max(map(len, _TICKS.findall(flat)), default=0))
    gap = " " if flat.startswith("`") or flat.endswith("`") or not flat.strip() else ""
    return f"{ticks}{gap}{flat or ' '}{gap}{ticks}"


def block(lines: list[str]) -> str:
    """Write lines as a block of code that none of them can end."""
    whole = "\n".join(_cut(visible(each).replace("\n", " ")) for each in lines)
    fence = "`" * max(3, 1 + max(map(len, _TICKS.findall(whole)), default=0))
    return f"{fence}\n{whole}\n{fence}"


def _cut(line: str) -> str:
    return line if len(line) <= MOST_CODE else f"{line[:MOST_CODE]}…"
