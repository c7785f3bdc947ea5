"""Put 95 % intervals on shares of tasks that were solved, for one system and for the difference of two.

In: which tasks each solved. Out: intervals. A share alone has Wilson's interval. The difference over the same tasks has
that of Bonett and Price (2012, "Adjusted Wald intervals for paired binomial proportions"): few tasks change sides, and
a bootstrap of rows in which none did would claim to know the difference exactly. Where tasks come in clusters, such as
functions of one file, the interval is at least as wide as the bootstrap that resamples whole clusters.

    detectable   the smallest true difference that a study with this interval finds in four of five cases
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tuner.records import Interval
from tuner.statistics import cluster_bootstrap, ratio_difference

Z = 1.959964
DETECTABLE_ERRORS = Z + 0.841621


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """The share that a solved minus the share that b solved. `gained` tasks only a solved, `lost` only b."""

    delta: float
    low: float
    high: float
    n: int
    gained: int
    lost: int

    @property
    def detectable(self) -> float:
        """Give the smallest true difference that this study would find in four of five cases."""
        return DETECTABLE_ERRORS * (self.high - self.low) / (2 * Z)


def share(solved: Sequence[bool]) -> Interval | None:
    """Give the share that was solved; None where there is no task."""
    n = len(solved)
    if not n:
        return None
    p = sum(solved) / n
    middle = (p + Z**2 / (2 * n)) / (1 + Z**2 / n)
    reach = Z / (1 + Z**2 / n) * math.sqrt(p * (1 - p) / n + Z**2 / (4 * n**2))
    return Interval(p, max(0.0, min(p, middle - reach)), min(1.0, max(p, middle + reach)), n)


def difference(
    clusters: Sequence[str], a: Sequence[bool], b: Sequence[bool], resamples: int, seed: int
) -> PairedDifference | None:
    """Give the difference of two systems over the same tasks; None where there is no task."""
    n = len(clusters)
    if not n:
        return None
    gained = sum(x and not y for x, y in zip(a, b, strict=True))
    lost = sum(y and not x for x, y in zip(a, b, strict=True))
    up, down = (gained + 1) / (n + 2), (lost + 1) / (n + 2)
    reach = Z * math.sqrt((up + down - (up - down) ** 2) / (n + 2))
    low, high = up - down - reach, up - down + reach
    if len(set(clusters)) < n:
        rows = [(float(x), 1.0, float(y), 1.0) for x, y in zip(a, b, strict=True)]
        drawn = cluster_bootstrap(clusters, rows, ratio_difference, resamples, seed)
        if drawn is not None:
            low, high = min(low, drawn.low), max(high, drawn.high)
    return PairedDifference((gained - lost) / n, max(-1.0, low), min(1.0, high), n, gained, lost)
