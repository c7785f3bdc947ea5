"""Nothing but the answers' own words tells systems apart: a classifier on all the rest of the page is at chance.

Both systems draw their answers from the same distribution. Voters go through hundreds of duels over HTTP; from each
page, without the answers' words, come its tokens, pairs of neighbouring tokens (so also the order of attributes), the
lengths of its parts, its headers and its place in the order. A logistic regression learns from half of the pages which
system stands on the left and is asked about the other half. The same classifier finds every leak that is put in.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit
from starlette.testclient import TestClient

from tests.arena.arenas import compared_run, item, neutral_answers
from tuner.arena import server
from tuner.arena.booth import Booth
from tuner.arena.duels import ROUND
from tuner.arena.stage import open_arena

OWN = "http://127.0.0.1:8000"
SYSTEMS = ("omega-7", "kappa-9", "sigma-3")  # words that no page has otherwise
VOTERS = ("anna", "ben", "cleo", "dan")
PAGES_EACH = 80
Page = tuple[str, dict[str, str]]
Leak = Callable[[Page, bool, int], Page]
Sample = tuple[dict[str, float], bool]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Page, bool, int]]:
    """Let voters vote, and keep each page, whether the first system of its pair is on the left, and its place."""
    short = [item(number, prefix=f"x = {number}\ny = ", suffix="\nz = 2\n") for number in range(160)]
    run = compared_run(tmp_path_factory.mktemp("runs"), short, neutral_answers(SYSTEMS, short))
    arena = open_arena(run)
    votes = arena.open_votes()
    booth = Booth(arena, votes, lambda: 1_700_000_000.0)
    client = TestClient(server.application(booth, "key"), OWN, headers={"Origin": OWN}, follow_redirects=False)
    generator = random.Random(4)
    seen = []
    for number, voter in enumerate(VOTERS, 1):
        client.post("/key/enter", data={"voter": voter})
        for place, shown in enumerate(booth.ballot(number)[:PAGES_EACH]):
            answer = client.get("/key/vote", params={"voter": voter, "round": str(shown.round)})
            assert shown.token in answer.text
            seen.append(((answer.text, dict(answer.headers)), shown.left == "a", place))
            choice = generator.choice(["left", "right", "equal", "both_bad", "skip"])
            client.post("/key/vote", data={"voter": voter, "duel": shown.token, "choice": choice})
    votes.close()
    return seen


def features(page: Page, place: int) -> dict[str, float]:
    """Describe a page without the answers' words."""
    html, headers = page
    parts = re.split(r"(?=<button class=)|(?<=</button>)", re.sub(r"<mark>.*?</mark>", "<mark></mark>", html))
    found: Counter[str] = Counter()
    for number, part in enumerate(parts):
        for kind in (r"\w+|[^\w\s]| +|\n", r'[\w-]+="[^"]*"|\w+|[^\w\s]'):  # by words, and by whole attributes
            tokens = re.findall(kind, part)
            found.update(f"{number}: {each}" for each in tokens)
            found.update(f"{number}: {one} {other}" for one, other in pairwise(tokens))
        found[f"{number}: length"] = len(part)
    found.update(f"header {name}: {value}" for name, value in headers.items())
    found.update(f"place {divisor}: {place % divisor}" for divisor in (2, 3, 4))
    return {name: float(value) for name, value in found.items()} | {"place": place, "place in the round": place % ROUND}


