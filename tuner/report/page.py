"""Lay out the page: which parts there are, in which order, and what it may load and run, which is nothing but itself.

In: the run's material. Out: the page as text. Every value of a template is escaped and has its hidden characters
written out. The policy in the page names its one style sheet and its one script by their hashes, so that a browser
refuses any other, and any address.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import PurePath
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from tuner.loss_curve import STYLE, curve
from tuner.recipe import Team
from tuner.report import executions, figures
from tuner.report.data_card import data_card
from tuner.report.elsewhere import elsewhere
from tuner.report.examples import examples
from tuner.report.forest import forests
from tuner.report.heat import FEW_ITEMS, KINDS, heat
from tuner.report.material import Material
from tuner.report.precision import precisions
from tuner.report.provenance import provenance
from tuner.report.scatter import scatter
from tuner.report.switching import EVEN, NEVER_EVEN, TAIL, switch
from tuner.report.voids import failures
from tuner.report.whiskers import marker, plots
from tuner.visible import visible

VERDICTS = {"ship": ("✓", "ship"), "no_benefit_shown": ("◇", "no benefit shown"), "harm": ("✗", "harm")}
STRATA = {
    "all": "all items",
    "novel": "novel items",
    "known": "known items",
    "new_names": "with new names",
    "inside": "lines, inside a word",
    "boundary": "lines, at a boundary",
    **{f"kind:{kind}": text for kind, text in KINDS.items()},
}


@dataclass(frozen=True, slots=True)
class Assumption:
    """A field of the form: an assumption of the team, with what may be put in."""

    name: str
    text: str
    value: str
    low: str
    above: str
    high: str
    whole: bool


def as_page(material: Material) -> str:
    """Write the whole page."""
    environment = Environment(
        loader=PackageLoader("tuner.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: visible(value) if type(value) is str else value,
    )
    environment.globals["figures"] = figures
    style, script = f"{_own('page.css')}\n{STYLE}", _own("switching.js")
    return environment.get_template("page.html.j2").render(
        **views(material),
        style=Markup(style),
        script=Markup(script),
        policy=_policy(style, script),
    )


def views(material: Material) -> dict[str, Any]:
    """Prepare everything that the templates show."""
    contest = material.contest
    sign, word = VERDICTS[contest.verdict]
    answer = switch(contest, material.settings.team, material.settings.min_items)
    return {
        "manifest": material.manifest,
        "base_name": base_name(material.manifest["base"]["name"]),
        "min_items": material.settings.min_items,
        "evaluated": max((each.items for each in contest.systems), default=0),
        "tokens": material.dataset.metrics.get("dataset.train_tokens"),
        "assumptions": assumptions(material.settings.team),
        "contest": contest,
        "verdict_sign": sign,
        "verdict_word": word,
        "strata": STRATA,
        "plots": {stratum: plots(contest.systems, stratum, contest.b) for stratum in ("all", "novel")},
        "roles": {each.name: marker(each.name, contest.b)[0] for each in contest.systems},
        "forests": forests(contest),
        "curve": curve(material.losses),
        "scatter": scatter(contest.systems, contest.b, answer.dollars_per_1000),
        "heat": heat(contest),
        "precisions": precisions(contest.systems),
        "few_items": FEW_ITEMS,
        "examples": examples(material.examples, material.nearest),
        "failures": failures(contest.systems),
        "elsewhere": elsewhere(material.probes),
        "executions": executions.lines(material.executions),
        "card": data_card(material.mined, material.dataset, material.adapter),
        "provenance": provenance(material.manifest, material.folder, contest, material.adapter, material.bundle),
        "switch": answer,
        "words": {"tail": TAIL, "even": EVEN, "never_even": NEVER_EVEN},
    }


def base_name(name: str) -> str:
    """Shorten the path of a base that is a folder or file of this machine; a hub's id stays whole."""
    return PurePath(name).name if name.startswith(("/", ".", "~")) else name


def assumptions(team: Team) -> list[Assumption]:
    """List the team's figures with their limits, as the recipe states both."""
    found = []
    for name, info in type(team).model_fields.items():
        limits = {key: getattr(each, key) for each in info.metadata for key in ("ge", "gt", "le") if hasattr(each, key)}
        low, above, high = (str(limits[key]) if key in limits else "" for key in ("ge", "gt", "le"))
        value = figures.typed(getattr(team, name))
        found.append(Assumption(name, str(info.description), value, low, above, high, info.annotation is int))
    return found


def _own(name: str) -> str:
    return files("tuner.report").joinpath(name).read_text(encoding="utf-8").strip()


def _policy(style: str, script: str) -> str:
    hashes = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (style, script)]
    return (
        f"default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'"
    )
