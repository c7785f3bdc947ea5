"""The page in a real browser: nothing goes wrong or out, it fits a phone, a keyboard reaches all of it, sums agree."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser import Browser, Tab, needs_axe, needs_chromium
from tests.report import contests
from tests.report.contests import Finished
from tuner.recipe import Team
from tuner.report import figures
from tuner.report.switching import switch

pytestmark = needs_chromium
MONEY = ("seats", "ours", "hardware", "energy", "care")
OPEN_ALL = "document.querySelectorAll('details').forEach(each => { each.open = true })"
ALL_SHOWN = """Object.fromEntries([...document.querySelectorAll('[data-figure], [data-line], [data-thousand]')].map(
    (each, at) => [each.dataset.figure || (each.dataset.thousand ? 'api ' + at : 'line ' + at), each.textContent]))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser.start() as started:
        yield started


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Finished]:
    home = tmp_path_factory.mktemp("pages")
    alone = contests.contest(("base", "tuned"))
    return {
        "lively": contests.lively(home / "lively"),
        "small": contests.lively(home / "small", ("base", "tuned", "gpt-5.5"), 1),
        "hostile": contests.hostile(home / "hostile"),
        "alone": Finished(home / "alone", alone, examples=contests.examples(2, "tuned", "base")),
    }


def put(tab: Tab, values: dict[str, Any]) -> None:
    """Put values into the fields, as if they were typed."""
    tab.evaluate(
        f"""(values => {{ for (const input of document.querySelectorAll('#switching input'))
            if (input.name in values) {{ input.value = values[input.name];
                input.dispatchEvent(new Event('input', {{bubbles: true}})) }} }})({json.dumps(values)})"""
    )


@pytest.mark.parametrize("name", ["lively", "hostile", "alone"])
@pytest.mark.parametrize(("width", "dark"), [(1100, False), (1100, True), (360, False)])
def test_nothing_goes_wrong_nothing_goes_out_and_nothing_sticks_out(
    browser: Browser, pages: dict[str, Finished], name: str, width: int, dark: bool
) -> None:
    address = pages[name].page.as_uri()
    with browser.open(address, width=width, dark=dark) as tab:
        tab.evaluate(OPEN_ALL)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
        assert tab.problems == []
        assert tab.requests == [address]


@needs_axe
@pytest.mark.parametrize(
    ("name", "width", "dark"),
    [("small", 1100, False), ("small", 1100, True), ("hostile", 360, False)],
)
def test_axe_has_nothing_serious_to_say(
    browser: Browser, pages: dict[str, Finished], name: str, width: int, dark: bool
) -> None:
    with browser.open(pages[name].page.as_uri(), width=width, dark=dark) as tab:
        tab.evaluate(OPEN_ALL)
        assert tab.grave_findings() == []


def test_a_script_that_is_not_the_pages_own_is_refused(
    browser: Browser, pages: dict[str, Finished], tmp_path: Path
) -> None:
    planted = "<script>document.title = 'ran'</script><img src='https://example.org/x'></main>"
    (tmp_path / "page.html").write_text(pages["lively"].html.replace("</main>", planted), encoding="utf-8")
    with browser.open((tmp_path / "page.html").as_uri()) as tab:
        assert tab.evaluate("document.title") == "click: ship"
        assert len(tab.problems) == 2 and all("Content Security Policy" in each for each in tab.problems)


def test_a_keyboard_reaches_everything_that_can_be_opened_and_shows_where_it_is(
    browser: Browser, pages: dict[str, Finished]
) -> None:
    with browser.open(pages["alone"].page.as_uri()) as tab:
        tab.press("Tab")
        assert tab.evaluate("document.activeElement.textContent") == "Skip to the verdict"
        tab.press("Enter")
        assert tab.evaluate("document.activeElement.id") == "verdict"
        wanted, opened, places = tab.evaluate("document.querySelectorAll('summary').length"), 0, 0
        while places < 400:
            tab.press("Tab")
            places += 1
            kind, is_open, outline = tab.evaluate(
                """(each => [each.tagName, each.parentElement?.open ?? null, getComputedStyle(each).outlineStyle])
                (document.activeElement)"""
            )
            if kind == "BODY":
                break
            assert outline != "none"
            if kind == "SUMMARY":
                opened += 1
                if not is_open:
                    tab.press("Enter")
        assert opened == wanted
        assert tab.evaluate("document.querySelectorAll('details:not([open])').length") == 0


def test_fields_can_be_typed_into_and_the_line_follows(browser: Browser, pages: dict[str, Finished]) -> None:
    with browser.open(pages["lively"].page.as_uri()) as tab:
        before = tab.evaluate(ALL_SHOWN)
        tab.evaluate("document.querySelector('input[name=developers]').select()")
        for key in "7":
            tab.press(key)
        assert tab.evaluate("document.querySelector('[data-figure=seats]').textContent") == "$133"
        assert "7 seats cost $133" in tab.evaluate("document.querySelector('#switch [data-line]').textContent")
        assert "7 seats cost $133" in tab.evaluate("document.querySelector('#verdict [data-line]').textContent")
        tab.evaluate("document.getElementById('reset').click()")
        assert tab.evaluate(ALL_SHOWN) == before


