"""What a sweep found: its records, and how its variants are compared.

In: the trials, which are trainings of a variant with one seed, each with the bits of every validation row. Out: a
`Sweep`, which is what lies in `sweep.json`.

A variant is compared with the baseline row by row, over the mean of its seeds; intervals resample the commits that rows
come from, or their pairs. It counts as better or worse only where all of this holds: the interval leaves out 0, the
p-value stays below 0.05 when all variants are asked at once (Holm), and the difference is larger than that between the
seeds of the baseline. A training that failed, as one with too high a learning rate does, is a result without figures.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Literal

from tuner.records import Interval
from tuner.statistics import cluster_test, holm, ratio_difference

Outcome = Literal["untuned", "baseline", "better", "worse", "no difference shown", "failed"]
SEED = 17  # of the intervals, which must not depend on a recipe
LEVEL = 0.05
Paired = list[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class RowScore:
    """Bits, bytes and tokens of the labels of one validation row, control tokens left out."""

    pair_id: str
    bits: float
    bytes: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Trial:
    """One training. `failed` says why it came to nothing; then there are no figures and no adapter."""

    variant: str
    seed: int
    tokens: int
    steps: int
    seconds: float
    adapter_sha256: str | None
    rows: list[RowScore]
    failed: str | None


@dataclass(frozen=True, slots=True)
class Result:
    """One variant over all its seeds; the untuned base has none.

    `difference` is in bits per byte against the baseline, below 0 where the variant is better.
    """

    variant: str
    seeds: list[int]
    tokens: float
    steps: float
    seconds: float
    bits_per_byte: float | None
    nats_per_token: float | None
    difference: Interval | None
    outcome: Outcome
    failed: str | None


@dataclass(frozen=True, slots=True)
class About:
    """What a sweep was made from. `settings` are those of the baseline that differ from the defaults."""

    name: str
    repos: list[list[str]]
    base: str
    base_revision: str
    version: str
    environment: dict[str, str]
    settings: dict[str, str]
    grid: bool
    valid_sha256: str


@dataclass(frozen=True, slots=True)
class Sweep:
    """All of a sweep. `noise` is how far the seeds of the baseline lie apart; None with one seed.

    `best` is the variant that is shown to be better and has the fewest bits, None where none is shown. `adapter_of` is
    the variant whose adapter is kept: the best, else the baseline.
    """

    about: About
    valid_rows: int
    valid_tokens: int
    valid_bytes: int
    untuned: Result
    noise: float | None
    best: str | None
    adapter_of: str
    results: list[Result]


def bits_per_byte(rows: Sequence[RowScore]) -> float:
    """Give the bits of all rows over their bytes."""
    return sum(row.bits for row in rows) / sum(row.bytes for row in rows)


def compare(
    about: About, base: Sequence[RowScore], trials: Sequence[Trial], resamples: int, commits: Mapping[str, str]
) -> Sweep:
    """Compare all variants with the baseline, whose trials come first; `base` are the rows under the base alone.

    Rows of one commit are resampled together, by `commits`; those that it does not name by the pair they are from.
    """
    by_variant: dict[str, list[Trial]] = {}
    for trial in trials:
        by_variant.setdefault(trial.variant, []).append(trial)
    baseline = trials[0].variant
    levels = [bits_per_byte(trial.rows) for trial in by_variant[baseline]]
    noise = max(levels) - min(levels) if len(levels) > 1 else None
    before = _mean_rows(by_variant[baseline])
    clusters = [commits.get(row.pair_id, row.pair_id) for row in base]
    tests = {
        name: test
        for name, some in by_variant.items()
        if name != baseline and not _failure(some) and (test := _test(_mean_rows(some), before, clusters, resamples))
    }
    p_values = dict(zip(tests, holm([p_value for _, p_value in tests.values()]), strict=True))
    results = []
    for name, some in by_variant.items():
        difference = tests[name][0] if name in tests else None
        outcome = "baseline" if name == baseline else _outcome(difference, p_values.get(name), noise)
        results.append(_result(name, some, difference, outcome))
    better = [(each.bits_per_byte, each.variant) for each in results if each.outcome == "better"]
    best = min(better)[1] if better else None
    against = _test(base, before, clusters, resamples)
    untuned = Trial("base, untuned", 0, 0, 0, 0.0, None, list(base), None)
    return Sweep(
        about=about,
        valid_rows=len(base),
        valid_tokens=sum(row.tokens for row in base),
        valid_bytes=sum(row.bytes for row in base),
        untuned=replace(_result(untuned.variant, [untuned], against and against[0], "untuned"), seeds=[]),
        noise=noise,
        best=best,
        adapter_of=best or baseline,
        results=results,
    )


def _failure(some: Sequence[Trial]) -> str | None:
    return next((f"seed {each.seed}: {each.failed}" for each in some if each.failed), None)


def _mean_rows(some: Sequence[Trial]) -> list[RowScore]:
    """Average the bits of each row over the seeds."""
    return [
        replace(rows[0], bits=fmean(row.bits for row in rows)) for rows in zip(*(t.rows for t in some), strict=True)
    ]


def _test(
    rows: Sequence[RowScore], baseline: Sequence[RowScore], clusters: Sequence[str], resamples: int
) -> tuple[Interval, float] | None:
    """Test the difference of two lists of the same rows; None where all rows are of one cluster."""
    both = [(a.bits, a.bytes, b.bits, b.bytes) for a, b in zip(rows, baseline, strict=True)]
    return cluster_test(clusters, both, ratio_difference, resamples, SEED)


def _outcome(difference: Interval | None, p_value: float | None, noise: float | None) -> Outcome:
    if difference is None or p_value is None or p_value >= LEVEL or difference.low <= 0 <= difference.high:
        return "no difference shown"
    if noise is not None and abs(difference.value) <= noise:
        return "no difference shown"
    return "better" if difference.value < 0 else "worse"


def _result(name: str, some: Sequence[Trial], difference: Interval | None, outcome: Outcome) -> Result:
    failed = _failure(some)
    rows = [] if failed else _mean_rows(some)
    nats = sum(row.bits for row in rows) * math.log(2.0)
    return Result(
        variant=name,
        seeds=[each.seed for each in some],
        tokens=fmean(each.tokens for each in some),
        steps=fmean(each.steps for each in some),
        seconds=fmean(each.seconds for each in some),
        bits_per_byte=bits_per_byte(rows) if rows else None,
        nats_per_token=nats / sum(row.tokens for row in rows) if rows else None,
        difference=difference,
        outcome="failed" if failed else outcome,
        failed=failed,
    )
