"""Predict, before any training, by how much tuning will lower a repository's bits per byte: a rule of one number.

In: the base's bits per byte on the frozen items, and the training tokens. Out: the predicted relative change, with how
far the rule is off for each of the measured runs when it is fitted on the others. The rule: the change is proportional
to the base's bits per byte, since what a base knows already it cannot learn. It was fitted by least squares on the runs
in docs/results.md.

These are two runs of one base, about 120,000 training tokens each, in which the base knew the code equally well: they
say that the sign is right and the size is not absurd, and nothing of the rule's form. Runs with fewer tokens or under
an earlier protocol are left out. A new run of this dose belongs into `MEASURED`, whether it fits or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Measured:
    """A finished run: the base's bits per byte on its items, the relative change by tuning, the training tokens."""

    repository: str
    bits_per_byte: float
    change: float
    tokens: int


@dataclass(frozen=True, slots=True)
class Forecast:
    """The predicted relative change of bits per byte.

    `worst_error` is the largest miss among the `runs` measured ones, each predicted by a rule fitted on the others.
    """

    change: float
    worst_error: float
    runs: int
    said: str


MEASURED = (
    Measured("click", bits_per_byte=0.840, change=-0.173, tokens=119_910),
    Measured("zod", bits_per_byte=0.840, change=-0.154, tokens=119_982),
)
DOSE_RANGE = 1.5  # doses beyond this factor of the measured ones are said to be unknown ground


def forecast(bits_per_byte: float, tokens: int) -> Forecast:
    """Predict the change for a base with these bits per byte on the items, trained on so many tokens."""
    change = _slope(MEASURED) * bits_per_byte
    worst = max(abs(missed(each)) for each in MEASURED)
    said = (
        f"bits per byte {100 * change:+.0f} % by tuning, by a rule from {len(MEASURED)} runs of the embedded base, "
        f"each of which the others predict within {100 * worst:.1f} points: a weak guess"
    )
    doses = [each.tokens for each in MEASURED]
    if not min(doses) / DOSE_RANGE <= tokens <= max(doses) * DOSE_RANGE:
        said += f"; they saw {min(doses):,} to {max(doses):,} training tokens, here it is {tokens:,}"
    return Forecast(change, worst, len(MEASURED), said)


def missed(run: Measured) -> float:
    """Say by how much a run's change lies above what the other runs predict."""
    return run.change - _slope([each for each in MEASURED if each is not run]) * run.bits_per_byte


def _slope(runs: Sequence[Measured]) -> float:
    """Fit the change per bit by least squares."""
    products = sum(each.bits_per_byte * each.change for each in runs)
    return products / sum(each.bits_per_byte**2 for each in runs)