@pytest.mark.parametrize(
    ("name", "value"), [("developers", "0"), ("developers", "2.5"), ("hours_per_day", "0"), ("hours_per_day", "25"),
                        ("watts", "-1"), ("watts", ""), ("latency_ms", "0")]
)  # fmt: skip
def test_a_value_that_the_recipe_would_refuse_changes_nothing(
    browser: Browser, pages: dict[str, Finished], name: str, value: str
) -> None:
    with browser.open(pages["alone"].page.as_uri()) as tab:
        before = tab.evaluate(ALL_SHOWN)
        put(tab, {name: value})
        assert tab.evaluate(ALL_SHOWN) == before
        assert tab.evaluate("document.getElementById('unsound').hidden") is False
        assert tab.evaluate("document.querySelector('[aria-invalid]').name") == name


def test_the_page_computes_what_the_program_computes(browser: Browser, pages: dict[str, Finished]) -> None:
    run, draw = pages["lively"], random.Random(11)
    with browser.open(run.page.as_uri()) as tab:
        for number in range(40):
            team = Team(
                developers=draw.randrange(1, 5000),
                seat_dollars_per_month=draw.choice([0.0, 19.0, 39.0, draw.uniform(0, 100)]),
                completions_per_developer_day=draw.randrange(1, 2000),
                days_per_month=draw.randrange(1, 32),
                hours_per_day=draw.uniform(0.5, 24),
                peak_over_mean=draw.uniform(1, 10),
                hardware_dollars=draw.choice([0.0, 2500.0, draw.uniform(0, 1e6)]),
                hardware_years=draw.uniform(0.5, 10),
                watts=draw.choice([0.0, draw.uniform(0, 5000)]),
                dollars_per_kwh=draw.uniform(0, 1),
                hours_of_care_per_month=draw.uniform(0, 200),
                dollars_per_hour_of_care=draw.uniform(0, 200),
            )
            latency = None if number % 10 == 0 else draw.uniform(1, 5000)
            put(tab, {**team.model_dump(), "latency_ms": "" if latency is None else latency})
            systems = [
                each if each.name != "tuned+bm25" else contests.system("tuned+bm25", latency_p50_ms=latency)
                for each in run.contest.systems
            ]
            wanted = switch(contests.contest(systems=systems), team, 100)
            shown = tab.evaluate(ALL_SHOWN)
            found = wanted.costs
            assert {name: text for name, text in shown.items() if " " not in name} == {
                **{name: figures.money(getattr(found, name)) for name in MONEY},
                "break_even": figures.count(found.break_even),
                "completions": figures.count(found.completions),
                "peak": figures.rate(found.peak),
                "served": figures.rate(found.served),
                "machines": figures.count(found.machines),
                "busy": figures.share(found.busy),
            }  # fmt: skip
            assert {text for name, text in shown.items() if name.startswith("line")} == {wanted.line}
            assert [text for name, text in shown.items() if name.startswith("api")] == [
                figures.money(each.month) for each in wanted.apis
            ]


def test_without_scripts_the_page_shows_the_same_figures(browser: Browser, pages: dict[str, Finished]) -> None:
    address = pages["lively"].page.as_uri()
    with browser.open(address) as tab:
        tab.evaluate("document.querySelector('input[name=watts]').dispatchEvent(new Event('input'))")
        computed = tab.evaluate(ALL_SHOWN)
    with browser.open(address, scripts=False) as tab:
        assert tab.evaluate(ALL_SHOWN) == computed
        assert tab.evaluate("[...document.querySelectorAll('input')].every(each => each.readOnly)") is True
        assert tab.evaluate("document.getElementById('reset').hidden") is True
        assert "Scripts are off" in tab.evaluate("document.querySelector('fieldset').innerText")


def test_what_is_folded_is_printed_and_folded_again(browser: Browser, pages: dict[str, Finished]) -> None:
    folded = "document.querySelectorAll('details:not([open])').length"
    with browser.open(pages["alone"].page.as_uri()) as tab:
        before = tab.evaluate(folded)
        tab.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert tab.evaluate("document.querySelectorAll('details:not([open], .more)').length") == 0
        tab.evaluate("dispatchEvent(new Event('afterprint'))")
        assert tab.evaluate(folded) == before
        tab.colours(printed=True)
        assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        assert tab.pdf().startswith(b"%PDF")


def test_print_is_dark_on_white_also_in_dark_mode(browser: Browser, pages: dict[str, Finished]) -> None:
    with browser.open(pages["alone"].page.as_uri()) as tab:
        tab.colours(dark=True)
        assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(18, 22, 27)"
        tab.colours(dark=True, printed=True)
        assert tab.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
