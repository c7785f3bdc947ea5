"""Show a finished run as one offline page, and the same figures as Markdown.

In: the run's manifest, `eval/comparison.json`, `eval/examples.json` and `metrics.jsonl`. Out: `report/index.html`,
which loads nothing from anywhere, and `report/report.md`. Nothing is computed here that is not a matter of drawing.

    make report REPO=../your-repo
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from tuner.records import Page
from tuner.rundir import Workspace

WIDTH, HEIGHT = 640, 160  # of the loss curve, in its own units


def run(manifest: dict[str, Any], work: Workspace) -> Page:
    """Write the page and its Markdown twin."""
    records = {entry["name"]: entry["record"] for entry in manifest["stages"]}
    comparison = json.loads((work.run / "eval" / "comparison.json").read_text(encoding="utf-8"))
    examples = json.loads((work.run / "eval" / "examples.json").read_text(encoding="utf-8"))
    values = {
        "manifest": manifest,
        "records": records,
        "verdict": comparison["verdict"],
        "reason": comparison["reason"],
        "strata": _by_stratum(comparison["differences"]),
        "examples": examples,
        "curve": _curve(work.run / "metrics.jsonl"),
        "size": (WIDTH, HEIGHT),
    }
    environment = Environment(
        loader=PackageLoader("tuner.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    folder = work.out / "report"
    folder.mkdir()
    (folder / "index.html").write_text(environment.get_template("page.html.j2").render(values), encoding="utf-8")
    environment.autoescape = False
    (folder / "report.md").write_text(environment.get_template("page.md.j2").render(values), encoding="utf-8")
    return Page("report/index.html", "report/report.md", {})


def _by_stratum(differences: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    strata: dict[str, list[dict[str, Any]]] = {}
    for each in differences:
        strata.setdefault(each["stratum"], []).append({**each, "plot": _plot(each)})
    return strata


def _plot(each: dict[str, Any]) -> dict[str, float]:
    """Place the interval on a line of 200 units with 0 in the middle, at a scale that ends at its own extent."""
    extent = max(abs(each["low"]), abs(each["high"]), 1e-12)
    return {name: round(100 + 95 * each[name] / extent, 1) for name in ("low", "delta", "high")}


def _curve(path: Path) -> dict[str, Any]:
    """Draw the training loss as an SVG polyline, with its smallest and largest value."""
    lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    losses = [line["loss"] for line in lines]
    low, high = min(losses), max(losses)
    span, last = (high - low) or 1.0, max(1, len(losses) - 1)
    points = " ".join(
        f"{WIDTH * index / last:.1f},{HEIGHT - HEIGHT * (loss - low) / span:.1f}" for index, loss in enumerate(losses)
    )
    return {"points": points, "low": low, "high": high, "steps": len(losses)}
