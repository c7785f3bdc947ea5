"""Whiskers stand on the side that the finding says, for metrics that are better high and for those better low."""

from __future__ import annotations

import re

import pytest

from tests.report import contests
from tuner.comparison import Difference
from tuner.report.forest import forests


def whisker(drawn: str) -> tuple[float, float]:
    """Give the ends of the whisker of a row, in per cent."""
    (found,) = re.findall(r'<line class="whisker \w+" x1="([\d.]+)%" y1="11" x2="([\d.]+)%" y2="11"/>', drawn)
    return float(found[0]), float(found[1])


@pytest.mark.parametrize(
    ("better", "low", "high", "finding", "right"),
    [
        ("higher", 0.01, 0.05, "gain", True),
        ("higher", -0.05, -0.01, "loss", False),
        ("lower", -0.05, -0.01, "gain", True),
        ("lower", 0.01, 0.05, "loss", False),
    ],
)
def test_right_of_the_middle_is_better(better: str, low: float, high: float, finding: str, right: bool) -> None:
    each = Difference("exact_match", "all", 0.3, 0.2, (low + high) / 2, low, high, 120, 20, better)  # type: ignore[arg-type]
    (forest,) = forests(contests.contest(("base", "tuned"), differences=[each]))
    (row,) = forest.groups[0].rows
    ends = whisker(row.drawn)
    assert row.finding == finding
    assert (min(ends) > 50) == right and (max(ends) < 50) == (not right)


def test_an_interval_around_zero_is_inconclusive_and_spans_the_middle() -> None:
    each = Difference("exact_match", "all", 0.3, 0.2, 0.01, -0.02, 0.04, 120, 20, "higher")
    (forest,) = forests(contests.contest(("base", "tuned"), differences=[each]))
    (row,) = forest.groups[0].rows
    assert (row.sign, row.finding, row.change, row.ends) == ("◇", "inconclusive", "+1.0 pp", "[-2.0, +4.0]")
    left, right = whisker(row.drawn)
    assert left < 50 < right


def test_the_adapter_against_its_base_comes_first_and_then_all_that_is_ours() -> None:
    found = forests(contests.contest())
    assert (found[0].a, found[0].b) == ("tuned", "base")
    ours = [each.of_ours for each in found]
    assert ours == sorted(ours, reverse=True) and not all(ours)
    assert len({(each.a, each.b) for each in found}) == len(found) == 28


def test_bits_have_an_axis_of_their_own() -> None:
    groups = forests(contests.contest(("base", "tuned")))[0].groups
    assert [(group.unit, len(group.rows)) for group in groups] == [("points", 10), ("bits per byte", 2)]


def test_the_table_has_every_stratum_and_the_plot_two() -> None:
    (forest,) = forests(contests.contest(("base", "tuned")))
    assert {line.stratum for line in forest.lines} == {"all", "novel", "inside", "boundary"}
    assert {row.stratum for group in forest.groups for row in group.rows} == {"all", "novel"}
    assert forest.leading is not None and forest.leading.metric == "exact match"
    assert ("exact match", "4.9 pp") in forest.detectable


def test_where_no_item_told_two_systems_apart_nothing_is_said_to_be_detectable() -> None:
    found = contests.contest(("base", "tuned"), smallest_detectable={"exact_match": 0.0, "edit_similarity": 0.034})
    (forest,) = forests(found)
    assert (forest.detectable, forest.undetectable) == ([("edit similarity", "3.4 pp")], ["exact match"])


def test_relative_bits_stand_in_the_table_in_per_cent() -> None:
    each = Difference("bits_per_byte_relative", "all", 0.95, 1.086, -0.125, -0.15, -0.1, 120, 20, "lower")
    (forest,) = forests(contests.contest(("base", "tuned"), differences=[each]))
    assert forest.groups == [] and forest.leading is None
    (found,) = forest.lines
    assert (found.a, found.b, found.change, found.ends) == ("0.950", "1.086", "-12.5 %", "[-15.0, -10.0]")
