"""The browser that tests look at pages with sees what it is there to see."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browser import Browser, BrowserError, needs_axe, needs_chromium

pytestmark = needs_chromium
HEAD = '<!doctype html><html lang="en"><title>t</title><meta name="viewport" content="width=device-width">'
CLEAN = f'{HEAD}<main><h1>Hello</h1><input aria-label="name"></main>'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser.start() as started:
        yield started


def written(folder: Path, page: str) -> str:
    (folder / "page.html").write_text(page, encoding="utf-8")
    return (folder / "page.html").as_uri()


def test_a_quiet_page_has_no_problem_and_one_request(browser: Browser, tmp_path: Path) -> None:
    address = written(tmp_path, CLEAN)
    with browser.open(address) as tab:
        assert tab.problems == [] and tab.requests == [address]


@pytest.mark.parametrize(
    ("before", "added", "problem"),
    [
        ("", "<script>console.error('said')</script>", "said"),
        ("", "<script>throw new Error('thrown')</script>", "Error: thrown"),
        ("", "<script>Promise.reject(new Error('later'))</script>", "Error: later"),
        (
            "<meta http-equiv=Content-Security-Policy content=\"script-src 'none'\">",
            "<script>1</script>",
            "violates the following Content Security Policy directive",
        ),
    ],
)
def test_what_goes_wrong_on_a_page_is_seen(
    browser: Browser, tmp_path: Path, before: str, added: str, problem: str
) -> None:
    with browser.open(written(tmp_path, before + CLEAN + added)) as tab:
        assert len(tab.problems) == 1 and problem in tab.problems[0]


@pytest.mark.parametrize(
    "added", ["<img alt='' src='https://example.org/x'>", "<link rel=stylesheet href='//a.test/'>"]
)
def test_a_request_is_seen_and_goes_nowhere(browser: Browser, tmp_path: Path, added: str) -> None:
    with browser.open(written(tmp_path, CLEAN + added)) as tab:
        assert len(tab.requests) == 2
        assert len(tab.problems) == 1 and "net::ERR" in tab.problems[0]


def test_keys_go_where_the_focus_is(browser: Browser, tmp_path: Path) -> None:
    with browser.open(written(tmp_path, CLEAN + "<button>Go</button>")) as tab:
        tab.press("Tab")
        tab.press("a")
        tab.press("1")
        tab.type("ü")
        assert tab.evaluate("document.querySelector('input').value") == "a1ü"
        tab.press("Tab")
        assert tab.evaluate("document.activeElement.textContent") == "Go"
        tab.press("Tab", shift=True)
        assert tab.evaluate("document.activeElement.tagName") == "INPUT"


def test_size_and_colours_are_those_asked_for(browser: Browser, tmp_path: Path) -> None:
    with browser.open(written(tmp_path, CLEAN), width=360, dark=True) as tab:
        assert tab.evaluate("innerWidth") == 360
        assert tab.evaluate("matchMedia('(prefers-color-scheme: dark)').matches") is True
        tab.colours(printed=True)
        assert tab.evaluate("matchMedia('print').matches") is True
        tab.screenshot(tmp_path / "page.png", whole=True)
        assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
        assert tab.pdf().startswith(b"%PDF")


def test_scripts_can_be_turned_off(browser: Browser, tmp_path: Path) -> None:
    with browser.open(written(tmp_path, CLEAN + "<script>document.title = 'ran'</script>"), scripts=False) as tab:
        assert tab.evaluate("document.title") == "t"


def test_an_error_in_an_expression_is_an_error_here(browser: Browser, tmp_path: Path) -> None:
    with browser.open(written(tmp_path, CLEAN)) as tab, pytest.raises(BrowserError, match="nothing is not defined"):
        tab.evaluate("nothing")


@needs_axe
def test_axe_finds_what_a_page_owes_its_readers(browser: Browser, tmp_path: Path) -> None:
    with browser.open(written(tmp_path, CLEAN)) as tab:
        assert tab.grave_findings() == []
    with browser.open(written(tmp_path, CLEAN + "<img src='data:,'>")) as tab:
        assert [each.partition(":")[0] for each in tab.grave_findings()] == ["critical"]
