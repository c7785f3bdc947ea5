"""Predict, before any training, by how much tuning will lower a repository's bits per byte: a rule of one number.

In: the base's bits per byte on the frozen items, and the training tokens. Out: the predicted relative change, with how
far the rule was off on the runs that it was fitted on. The rule: the change is proportional to the base's bits per
byte, since what a base knows already it cannot learn. It was fitted by least squares on the runs in docs/results.md.

These are two runs of one base, about 60,000 training tokens each. Two points say that the sign is right and the size is
not absurd; they do not test the rule. A new run belongs into `MEASURED`, whether it fits or not.
"""

from __future__ import annotations

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
    """The predicted relative change of bits per byte; `worst_error` is the largest miss among `runs` fitted runs."""

    change: float
    worst_error: float
    runs: int
    said: str


MEASURED = (
    Measured("click", bits_per_byte=1.086, change=-0.124, tokens=59_959),
    Measured("zod", bits_per_byte=0.987, change=-0.095, tokens=59_320),
)
DOSE_RANGE = 1.5  # doses beyond this factor of the measured ones are said to be unknown ground


def forecast(bits_per_byte: float, tokens: int) -> Forecast:
    """Predict the change for a base with these bits per byte on the items, trained on so many tokens."""
    slope = _slope()
    change = slope * bits_per_byte
    worst = max(abs(slope * each.bits_per_byte - each.change) for each in MEASURED)
    said = (
        f"bits per byte {100 * change:+.0f} % by tuning, by a rule from {len(MEASURED)} runs of the embedded base, "
        f"which it misses by up to {100 * worst:.1f} points: a weak guess"
    )
    doses = [each.tokens for each in MEASURED]
    if not min(doses) / DOSE_RANGE <= tokens <= max(doses) * DOSE_RANGE:
        said += f"; they saw {min(doses):,} to {max(doses):,} training tokens, here it is {tokens:,}"
    return Forecast(change, worst, len(MEASURED), said)


def _slope() -> float:
    products = sum(each.bits_per_byte * each.change for each in MEASURED)
    return products / sum(each.bits_per_byte**2 for each in MEASURED)