def accuracy(samples: list[Sample]) -> float:
    """Learn from a random half of the pages, and say how many of the others are told right."""
    mixed = random.Random(6).sample(samples, len(samples))
    learned, asked = mixed[: len(mixed) // 2], mixed[len(mixed) // 2 :]
    often = Counter(name for each, _ in learned for name in each)
    names = sorted(name for name, count in often.items() if count >= 5)
    assert len(names) > 100

    def table(given: list[Sample]) -> NDArray[np.float64]:
        return np.array([[each.get(name, 0.0) for name in names] for each, _ in given])

    known, unknown = table(learned), table(asked)
    mean, spread = known.mean(axis=0), known.std(axis=0)
    known, unknown = ((each - mean) / np.where(spread > 0, spread, 1.0) for each in (known, unknown))
    wanted = np.array([1.0 if label else -1.0 for _, label in learned])

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        margins = wanted * (known @ weights[1:] + weights[0])
        slope = -wanted * expit(-margins)
        penalised = np.concatenate([[0.0], weights[1:]])
        value = float(np.logaddexp(0.0, -margins).sum() + 30.0 * penalised @ penalised)
        return value, np.concatenate([[slope.sum()], known.T @ slope]) + 60.0 * penalised

    weights = minimize(loss, np.zeros(len(names) + 1), jac=True, method="L-BFGS-B").x
    said = unknown @ weights[1:] + weights[0] > 0
    return float(np.mean(said == np.array([label for _, label in asked])))


def told(pages: list[tuple[Page, bool, int]], leak: Leak | None = None) -> float:
    """Say how well the systems are told apart, with a leak put in or without one."""
    return accuracy([(features(leak(page, left, place) if leak else page, place), left) for page, left, place in pages])


def chance(pages: list[tuple[Page, bool, int]]) -> float:
    """Give the accuracy that guessing exceeds in one of a thousand cases."""
    return 0.5 + 3.1 * 0.5 / (len(pages) / 2) ** 0.5


def by_class(page: Page, left: bool, place: int) -> Page:
    return page[0].replace('<button class="answer"', f'<button class="answer {"one" if left else "two"}"', 1), page[1]


def by_order_of_attributes(page: Page, left: bool, place: int) -> Page:
    turned = page[0].replace('name="choice" value="left"', 'value="left" name="choice"', 1)
    return (turned if left else page[0]), page[1]


def by_a_blank(page: Page, left: bool, place: int) -> Page:
    return page[0].replace("</mark>", "</mark> " if left else "</mark>", 1), page[1]


def by_a_header(page: Page, left: bool, place: int) -> Page:
    return page[0], page[1] | {"x-trace": "7" if left else "8"}


def by_the_duel_s_name(page: Page, left: bool, place: int) -> Page:
    return re.sub(r'name="duel" value="\w', f'name="duel" value="{"x" if left else "y"} ', page[0]), page[1]


def test_a_classifier_on_all_but_the_answers_is_at_chance(pages: list[tuple[Page, bool, int]]) -> None:
    assert len(pages) == len(VOTERS) * PAGES_EACH
    assert 1 - chance(pages) < told(pages) < chance(pages)


@pytest.mark.parametrize("leak", [by_class, by_order_of_attributes, by_a_blank, by_a_header, by_the_duel_s_name])
def test_the_classifier_finds_what_leaks_in_a_page(pages: list[tuple[Page, bool, int]], leak: Leak) -> None:
    assert told(pages, leak) > 0.95


@pytest.mark.parametrize("order", [lambda place: True, lambda place: place % 2 == 0])
def test_the_classifier_finds_a_side_that_the_order_gives_away(
    pages: list[tuple[Page, bool, int]], order: Callable[[int], bool]
) -> None:
    assert told([(page, order(place), place) for page, _, place in pages]) > 0.95


def test_either_system_of_a_pair_is_on_the_left_in_half_of_the_pages(pages: list[tuple[Page, bool, int]]) -> None:
    lefts = sum(left for _, left, _ in pages)
    assert abs(lefts / len(pages) - 0.5) < 3.1 * 0.5 / len(pages) ** 0.5


def test_two_voters_see_the_same_duel_on_either_side(tmp_path: Path) -> None:
    short = [item(number, prefix="x = ", suffix="\n") for number in range(50)]
    arena = open_arena(compared_run(tmp_path, short, neutral_answers(SYSTEMS[:2], short)))
    votes = arena.open_votes()
    booth = Booth(arena, votes, lambda: 1.0)
    sides = [{each.duel.id: each.left for each in booth.ballot(number)} for number in (1, 2)]
    differ = sum(sides[0][ident] != sides[1][ident] for ident in sides[0])
    assert 10 < differ < 40
    votes.close()


def test_no_page_names_a_system_or_holds_the_truth(pages: list[tuple[Page, bool, int]]) -> None:
    for (html, headers), _, _ in pages:
        assert not re.search("omega-7|kappa-9|sigma-3|truth_that", html + str(headers))
