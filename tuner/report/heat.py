"""Lay out who is how good where: strata, languages and folders as rows, systems as columns.

In: the contest. Out: groups of rows; a cell has the share of exact matches as text, the number of items behind it, and
a shade from 0 to 9 for the eye. Shades start at 0 and end at the table's highest share, so that one can compare rows as
well as columns. Cells have no interval: those of few items are marked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tuner.comparison import Cell, Contest, SystemResult
from tuner.records import Interval
from tuner.report import figures

METRIC = "exact_match"
SHADES = 9
FEW_ITEMS = 20  # below it a single item moves a share by more than five points
GROUPS = (("language", "languages"), ("folder", "folders"))
KINDS = {"line": "ends of lines", "call": "calls", "block": "blocks", "body": "function bodies"}


@dataclass(frozen=True, slots=True)
class Shade:
    """One cell: its share, the characters saved beside it, the items, how dark, and whether these are few."""

    text: str
    saved: str
    items: int
    level: int
    few: bool


@dataclass(frozen=True, slots=True)
class HeatGroup:
    """Rows of one kind; a cell is None where the system has too few answers there."""

    title: str
    rows: list[tuple[str, list[Shade | None]]]


def heat(contest: Contest) -> list[HeatGroup]:
    """Lay out strata, then languages, then folders; a kind without any cell is left out."""
    names = [each.name for each in contest.systems]
    shares = [each.exact_match for each in contest.cells]
    shares += [found.value for each in contest.systems for found in _strata(each).values()]
    most = max(shares, default=0.0) or 1.0
    groups = [HeatGroup("items", _stratum_rows(contest.systems, most))]
    for by, title in GROUPS:
        cells = {(each.name, each.system): each for each in contest.cells if each.by == by}
        rows = []
        for name in dict.fromkeys(name for name, _ in cells):
            found = [cells.get((name, system)) for system in names]
            rows.append((name, [None if each is None else _of_cell(each, most) for each in found]))
        groups.append(HeatGroup(title, rows))
    return [group for group in groups if group.rows]


def _stratum_rows(systems: Sequence[SystemResult], most: float) -> list[tuple[str, list[Shade | None]]]:
    rows = []
    for stratum in dict.fromkeys(name for each in systems for name in _strata(each)):
        shades: list[Shade | None] = []
        for each in systems:
            found = _strata(each).get(stratum)
            saved = each.scores.get(stratum, {}).get("chars_saved_ratio")
            spared = None if saved is None else saved.value
            shades.append(None if found is None else _shade(found.value, spared, found.n, most))
        kind = stratum.removeprefix("kind:")
        rows.append((KINDS.get(kind, kind), shades))
    return rows


def _of_cell(cell: Cell, most: float) -> Shade:
    return _shade(cell.exact_match, cell.chars_saved_ratio, cell.items, most)


def _strata(system: SystemResult) -> dict[str, Interval]:
    return {stratum: scores[METRIC] for stratum, scores in system.scores.items() if METRIC in scores}


def _shade(share: float, saved: float | None, items: int, most: float) -> Shade:
    level = min(SHADES, round(SHADES * share / most))
    text = figures.NONE if saved is None else figures.value("chars_saved_ratio", saved)
    return Shade(figures.value(METRIC, share), text, items, level, items < FEW_ITEMS)
