"""What probes found stands on the page and in its twin; what was not run is not shown."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from tests.report import contests
from tests.report.contests import HOSTILE
from tests.report.reading import Reader, loads
from tuner.forgetting import forgetting_gate
from tuner.probing import (
    Canaries,
    Canary,
    Exposed,
    Filters,
    Forgetting,
    Piece,
    Point,
    Recall,
    Recited,
    SideEffect,
    Trade,
)
from tuner.records import Interval
from tuner.report.elsewhere import Probes, elsewhere
from tuner.report.material import Material, read_material
from tuner.report.page import as_page
from tuner.report.twin import as_markdown

INCREASE, SMALLER = Interval(0.03, 0.015, 0.045, 32), Interval(0.004, -0.001, 0.009, 32)
PIECES = [Piece("argparse.py", 12, 460, 400.0), Piece("ast.py", 9, 470, 380.0)]
FORGETTING = [
    Forgetting("base", "3.11.7", "5a" * 32, PIECES, Interval(0.82, 0.7, 0.94, 2), None),
    Forgetting("tuned", "3.11.7", "5a" * 32, PIECES, Interval(0.845, 0.72, 0.97, 2), INCREASE),
]
POINTS = [
    Point(None, 1.0, INCREASE, 1.7, Interval(-0.12, -0.15, -0.09, 20)),
    Point(None, 0.5, SMALLER, 1.8, Interval(-0.08, -0.1, -0.06, 20)),
    Point(20, 1.0, SMALLER, 1.85, Interval(-0.06, -0.08, -0.04, 20)),
]
TRADE = Trade(0.01, "6b" * 32, 20, 1.95, POINTS, 1, True, "scale 0.5 in place of the adapter as trained")
RECALL = Recall(
    64,
    32,
    50,
    [
        Recited("base", 16, 0, Interval(0.0, 0.0, 0.206, 16), 1.5, 250, 3, 0, 4, {}),
        Recited("tuned", 16, 2, Interval(0.125, 0.016, 0.383, 16), 6.25, 250, 3, 1, 4, {"aws_key": 1}),
    ],
)
CANARIES = Canaries(
    [Exposed(Canary("# the lamp", " a-b", n), n, 127, 1.0, 1.0 + n / 4, False, n == 16) for n in (1, 16)]
)
FILTERS = Filters(
    "tiny",
    "r",
    [SideEffect(0, "string", "china", "Norway", "Taiwan", 90, 40.0, 44.0, None, "refusal")],
    Interval(0.1, 0.02, 0.18, 48),
    {"near_east": Interval(0.0, -0.01, 0.01, 9)},
)
PROBES = Probes(forgetting_gate(INCREASE, 0.01, "go"), FORGETTING, TRADE, RECALL, CANARIES, FILTERS)


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Material:
    folder: Path = tmp_path_factory.mktemp("elsewhere")
    run = contests.Finished(folder)
    found = read_material(contests.manifest(), run.settings, folder)
    return dataclasses.replace(found, probes=PROBES)


def test_every_probe_has_its_figures_on_the_page(material: Material) -> None:
    page = as_page(material)
    read, text = Reader(page), " ".join(Reader(page).text.split())
    rows = [[" ".join(cell.split()) for cell in row] for row in read.rows]
    for wanted in (
        ["tuned", "0.845 [0.720, 0.970]", "+3.0 % [+1.5, +4.5]"],
        ["scale 0.5", "+0.4 % [-0.1, +0.9]", "-8.0 % [-10.0, -6.0]"],
        ["step 20", "+0.4 % [-0.1, +0.9]", "-6.0 % [-8.0, -4.0]"],
        ["tuned", "2 of 16 [2, 38] %", "6.2", "1 of 250, 3 long enough", "1 aws_key (4 tried)"],
        ["16 times", "1", "1.0", "5.0", "1 of 1"],
        ["near east", "+0.0 % [-1.0, +1.0]", "9"],
    ):
        assert wanted in rows
    assert "The gate is missed: bits per byte on Python's standard library" in text
    assert "forgetting of another language" in text
    assert "Chosen and put into the adapter: scale 0.5" in text
    assert "behind sensitive names 1 of 1 continuations are no code, 1 refusal" in text
    assert 'href="#elsewhere"' in page
    assert loads(page) == []


def test_the_twin_says_the_same(material: Material) -> None:
    twin = as_markdown(material)
    assert "| tuned | 0.845 \\[0.720, 0.970\\] | +3.0 % \\[+1.5, +4.5\\] | " in twin
    for title in ("Forgetting", "A weaker adapter", "Memorisation", "Canaries", "Names that filters may know"):
        assert f"## {title}\n" in twin


def test_what_was_not_run_is_not_shown(material: Material) -> None:
    assert elsewhere(Probes()) == []
    page = as_page(dataclasses.replace(material, probes=Probes()))
    assert 'id="elsewhere"' not in page and "#elsewhere" not in page


def test_without_validation_rows_there_is_no_picture() -> None:
    bare = [dataclasses.replace(each, gain=None) for each in POINTS]
    (table,) = elsewhere(Probes(trade=dataclasses.replace(TRADE, points=bare)))
    assert table.drawn is None and table.rows[0] == ["scale 1", "+3.0 % [+1.5, +4.5]", "–"]


def test_a_hostile_base_is_only_text(material: Material) -> None:
    probes = dataclasses.replace(PROBES, filters=dataclasses.replace(FILTERS, base=HOSTILE))
    page = as_page(dataclasses.replace(material, probes=probes))
    assert loads(page) == [] and "\u202e" not in page
