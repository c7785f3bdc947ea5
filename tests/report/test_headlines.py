"""The page and its twin show the corrected tests, the gates, the control, and where systems are sure."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.report import contests
from tests.report.contests import Finished


@pytest.fixture(scope="module")
def lively(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return contests.lively(tmp_path_factory.mktemp("headlines"))


def flat(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def test_each_headline_stands_with_its_tests_the_smallest_that_could_be_seen_and_the_word(lively: Finished) -> None:
    shown = flat(lively.html)
    row = r"tuned − base exact match [+-]\S+ pp \[\S+ \S+\] 0\.310 0\.620 17 / 12 4\.9 pp ◇ inconclusive"
    assert re.search(row, shown)
    assert len(re.findall(r"0\.310 0\.620", shown)) == 6
    assert (
        "| tuned − base | exact match | " in lively.markdown
        and "| 0.620 | 17 / 12 | 4.9 pp | ◇ inconclusive |" in lively.markdown
    )


def test_gates_and_control_stand_with_the_verdict(lively: Finished) -> None:
    for text in (flat(lively.html), lively.markdown):
        assert "wrong" in text and "tuned against an adapter of zoo: bits" in text
        assert "Against an adapter of zoo, tuned has bits" in text


def test_a_system_that_says_how_sure_it_is_has_a_picture_and_others_have_none(lively: Finished) -> None:
    assert re.findall(r'aria-label="(\S+): exact matches by share', lively.html) == [
        "base",
        "tuned",
        "tuned+bm25",
    ]
    assert "30 % of what is shown is exact up to 62 % of the answers" in flat(lively.html)


def test_without_headlines_gates_or_control_nothing_is_said_of_them(tmp_path: Path) -> None:
    bare = contests.contest(("base", "tuned"), headlines=[], gates=[], control=None)
    page = Finished(tmp_path, bare)
    assert "Headline" not in page.html and "Control:" not in page.html and 'class="gates"' not in page.html
