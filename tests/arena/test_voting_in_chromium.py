"""A vote by keyboard in a real browser: every key, no foreign request, nothing in the console, no grave finding."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.arena.arenas import compared_run, items, neutral_answers
from tests.browser import Browser, Tab, needs_axe, needs_chromium
from tuner.arena import server
from tuner.arena.booth import Booth
from tuner.arena.stage import open_arena

TOKEN = "document.querySelector('[name=duel]')?.value"
AWAKE = "document.readyState === 'complete' && performance.now() > 260"  # the guard against a key pressed twice is over
LEFT = "{key: 'ArrowLeft', bubbles: true}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with Browser.start() as started:
        yield started


@pytest.fixture
def booth(tmp_path: Path) -> Iterator[Booth]:
    found = items(30)
    arena = open_arena(compared_run(tmp_path, found, neutral_answers(("base", "tuned"), found)))
    votes = arena.open_votes()
    yield Booth(arena, votes, lambda: 1_700_000_000.0)
    votes.close()


@pytest.fixture
def url(booth: Booth) -> Iterator[str]:
    with server.running(booth) as address:
        yield address


def enter(tab: Tab, name: str = "Anna") -> None:
    tab.wait_for("document.activeElement?.id === 'voter'")
    tab.type(name)
    tab.press("Enter")
    tab.wait_for(f"{TOKEN} && {AWAKE}")


def press(tab: Tab, key: str) -> None:
    """Press a key and wait for the page that follows."""
    before = tab.evaluate(TOKEN)
    tab.press(key)
    tab.wait_for(f"({TOKEN} ?? 'none') !== '{before}' && {AWAKE}")


@needs_chromium
def test_a_voter_walks_through_the_arena_by_keyboard(browser: Browser, url: str, booth: Booth) -> None:
    with browser.open(url) as tab:
        enter(tab)
        keys = ("ArrowLeft", "ArrowRight", "e", "b", "s", "1", "2", "=")
        for key in keys:
            press(tab, key)
        assert [each.choice for each in booth.votes.all()] == [
            "left", "right", "equal", "both_bad", "skip", "left", "right", "equal",
        ]  # fmt: skip
        assert all(each.seconds is not None and 0.2 < each.seconds < 600 for each in booth.votes.all())
        press(tab, "u")
        press(tab, "Backspace")
        assert len(booth.votes.all()) == len(keys) - 2
        assert tab.evaluate("document.querySelector('.count').textContent") == "7 of 30"
        assert tab.problems == []
        assert all(each.startswith(url) for each in tab.requests)


@needs_chromium
def test_the_whole_round_the_end_and_the_ratings_by_keyboard(browser: Browser, url: str, booth: Booth) -> None:
    voter = booth.votes.enter("Anna", 1.0).number
    for shown in booth.ballot(voter)[:-1]:
        booth.vote({"voter": "Anna", "duel": shown.token, "choice": "left"})
    with browser.open(url) as tab:
        enter(tab)
        press(tab, "ArrowRight")
        assert tab.evaluate("document.querySelector('h1').textContent") == "All is voted on"
        for _ in range(2):
            tab.press("Tab")
        assert tab.evaluate("document.activeElement.textContent") == "End my vote and see the ratings"
        tab.press("Enter")
        tab.wait_for("document.querySelector('h1')?.textContent === 'What the votes say so far'")
        assert tab.problems == []
        assert all(each.startswith(url) for each in tab.requests)


@needs_chromium
def test_every_button_is_reached_by_tab_and_pressed_by_space(browser: Browser, url: str, booth: Booth) -> None:
    with browser.open(url) as tab:
        enter(tab)
        reached = []
        for _ in range(6):
            tab.press("Tab")
            reached.append(tab.evaluate("document.activeElement.value || document.activeElement.textContent"))
        assert reached[:5] == ["left", "right", "equal", "both_bad", "skip"]  # from the answers on, not from the top
        before = tab.evaluate(TOKEN)
        tab.evaluate("document.querySelector('[value=both_bad]').focus()")
        tab.press(" ")
        tab.wait_for(f"{TOKEN} !== '{before}'")
        assert [each.choice for each in booth.votes.all()] == ["both_bad"]


@needs_chromium
def test_a_key_pressed_twice_votes_once(browser: Browser, url: str, booth: Booth) -> None:
    with browser.open(url) as tab:
        enter(tab)
        before = tab.evaluate(TOKEN)
        tab.evaluate(f"for (let n = 0; n < 3; n++) document.body.dispatchEvent(new KeyboardEvent('keydown', {LEFT}))")
        tab.wait_for(f"{TOKEN} !== '{before}' && {AWAKE}")
        assert len(booth.votes.all()) == 1


@needs_chromium
def test_keys_that_are_held_or_mean_something_else_vote_nothing(browser: Browser, url: str, booth: Booth) -> None:
    with browser.open(url) as tab:
        tab.wait_for("document.activeElement?.id === 'voter'")
        tab.press("s")
        enter(tab, "ue")
        assert booth.votes.voter("sue") is not None
        shown = tab.evaluate(TOKEN)
        for held in ("ctrlKey", "altKey", "metaKey", "repeat"):
            tab.evaluate(f"document.body.dispatchEvent(new KeyboardEvent('keydown', {{...{LEFT}, {held}: true}}))")
        assert tab.evaluate(TOKEN) == shown
        assert booth.votes.all() == []


@needs_chromium
def test_without_scripts_the_buttons_vote(browser: Browser, url: str, booth: Booth) -> None:
    booth.votes.enter("Anna", 1.0)
    with browser.open(f"{url}vote?voter=Anna", scripts=False) as tab:
        tab.press("Tab")
        tab.press("Tab")
        tab.press(" ")
        tab.wait_for("document.querySelector('[role=status]')?.textContent === 'stored: left'")
        (stored,) = booth.votes.all()
        assert stored.seconds is None


@needs_chromium
@needs_axe
@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False), (390, True)])
def test_axe_finds_nothing_grave(browser: Browser, url: str, booth: Booth, width: int, dark: bool) -> None:
    with browser.open(url, width=width, dark=dark) as tab:
        assert tab.grave_findings() == []
        enter(tab)
        assert tab.grave_findings() == []
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
        press(tab, "b")
        assert tab.grave_findings() == []
        booth.votes.end(1, 1.0)
        tab.goto(f"{url}ratings?voter=Anna")
        assert tab.grave_findings() == []
