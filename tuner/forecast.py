"""Predict, before any training, by how much tuning will lower a repository's bits per byte: a line through five runs.

In: the dataset of a run. Out: the predicted relative change, with how far the rule is off for each of the measured runs
when it is fitted on the others. The rule: a fixed change, and one in proportion to the share of the repository's rows
that the dose holds (`covered`), since a later line is likest to resemble code that was trained on. It was fitted by
least squares on the runs in docs/results.md.

The rule before it, in proportion to the base's bits per byte, was fitted on the first two runs and missed the next
three by 0.9 to 6.3 points; this one was chosen with all five known, and the next run is its first test. All are of one
base, about 120,000 training tokens each. Runs with fewer tokens or under an earlier protocol are left out. A new run of
this dose belongs into `MEASURED`, whether it fits or not.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from tuner.records import Dataset


@dataclass(frozen=True, slots=True)
class Measured:
    """A finished run: the base's bits per byte, the share of the rows trained on, the relative change, the tokens."""

    repository: str
    bits_per_byte: float
    covered: float
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
    Measured("click", bits_per_byte=0.840, covered=0.62, change=-0.173, tokens=119_910),
    Measured("zod", bits_per_byte=0.840, covered=0.18, change=-0.154, tokens=119_982),
    Measured("cobra", bits_per_byte=0.954, covered=0.92, change=-0.232, tokens=119_923),
    Measured("gson", bits_per_byte=0.707, covered=0.26, change=-0.129, tokens=119_899),
    Measured("ripgrep", bits_per_byte=1.000, covered=0.26, change=-0.132, tokens=119_980),
)
DOSE_RANGE = 1.5  # doses beyond this factor of the measured ones are said to be unknown ground


def covered(dataset: Dataset) -> float:
    """Give the share of the rows at hand that the token budget let in; of a large repository not all are at hand."""
    rows = dataset.metrics["dataset.train_rows"]
    return rows / max(1.0, rows + dataset.counts["left_out_by_budget.rows"])


def forecast(covered: float, tokens: int) -> Forecast:
    """Predict the change for a dose of so many tokens, which holds this share of the rows."""
    change = _predicted(MEASURED, covered)
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
    return run.change - _predicted([each for each in MEASURED if each is not run], run.covered)


def _predicted(runs: Sequence[Measured], covered: float) -> float:
    slope, fixed = statistics.linear_regression([each.covered for each in runs], [each.change for each in runs])
    return fixed + slope * covered
