"""The Markdown twin says the same, in a comment's length, and nothing in it is a link, a mention or a tag of others."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report import contests
from tests.report.contests import Finished
from tuner.report import figures
from tuner.report.twin import MOST_CODE, block, code, text

COMMENT = 65_536  # characters that a forge takes


@pytest.fixture(scope="module")
def lively(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return contests.lively(tmp_path_factory.mktemp("lively"))


def cells(line: str) -> list[str]:
    return [each.strip().replace("\\", "") for each in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_it_fits_into_a_comment(lively: Finished) -> None:
    assert len(lively.markdown) < COMMENT / 2


def test_every_difference_of_the_adapter_stands_there(lively: Finished) -> None:
    rows = [cells(line) for line in lively.markdown.splitlines() if line.startswith("| ")]
    for each in lively.contest.differences:
        if each.stratum in ("all", "novel"):
            assert [
                figures.metric_name(each.metric),
                each.stratum,
                figures.value(each.metric, each.a),
                figures.value(each.metric, each.b),
                figures.change(each.metric, each.delta),
                figures.change_ends(each),
                f"{each.items} items, {each.commits} commits",
                " ".join(figures.FINDINGS[each.finding]),
            ] in rows


def test_tables_have_as_many_cells_in_every_row(lively: Finished) -> None:
    for table in re.findall(r"(?:^\|.*\n)+", lively.markdown, re.MULTILINE):
        assert len({len(cells(line)) for line in table.strip().split("\n")}) == 1


def test_it_has_the_line_the_sentence_and_the_examples(lively: Finished) -> None:
    assert "**✓ ship**: tuned is better than base" in lively.markdown
    assert "> On 250 lines from 132 later commits of click" in lively.markdown
    assert "**Should we switch?** No, on these items" in lively.markdown
    assert lively.markdown.count("the author ") == 40
    assert (
        "tuned+bm25  handle_parse_result(ctx, opts, args)\ncopilot     handle_parse_result(ctx, args)"
        in lively.markdown
    )


def test_a_hostile_repository_stays_text(tmp_path: Path) -> None:
    found = contests.hostile(tmp_path).markdown
    outside = re.sub(r"(?<![\\`])(`+)(?!`).*?(?<!`)\1(?!`)", "", found, flags=re.DOTALL)
    assert not re.search(r"(?<!\\)<(?!/?(details|summary)>)", outside)
    assert "\u202e" not in found and "\x1b" not in found


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_text_is_one_line_that_starts_nothing(value: str) -> None:
    found = text(value)
    assert "\n" not in found and "@" not in found
    assert not re.search(r"(?<!\\)(\\\\)*[`*_\[\]<>|~$]", found)


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_no_code_ends_its_own_fence(value: str) -> None:
    fence, *lines, end = block([value, "x"]).split("\n")
    assert fence == end and not any(fence in line for line in lines)
    ticks = re.match("`+", code(value))
    assert ticks is not None and code(value).count(ticks.group()) == 2
    assert not re.search(r"(?<!\\)\|", code(value))


def test_a_long_line_is_cut() -> None:
    assert block(["x" * 500]) == f"```\n{'x' * MOST_CODE}…\n```"
