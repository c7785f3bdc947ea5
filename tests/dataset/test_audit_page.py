from __future__ import annotations

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from tuner.dataset.audit_page import as_page
from tuner.dataset.audit_text import as_text
from tuner.records import Rejected

from .audited_runs import CUT, item, pair, row, sound_run

HOSTILE = "</pre></script><img src=x onerror=alert(1)><b>\u202e\x1b[31m"
VOID = {"meta", "br", "img", "link"}


class Reader(HTMLParser):
    """Note the tags with their attributes, the text, and tags that are not closed in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.faults: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.faults += self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open.pop() != tag:
            self.faults.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture
def page(tmp_path: Path) -> str:
    return as_page(sound_run().audit(tmp_path))


def hostile_page(tmp_path: Path) -> str:
    run = sound_run()
    bad = pair("body", f"text = '{HOSTILE}'\n", f"shop/{HOSTILE}.py")
    run.pairs.append(dataclasses.replace(bad, language=HOSTILE))
    run.train += [row(bad), row(bad)]
    run.items.append(item(f"    call('{HOSTILE}')", commit="9" * 40, path=f"{HOSTILE}/x.py"))
    run.mine_rejected = [Rejected("x", HOSTILE, HOSTILE)]
    run.repository, run.base = HOSTILE, (HOSTILE, "b" * 64)
    return as_page(run.audit(tmp_path))


def test_the_page_is_whole_and_every_tag_is_closed(page: str) -> None:
    reader = Reader(page)
    assert reader.faults == []
    assert "internal code; do not publish it" in reader.text
    assert "sound: no check found a fault." in reader.text


def test_an_unclosed_tag_is_seen() -> None:
    assert Reader("<main><p>text</main>").faults != []


def test_the_page_runs_nothing_and_asks_for_nothing(page: str, tmp_path: Path) -> None:
    for each in (page, hostile_page(tmp_path)):
        reader = Reader(each)
        assert not {tag for tag, _ in reader.tags} & {"script", "img", "link", "iframe", "object", "form", "base"}
        names = {name for _, attributes in reader.tags for name in attributes}
        assert not {name for name in names if name.startswith("on")} | (names & {"src", "href", "srcset", "action"})
        assert "default-src 'none'" in each
        assert not re.search(r"url\(|@import|https?://", each)


def test_what_a_repository_says_is_shown_and_never_obeyed(tmp_path: Path) -> None:
    page = hostile_page(tmp_path)
    reader = Reader(page)
    assert reader.faults == []
    assert not set(page) & {"\u202e", "\x1b"}
    assert "text = '</pre></script><img src=x onerror=alert(1)><b><U+202E><U+001B>[31m'" in reader.text
    assert page.count("&lt;img src=x") > 5


def test_tables_have_captions_and_scopes_and_pictures_have_names(page: str) -> None:
    tags = Reader(page).tags
    count = [tag for tag, _ in tags].count
    assert count("h1") == 1 and count("main") == 1
    assert count("table") == count("caption") >= 5
    assert all(attributes.get("scope") in ("col", "row") for tag, attributes in tags if tag == "th")
    assert all("aria-label" in attributes or "aria-hidden" in attributes for tag, attributes in tags if tag == "svg")
    assert ("html", {"lang": "en"}) in tags


def test_the_page_knows_phones_darkness_and_paper(page: str) -> None:
    assert 'name="viewport"' in page
    assert "prefers-color-scheme: dark" in page
    assert "@media print" in page


def test_supervised_tokens_are_marked_one_by_one(page: str) -> None:
    answers = re.findall(r"<mark>(.*?)</mark>", page, re.DOTALL)
    answer = next(each for each in answers if Reader(each).text == "    return ledger.total()\n<|endoftext|>")
    assert answer.count("<span>") == len("    return ledger.total()\n")
    assert answer.endswith("</span><b>&lt;|endoftext|&gt;</b>")


def test_the_page_says_the_same_figures_as_the_text(tmp_path: Path) -> None:
    audit = sound_run().audit(tmp_path)
    text, shown = as_text(audit, colour=False), " ".join(Reader(as_page(audit)).text.split())
    rows, tokens, share = re.findall(r"^Rows: (\d+) with ([\d,]+) tokens; loss is taken on ([\d.]+%)", text, re.M)[0]
    assert f"{rows} rows with {tokens} tokens; the loss is taken on {share} of them." in shown
    overlap = re.findall(r"have (\d+)% in common", text)[0]
    assert re.search(rf"The shares have {overlap}\.\d% in common", shown)


def test_faults_stand_first_with_their_places(tmp_path: Path) -> None:
    run = sound_run()
    run.train.append(run.train[2])
    page = as_page(run.audit(tmp_path))
    assert page.index("duplicate_row") < page.index("<h2>Rows</h2>")
    assert "data/train.jsonl:5" in page
    assert "<strong>faults</strong>: 1 kind of fault: do not train on this before it is mended." in page


def test_the_cut_is_named(page: str) -> None:
    assert f"{CUT.commit[:12]} of 2023-11-14; 4 of 14 code commits lie after it" in page


def test_a_run_without_items_or_rejections_has_a_page(tmp_path: Path) -> None:
    run = sound_run()
    run.items, run.valid, run.pairs, run.train = [], [], run.pairs[:1], run.train[:1]
    assert Reader(as_page(run.audit(tmp_path))).faults == []
