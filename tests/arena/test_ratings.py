"""Ratings find simulated strengths again, their intervals hold the truth, and few or lopsided votes decide nothing."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import combinations

import pytest

from tests.arena.arenas import item
from tuner.arena.duels import Duel, Matchup
from tuner.arena.ratings import POINTS, preferences
from tuner.arena.votes import Choice, Vote
from tuner.preference import Preferences
from tuner.records import Interval

SYSTEMS = ("base", "tuned", "copilot")
PAIRS = list(combinations(SYSTEMS, 2))
AHEAD = 0.6
CHOICES: tuple[Choice, ...] = ("left", "right", "equal")
MATCHUPS = [Matchup(a, b, 100, 5, 20) for a, b in PAIRS]


def duel(number: int, pair: tuple[str, str], commit: int) -> Duel:
    a, b = pair
    return Duel(f"duel-{number}", item(number).id, str(commit), a, b, "x", "y")


def vote(about: Duel, choice: Choice, voter: int = 1, turned: bool = False, seconds: float | None = 4.0) -> Vote:
    """Vote on a duel whose first system stands on the left, or on the right where it is `turned`."""
    left, right = (about.b, about.a) if turned else (about.a, about.b)
    return Vote(voter, about.id, about.item, left, right, choice, seconds)


def said(duels: list[Duel], votes: list[Vote], resamples: int = 200) -> Preferences:
    return preferences(SYSTEMS, MATCHUPS, {each.id: each for each in duels}, votes, "c" * 64, 17, resamples)


def unanimous(count: int) -> tuple[list[Duel], list[Vote]]:
    duels = [duel(number, PAIRS[0], number) for number in range(count)]
    return duels, [vote(each, "right") for each in duels]


def of_pair(found: Preferences, a: str, b: str):  # type: ignore[no-untyped-def]
    return next(each for each in found.pairs if (each.a, each.b) == (a, b))


def test_counts_are_those_of_the_votes_whichever_side_a_system_stood_on() -> None:
    duels = [duel(number, PAIRS[0], number) for number in range(6)]
    votes = [
        vote(duels[0], "left"),
        vote(duels[1], "right", turned=True),
        vote(duels[2], "right"),
        vote(duels[3], "equal"),
        vote(duels[4], "both_bad"),
        vote(duels[5], "skip"),
    ]
    found = said(duels, votes)
    pair = of_pair(found, "base", "tuned")
    assert (pair.votes, pair.a_votes, pair.b_votes, pair.equal, pair.both_bad) == (5, 2, 1, 1, 1)
    assert (pair.items, pair.voided, pair.identical) == (100, 5, 20)
    assert (found.votes, found.voters, found.skipped, found.outdated) == (5, 1, 1, 0)
    assert (found.items, found.commits, found.seconds) == (5, 5, 4.0)


def test_a_vote_about_answers_that_were_replaced_is_counted_apart() -> None:
    duels, votes = unanimous(12)
    found = said(duels[:10], votes)
    assert (found.votes, found.outdated) == (10, 2)


def test_no_vote_at_all_rates_nobody() -> None:
    found = said([], [])
    assert all(each.points is None and each.votes == 0 for each in found.systems)
    assert all(each.lead is None and each.finding == "inconclusive" for each in found.pairs)
    assert found.agreement.alpha is None and found.seconds is None


def test_systems_that_no_chain_of_votes_ties_together_are_not_compared() -> None:
    found = said(*unanimous(30))
    rated = {each.system: each.points for each in found.systems}
    assert rated["copilot"] is None and rated["base"] is not None
    assert of_pair(found, "base", "copilot").lead is None
    assert of_pair(found, "base", "tuned").finding == "b_preferred"


def test_a_chain_of_votes_compares_systems_that_never_met() -> None:
    first = [duel(number, PAIRS[0], number) for number in range(60)]
    second = [duel(100 + number, PAIRS[2], number) for number in range(60)]
    votes = [vote(each, "right" if number % 3 else "left") for number, each in enumerate([*first, *second])]
    found = said([*first, *second], votes)
    pair = of_pair(found, "base", "copilot")
    assert pair.votes == 0 and pair.lead is not None
    assert pair.lead.value == pytest.approx(-2 * math.log(2) * POINTS, rel=0.1)
    assert [each.system for each in found.systems] == ["copilot", "tuned", "base"]


@pytest.mark.parametrize(("votes", "finding"), [(3, "inconclusive"), (5, "inconclusive"), (25, "b_preferred")])
def test_a_few_votes_that_all_say_the_same_decide_nothing(votes: int, finding: str) -> None:
    pair = of_pair(said(*unanimous(votes)), "base", "tuned")
    assert pair.finding == finding


def test_votes_on_one_commit_have_no_interval() -> None:
    duels, votes = unanimous(30)
    found = said([replace(each, commit="same") for each in duels], votes)
    assert of_pair(found, "base", "tuned").lead is None


def test_the_share_is_the_lead_in_other_words() -> None:
    duels = [duel(number, PAIRS[0], number) for number in range(200)]
    found = said(duels, [vote(each, "left" if number % 4 else "right") for number, each in enumerate(duels)])
    pair = of_pair(found, "base", "tuned")
    assert pair.share.value == pytest.approx(0.75, abs=0.01)
    assert pair.share.low < 0.75 < pair.share.high
    assert pair.share.n == pair.lead.n == 200


def test_the_same_votes_give_the_same_figures() -> None:
    assert said(*unanimous(20)) == said(*unanimous(20))


def test_more_votes_by_other_voters_on_the_same_items_do_not_narrow_the_interval_as_new_items_would() -> None:
    """Ten voters who all agree on 12 commits are 12 commits, not 120 votes."""
    duels = [duel(number, PAIRS[0], number) for number in range(12)]
    votes = [
        vote(each, "left" if number % 3 else "right", voter)
        for voter in range(1, 11)
        for number, each in enumerate(duels)
    ]
    many = [duel(number, PAIRS[0], number) for number in range(120)]
    spread = [vote(each, "left" if number % 3 else "right") for number, each in enumerate(many)]
    few_items = of_pair(said(duels, votes), "base", "tuned").lead
    many_items = of_pair(said(many, spread), "base", "tuned").lead
    assert _width(few_items) > 2 * _width(many_items)


def simulated(generator: random.Random) -> tuple[list[Duel], list[Vote]]:
    """Draw votes on 40 commits. Base and tuned are equal, but each commit suits one of the two; copilot is ahead."""
    duels: list[Duel] = []
    votes: list[Vote] = []
    for commit in range(40):
        suits = generator.gauss(0.0, 1.5)
        for turn in range(3):
            pair = PAIRS[(commit + turn) % 3]
            gap = suits if pair == PAIRS[0] else -AHEAD
            odds = [math.exp(gap / 2), math.exp(-gap / 2), 0.5]
            for _ in range(1 + 2 * (pair == PAIRS[0])):  # more items of the pair whose commits matter
                duels.append(duel(len(duels), pair, commit))
                first, second = generator.choices(CHOICES, odds, k=2)
                second = first if generator.random() < 0.5 else second  # follows the first in half of the cases
                votes += [vote(duels[-1], each, voter) for voter, each in ((1, first), (2, second))]
    return duels, votes


def test_intervals_hold_the_truth_in_93_of_100_simulations_or_more() -> None:
    generator = random.Random(11)
    level, ahead = [], []
    for _ in range(200):
        found = said(*simulated(generator))
        level.append(of_pair(found, "base", "tuned").lead)
        ahead.append(of_pair(found, "base", "copilot").lead)
    assert _held(level, 0.0) >= 0.93
    assert _held(ahead, -AHEAD * POINTS) >= 0.93
    assert _width(ahead[0]) < 2 * AHEAD * POINTS  # and they are no wider than is of use


def test_intervals_that_took_each_item_for_independent_would_be_too_narrow() -> None:
    generator = random.Random(11)
    level = []
    for _ in range(60):
        duels, votes = simulated(generator)
        apart = [replace(each, commit=each.id) for each in duels]
        level.append(of_pair(said(apart, votes), "base", "tuned").lead)
    assert _held(level, 0.0) < 0.93


def _held(intervals: list[Interval], truth: float) -> float:
    return sum(each.low <= truth <= each.high for each in intervals) / len(intervals)


def _width(interval: Interval) -> float:
    return interval.high - interval.low
