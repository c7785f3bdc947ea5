"""The fit has the published strengths, finds simulated ones again, and stays finite whatever the votes are."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from tuner.arena.bradley_terry import PRIOR_VOTES, BradleyTerry, Numbers

# Citations among four journals of statistics (Stigler 1994), and the abilities that the R package BradleyTerry2 gives
# them beside Biometrika (Turner and Firth, Journal of Statistical Software 48, 2012, section 2.1).
CITATIONS = [[730, 33, 0], [498, 320, 0], [221, 284, 0], [68, 813, 0], [17, 276, 0], [142, 325, 0]]
ABILITIES = [0.0, -2.94907, -0.47957, 0.26895]
PAIRS = list(combinations(range(4), 2))


def simulated(strengths: Numbers, nu: float, votes: int, generator: np.random.Generator) -> Numbers:
    """Draw votes for every pair from Davidson's model."""
    rows = []
    for a, b in combinations(range(len(strengths)), 2):
        odds = np.array([np.exp(strengths[a]), np.exp(strengths[b]), nu * np.exp((strengths[a] + strengths[b]) / 2)])
        rows.append(generator.multinomial(votes, odds / odds.sum()))
    return np.array(rows, dtype=float)


def likelihood(at: Numbers, counts: Numbers, systems: int, pairs: list[tuple[int, int]]) -> float:
    """Write Davidson's likelihood out, prior votes included, as something else than the code under test."""
    strengths, log_nu, total = at[:systems], at[systems], 0.0
    contests = [(strengths[a], strengths[b], row) for (a, b), row in zip(pairs, counts, strict=True)]
    contests += [(each, 0.0, np.full(3, PRIOR_VOTES / 3)) for each in strengths]
    for first, second, row in contests:
        odds = np.array([first, second, log_nu + (first + second) / 2])
        total += float(row @ (odds - np.log(np.exp(odds).sum())))
    return -total


def test_the_strengths_are_those_that_were_published() -> None:
    strengths, covariance = BradleyTerry(PAIRS, 4).fit(np.array(CITATIONS, dtype=float))
    assert strengths - strengths[0] == pytest.approx(ABILITIES, abs=0.003)  # of that the prior's votes are the cause
    error = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert error == pytest.approx(0.10255, abs=0.0005)


@settings(max_examples=25)
@given(st.lists(st.tuples(*[st.integers(0, 30)] * 3), min_size=3, max_size=3))
def test_the_fit_is_the_maximum_that_another_optimiser_finds(drawn: list[tuple[int, int, int]]) -> None:
    pairs = list(combinations(range(3), 2))
    counts = np.array(drawn, dtype=float)
    strengths = BradleyTerry(pairs, 3).fit(counts)[0]
    found = minimize(likelihood, np.zeros(4), (counts, 3, pairs), method="BFGS", options={"gtol": 1e-8}).x[:3]
    assert strengths == pytest.approx(found - found.mean(), abs=1e-4)


@given(st.lists(st.tuples(*[st.integers(0, 100_000)] * 3), min_size=6, max_size=6))
def test_any_votes_have_finite_strengths_whose_mean_is_zero(drawn: list[tuple[int, int, int]]) -> None:
    strengths, covariance = BradleyTerry(PAIRS, 4).fit(np.array(drawn, dtype=float))
    assert np.isfinite(strengths).all() and np.isfinite(covariance).all()
    assert strengths.sum() == pytest.approx(0.0, abs=1e-9)


def test_a_system_that_won_every_vote_is_far_ahead_but_not_infinitely() -> None:
    strengths = BradleyTerry([(0, 1)], 2).fit(np.array([[40.0, 0.0, 0.0]]))[0]
    assert 3.0 < strengths[0] - strengths[1] < 8.0


def test_many_resamples_at_once_are_each_fitted_alone() -> None:
    model = BradleyTerry(PAIRS, 4)
    generator = np.random.default_rng(1)
    counts = generator.poisson(5.0, (7, 2, 6, 3)).astype(float)
    together = model.fit(counts)[0]
    assert together.shape == (7, 2, 4)
    for place in np.ndindex(7, 2):
        assert together[place] == pytest.approx(model.fit(counts[place])[0], abs=1e-6)


@pytest.mark.parametrize("nu", [0.0, 0.5, 2.0])
def test_simulated_strengths_are_found_again(nu: float) -> None:
    generator = np.random.default_rng(4)
    strengths = np.array([0.9, 0.2, -0.3, -0.8])
    found = BradleyTerry(PAIRS, 4).fit(simulated(strengths, nu, 20_000, generator))[0]
    assert found == pytest.approx(strengths, abs=0.05)


def test_relabelled_systems_have_relabelled_strengths() -> None:
    counts = simulated(np.array([0.5, 0.0, -0.5]), 0.4, 60, np.random.default_rng(2))
    straight = BradleyTerry([(0, 1), (0, 2), (1, 2)], 3).fit(counts)[0]
    turned = BradleyTerry([(1, 0), (2, 0), (2, 1)], 3).fit(counts[:, [1, 0, 2]])[0]
    assert straight == pytest.approx(turned, abs=1e-6)
