"""Say how far several voters agree, beyond what chance would give.

In: for each duel the votes of all who judged it, +1 for the first system, -1 for the second, 0 for neither. Out:
Krippendorff's alpha (1 all agree, 0 as by chance) and the shares of pairs of votes that are the same and opposite.
Duels with one vote say nothing of agreement and are left out.

Alpha is 1 - observed / expected disagreement, as in Krippendorff, "Computing Krippendorff's Alpha-Reliability" (2011).
Here disagreement is the squared distance, so that a preference against a tie weighs a quarter of two opposite ones.
Which of two systems is called the first is a matter of names. So chance is taken over both ways of naming them: without
that, voters who all prefer the same system would seem to agree by chance.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations

from tuner.preference import Agreement

Distance = Callable[[float, float], float]


def squared(one: float, other: float) -> float:
    """Measure the distance of two values on an interval scale, as alpha counts it."""
    return (one - other) ** 2


def alpha(units: Sequence[Sequence[float]], distance: Distance = squared, mirrored: bool = False) -> float | None:
    """Give Krippendorff's alpha; None where chance would give no disagreement. `mirrored`: value and -value are one."""
    judged = [unit for unit in units if len(unit) > 1]
    found = Counter(value for unit in judged for value in unit)
    values = {*found, *(-value for value in found)} if mirrored else {*found}
    counts = {value: (found[value] + found[-value]) / 2.0 if mirrored else found[value] for value in values}
    expected = sum(counts[c] * counts[k] * distance(c, k) for c in counts for k in counts)
    if not expected:
        return None
    observed = sum(2.0 * sum(distance(c, k) for c, k in combinations(unit, 2)) / (len(unit) - 1) for unit in judged)
    return 1.0 - (found.total() - 1) * observed / expected


def agreement(units: Sequence[Sequence[int]]) -> Agreement:
    """Describe the agreement over duels."""
    judged = [unit for unit in units if len(unit) > 1]
    pairs = [pair for unit in judged for pair in combinations(unit, 2)]
    if not pairs:
        return Agreement(0, None, None, None)
    same = sum(one == other for one, other in pairs) / len(pairs)
    opposite = sum(one * other == -1 for one, other in pairs) / len(pairs)
    return Agreement(len(judged), alpha(judged, mirrored=True), same, opposite)
