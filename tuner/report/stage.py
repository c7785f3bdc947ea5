"""Show a run's contest as one offline page, and the same figures as Markdown for a pull request.

In: the run's manifest, the recipe's `compare` section (the team behind `should we switch?`) and the files that
`material` lists. Out: `report/index.html`, which loads nothing from anywhere, and `report/report.md`. Nothing is
computed here that is not a matter of drawing, but for the costs of switching.

    make report REPO=../your-repo
"""

from __future__ import annotations

from typing import Any

from tuner.recipe import CompareSettings
from tuner.records import Page
from tuner.report.material import read_material
from tuner.report.page import as_page
from tuner.report.twin import as_markdown
from tuner.rundir import Workspace


def run(manifest: dict[str, Any], settings: CompareSettings, work: Workspace) -> Page:
    """Write the page and its Markdown twin."""
    material = read_material(manifest, settings, work.run)
    folder = work.out / "report"
    folder.mkdir()
    (folder / "index.html").write_text(as_page(material), encoding="utf-8")
    (folder / "report.md").write_text(as_markdown(material), encoding="utf-8")
    return Page("report/index.html", "report/report.md", {})
