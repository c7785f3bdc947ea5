"""Agreement is Krippendorff's alpha as published, and does not depend on how systems are named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.arena.agreement import agreement, alpha

# Four observers and twelve units, in Krippendorff, "Computing Krippendorff's Alpha-Reliability", 2011, part E:
# nominal 0.743, interval 0.849. 0 stands for a missing value.
OBSERVED = """
    1 2 3 3 2 1 4 1 2 0 0 0
    1 2 3 3 2 2 4 1 2 5 0 3
    0 3 3 3 2 3 4 2 2 5 1 0
    1 2 3 3 2 4 4 1 2 5 1 0
"""
VOTES = st.lists(st.lists(st.sampled_from([-1, 0, 1]), min_size=0, max_size=5), max_size=12)


def published() -> list[list[float]]:
    rows = [[float(each) for each in line.split()] for line in OBSERVED.strip().splitlines()]
    return [[each for each in unit if each] for unit in zip(*rows, strict=True)]


def differ(one: float, other: float) -> float:
    return float(one != other)


def test_alpha_is_that_of_the_published_example() -> None:
    assert alpha(published(), differ) == pytest.approx(0.743, abs=0.0005)
    assert alpha(published()) == pytest.approx(0.849, abs=0.0005)


def test_two_observers_and_yes_or_no_as_published() -> None:
    # the same paper, part A: two observers, ten units, alpha 0.095
    one, other = "0100000000", "1110010100"
    units = [[float(a), float(b)] for a, b in zip(one, other, strict=True)]
    assert alpha(units, differ) == pytest.approx(0.095, abs=0.0005)


def test_one_vote_a_duel_says_nothing() -> None:
    found = agreement([[1], [0], [-1]])
    assert (found.duels, found.alpha, found.same, found.opposite) == (0, None, None, None)


def test_voters_who_all_prefer_the_same_system_agree_wholly() -> None:
    assert agreement([[1, 1, 1], [1, 1]]).alpha == 1.0
    assert alpha([[1, 1, 1], [1, 1]]) is None  # as published, there is nothing that chance could mix up


def test_votes_thrown_with_a_die_agree_as_by_chance() -> None:
    import random

    generator = random.Random(3)
    units = [[generator.choice([-1, 0, 1]) for _ in range(3)] for _ in range(3000)]
    found = agreement(units)
    assert found.alpha == pytest.approx(0.0, abs=0.03)
    assert found.same == pytest.approx(1 / 3, abs=0.02)
    assert found.opposite == pytest.approx(2 / 9, abs=0.02)


def test_a_tie_against_a_preference_weighs_less_than_two_opposite_ones() -> None:
    ties = agreement([[1, 0], [1, 1], [-1, -1]]).alpha
    opposite = agreement([[1, -1], [1, 1], [-1, -1]]).alpha
    assert ties is not None and opposite is not None and ties > opposite


@given(VOTES, st.integers(0, 2**12))
def test_agreement_does_not_depend_on_which_system_is_named_first(units: list[list[int]], turned: int) -> None:
    renamed = [[-each for each in unit] if turned >> place & 1 else unit for place, unit in enumerate(units)]
    one, other = agreement(units), agreement(renamed)
    assert (one.alpha is None) == (other.alpha is None)
    assert one.alpha == pytest.approx(other.alpha) if one.alpha is not None else True
    assert (one.duels, one.same, one.opposite) == (other.duels, other.same, other.opposite)
