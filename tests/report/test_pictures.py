"""Dots, points and shades are where the figures say, and what has no figure says so."""

from __future__ import annotations

import dataclasses
import re

from markupsafe import Markup

from tests.report import contests
from tuner.drawing import dot, label, picture
from tuner.report.heat import SHADES, heat
from tuner.report.scatter import scatter
from tuner.report.whiskers import plots


def places(drawn: str) -> list[float]:
    return [float(each) for each in re.findall(r'c?x="([\d.]+)%" c?y="11"', drawn)]


def test_better_systems_stand_further_right_and_the_base_is_the_line_to_look_at() -> None:
    found = contests.contest()
    (exact,) = (plot for plot in plots(found.systems, "all", "base") if plot.metric == "exact_match")
    dots = {strip.system: places(strip.drawn)[0] for strip in exact.strips}
    assert dots["base"] < dots["tuned"] < dots["tuned+bm25"] < dots["copilot"] < dots["gpt-5.5"]
    guides = {x for strip in exact.strips for x in re.findall(r'"guide" x1="([\d.]+)%"', strip.drawn)}
    assert guides == {f"{dots['base']:.2f}".rstrip("0").rstrip(".")}


def test_a_system_without_a_figure_keeps_its_strip() -> None:
    systems = [contests.system("base"), contests.system("copilot", answered=0, scores={})]
    systems.append(contests.system("codestral"))
    bits = plots(systems, "all", "base")[0]
    assert [strip.text for strip in bits.strips] == ["1.086 [0.996, 1.176]", "no answer", "no figure"]
    assert [strip.n for strip in bits.strips] == [250, None, None]


def test_without_any_figure_there_is_no_plot() -> None:
    assert plots([contests.system("base", scores={})], "all", "base") == []


def test_a_price_ten_times_as_high_is_the_same_step_to_the_right() -> None:
    names = ("codestral", "copilot", "gpt-5.5")
    systems = [contests.system(name, dollars_per_1000=10.0**at) for at, name in enumerate(names, -1)]
    found = scatter(systems, "base", {})
    first, second, third = (float(x) for x in re.findall(r'class="badge \w+" cx="([\d.]+)%"', str(found.drawn)))
    assert second - first == third - second == 50.0
    assert [(each.letter, each.system, each.price) for each in found.points] == [
        ("A", "codestral", "$0.10"),
        ("B", "copilot", "$1.00"),
        ("C", "gpt-5.5", "$10.00"),
    ]


def test_who_has_no_price_or_no_score_stands_apart_with_the_reason() -> None:
    silent = contests.system("copilot", answered=0, scores={})
    systems = [contests.system("base"), contests.system("local-coder"), silent, contests.system("tuned")]
    found = scatter(systems, "base", {"tuned": (1.5, "assumed")})
    assert [(each.system, each.price, each.note) for each in found.points] == [("tuned", "$1.50", "assumed")]
    assert [(name, why) for name, _, why in found.apart] == [
        ("base", "runs on your own machine: see what switching would cost"),
        ("local-coder", "no price of local-coder is known (compare.prices)"),
        ("copilot", "no score: no answers, or only those to items of one commit"),
    ]
    assert scatter(systems[:1], "base", {}).drawn is None


def test_shades_follow_the_shares_and_few_items_are_marked() -> None:
    groups = heat(contests.contest(("base", "copilot")))
    assert [group.title for group in groups] == ["items", "languages", "folders"]
    cells = [cell for group in groups for _, row in group.rows for cell in row if cell]
    assert max(cell.level for cell in cells) == SHADES
    by_share = sorted(cells, key=lambda cell: float(cell.text.split()[0]))
    assert [cell.level for cell in by_share] == sorted(cell.level for cell in cells)
    assert {cell.items for cell in cells if cell.few} == {14}


def test_a_place_that_a_system_did_not_answer_is_left_empty() -> None:
    found = contests.contest(("base", "copilot"))
    cells = [each for each in found.cells if (each.system, each.name) != ("copilot", "docs")]
    folders = heat(dataclasses.replace(found, cells=cells))[-1]
    assert dict(folders.rows)["docs"][1] is None


def test_nothing_in_a_picture_is_markup_of_others() -> None:
    bad = '"/><script>x</script>\u202e'
    drawn = picture(label(50, 10, bad) + dot(3, 4, "ours", "diamond"), 20, bad)
    assert "<script" not in drawn and "\u202e" not in drawn
    assert isinstance(drawn, Markup)
