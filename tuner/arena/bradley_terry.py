"""Fit the Bradley-Terry model with ties to counts of votes, for many resamples of the votes at once.

In: pairs of systems, and for each pair how often the first won, the second won, or neither. Out: each system's
strength (natural logarithm, mean 0) and the variances of all differences. The odds that system i is preferred to system
j, where one is, are exp(strength_i - strength_j); a tie has the odds nu * sqrt(win_i * win_j), as Davidson has it
("On Extending the Bradley-Terry Model to Accommodate Ties in Paired Comparison Experiments", JASA 65, 1970). The
likelihood is concave in the strengths and log nu, and Newton's method finds its one maximum.

The maximum lies at infinity where a system has won or lost all its votes (Ford, 1957). So every system is given
`PRIOR_VOTES` more, against an imaginary average one: a third won, a third lost, a third tied.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
PRIOR_VOTES = 1.0
_MOST_STEPS = 200
_LONGEST_STEP = 1.0  # of any strength; the quadratic that Newton's method follows is only good nearby
_EXACT = 1e-6  # of a strength: two ten-thousandths of a point


class BradleyTerry:
    """The model over fixed pairs of `systems` systems, numbered from 0."""

    def __init__(self, pairs: list[tuple[int, int]], systems: int) -> None:
        self.systems = systems
        self.pairs = pairs
        # per pair and outcome: how much each strength, and last log nu, counts in the logarithm of the odds
        design = np.zeros((len(pairs) + systems, 3, systems + 1))
        for row, (first, second) in enumerate(pairs):
            design[row, 0, first] = design[row, 1, second] = 1.0
            design[row, 2, [first, second]] = 0.5
        for system in range(systems):
            design[len(pairs) + system, 0, system] = 1.0
            design[len(pairs) + system, 2, system] = 0.5
        design[:, 2, systems] = 1.0
        self._design = design
        self._outer = (design[..., :, None] * design[..., None, :]).reshape(-1, (systems + 1) ** 2)

    def fit(self, counts: Numbers) -> tuple[Numbers, Numbers]:
        """Give strengths (..., systems) and their covariance (..., systems, systems) for counts (..., pairs, 3)."""
        shape = counts.shape[:-2]
        votes = self._with_prior(counts.reshape(-1, len(self.pairs), 3))
        found = np.zeros((len(votes), self.systems + 1))
        for _ in range(_MOST_STEPS):
            gradient, information = self._derivatives(votes, found)
            step = np.linalg.solve(information, gradient[..., None])[..., 0]
            step *= np.minimum(1.0, _LONGEST_STEP / np.maximum(np.abs(step).max(axis=1, keepdims=True), _EXACT))
            found += step
            if np.abs(step).max(initial=0.0) < _EXACT:
                break
        else:
            raise ArithmeticError(f"the ratings of {self.systems} systems did not settle in {_MOST_STEPS} steps")
        covariance = np.linalg.inv(self._derivatives(votes, found)[1])[:, :-1, :-1].astype(np.float64)
        strengths = found[:, :-1] - found[:, :-1].mean(axis=1, keepdims=True)
        return strengths.reshape(*shape, self.systems), covariance.reshape(*shape, self.systems, self.systems)

    def _with_prior(self, counts: Numbers) -> Numbers:
        prior = np.full((len(counts), self.systems, 3), PRIOR_VOTES / 3.0)
        return np.concatenate([counts, prior], axis=1)

    def _derivatives(self, votes: Numbers, at: Numbers) -> tuple[Numbers, Numbers]:
        """Give the log-likelihood's gradient, and its curvature with the sign turned round."""
        count, parameters = len(votes), self.systems + 1
        flat = self._design.reshape(-1, parameters)
        odds = (at @ flat.T).reshape(votes.shape)
        chances = np.exp(odds - odds.max(axis=2, keepdims=True))
        chances /= chances.sum(axis=2, keepdims=True)
        expected = votes.sum(axis=2, keepdims=True) * chances
        gradient = (votes - expected).reshape(count, -1) @ flat
        mean = np.einsum("rpo,pok->rpk", chances, self._design)
        squares = (expected.reshape(count, -1) @ self._outer).reshape(count, parameters, parameters)
        return gradient, squares - (mean * votes.sum(axis=2)[..., None]).swapaxes(1, 2) @ mean
