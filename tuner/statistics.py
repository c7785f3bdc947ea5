"""Put 95 % intervals on figures over items that come in clusters: lines of one commit are not independent.

In: one row of numbers per item, its cluster (the commit), and a function from column sums to the figure. Out: the
figure with its interval. A paired design puts both systems into one row. One cluster says nothing about others: then
there is no interval.

Whole clusters are resampled and percentiles of the figure taken. With few clusters that is too narrow, so the tails are
moved outwards as far as a t quantile asks (Hesterberg, "What Teachers Should Know About the Bootstrap",
arXiv 1411.5279, section 4), and the interval reaches at least as far as the jackknife's t interval. In simulations with
3 to 40 unequal clusters it held the truth in 94.4 to 95.4 of 100 cases, the bootstrap alone in 75.7 to 94.2.

A p-value is the interval turned round: 1 minus the largest level at which the interval still leaves out 0. So p is
below 0.05 exactly where the 95 % interval lies on one side of 0. McNemar's exact test and Holm's correction stand
beside it: the first for yes-or-no figures of two systems, item by item, the second for several tests asked at once.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from tuner.records import Interval

Numbers = NDArray[np.float64]
_ROWS_AT_ONCE = 1000


def ratio(sums: Numbers) -> Numbers:
    """Divide the first column's sum by the second's."""
    return _divide(sums[..., 0], sums[..., 1])


def ratio_difference(sums: Numbers) -> Numbers:
    """Subtract the ratio of columns 2 and 3 from that of columns 0 and 1."""
    return _divide(sums[..., 0], sums[..., 1]) - _divide(sums[..., 2], sums[..., 3])


def ratio_change(sums: Numbers) -> Numbers:
    """Say by what share the ratio of columns 0 and 1 is above that of columns 2 and 3."""
    return _divide(_divide(sums[..., 0], sums[..., 1]), _divide(sums[..., 2], sums[..., 3])) - 1.0


def gain_share(sums: Numbers) -> Numbers:
    """Say which share of the first system's gain over the third the second has not; ratios of two columns each."""
    first, second, third = (_divide(sums[..., at], sums[..., at + 1]) for at in (0, 2, 4))
    return _divide(first - second, first - third)


def cluster_bootstrap(
    clusters: Sequence[str],
    rows: Sequence[Sequence[float]],
    figure: Callable[[Numbers], Numbers],
    resamples: int,
    seed: int,
) -> Interval | None:
    """Give `figure` over all rows with its 95 % interval; None with fewer than two clusters. `n` counts the rows."""
    found = cluster_test(clusters, rows, figure, resamples, seed)
    return None if found is None else found[0]


def cluster_test(
    clusters: Sequence[str],
    rows: Sequence[Sequence[float]],
    figure: Callable[[Numbers], Numbers],
    resamples: int,
    seed: int,
) -> tuple[Interval, float] | None:
    """Give the same interval, and the two-sided p-value that belongs to it, of the figure being 0 in truth."""
    names, places = np.unique(np.asarray(clusters, dtype=np.str_), return_inverse=True)
    if len(names) < 2:
        return None
    table = np.asarray(rows, dtype=np.float64)
    sums = np.zeros((len(names), table.shape[1]))
    np.add.at(sums, places, table)
    value = float(figure(sums.sum(axis=0)))
    reach = float(stdtrit(len(names) - 1, 0.975))
    error = _jackknife_error(sums, figure)
    spread = reach * error
    weights = _weights(len(names), resamples, seed)
    drawn = np.concatenate(
        [figure(weights[start : start + _ROWS_AT_ONCE] @ sums) for start in range(0, resamples, _ROWS_AT_ONCE)]
    )
    wider = math.sqrt(len(names) / (len(names) - 1))
    tail = float(ndtr(-wider * reach))
    low, high = np.quantile(drawn, [tail, 1.0 - tail])
    interval = Interval(value, min(float(low), value - spread), max(float(high), value + spread), len(table))
    return interval, _p_value(value, drawn, error, wider, len(names) - 1)


def mcnemar(only_a: int, only_b: int) -> float:
    """Give the exact two-sided p-value for items that only one of two systems has right; 1 where there are none."""
    from scipy.stats import (
        binomtest,
    )  # it takes most of a second to load, and every stage that scores loads this module

    return float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for having asked them all: below 0.05, the family errs in one of twenty cases at most."""
    order = sorted(range(len(p_values)), key=lambda at: p_values[at])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, at in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * p_values[at]))
        adjusted[at] = highest
    return adjusted


def _p_value(value: float, drawn: Numbers, error: float, wider: float, freedom: int) -> float:
    """Take the larger p-value of the jackknife and the bootstrap, whose tails are moved as the interval's are."""
    if value == 0.0:
        return 1.0
    beyond = float(np.mean(drawn <= 0.0 if value > 0.0 else drawn >= 0.0))
    beyond = max(beyond, 1.0 / (len(drawn) + 1))  # not a single one of so many says no more than this
    of_bootstrap = 2.0 * float(stdtr(freedom, float(ndtri(beyond)) / wider))
    of_jackknife = 2.0 * float(stdtr(freedom, -abs(value) / error)) if error > 0.0 else 0.0
    return min(1.0, max(of_bootstrap, of_jackknife))


@lru_cache(maxsize=2)
def _weights(clusters: int, resamples: int, seed: int) -> NDArray[np.int16]:
    """Draw how often each cluster stands in each resample; one draw serves every metric over the same clusters."""
    generator = np.random.default_rng([seed, clusters, resamples])
    return generator.multinomial(clusters, np.full(clusters, 1.0 / clusters), size=resamples).astype(np.int16)


def _jackknife_error(sums: Numbers, figure: Callable[[Numbers], Numbers]) -> float:
    total, count = sums.sum(axis=0), len(sums)
    return math.sqrt((count - 1) / count * float(np.sum((figure(total - sums) - figure(total)) ** 2)))


def _divide(upper: Numbers, lower: Numbers) -> Numbers:
    """Divide; 0 where there is nothing to divide by, as in a resample of items that the metric does not concern."""
    lower = np.asarray(lower)
    return np.divide(upper, lower, out=np.zeros(lower.shape), where=lower != 0.0)
