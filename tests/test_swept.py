"""Variants are compared row by row; one is better only beyond chance, many comparisons and the noise of seeds."""

from __future__ import annotations

import math
import random

import pytest

from tuner.swept import About, RowScore, Sweep, Trial, compare

ABOUT = About(
    name="shop-tiny-sweep-0123abcd",
    repos=[["shop", "a" * 40]],
    base="tiny",
    base_revision="b" * 64,
    version="0.1.0",
    environment={},
    settings={},
    grid=False,
    valid_sha256="c" * 64,
)
BEFORE = [80 + 40 * at / 29 for at in range(30)]


def rows(change: float = 0.0, spread: float = 0.0) -> list[RowScore]:
    """Make rows of 40 bytes and 10 tokens, two for each pair, whose bits differ from `BEFORE` by about `change`."""
    draw = random.Random(f"{change}")
    return [
        RowScore(f"pair {at // 2}", bits + change + draw.gauss(0, spread), 40, 10) for at, bits in enumerate(BEFORE)
    ]


def trial(variant: str, seed: int, found: list[RowScore], failed: str | None = None) -> Trial:
    return Trial(variant, seed, 1000, 5, 60.0, None if failed else "d" * 64, [] if failed else found, failed)


def swept(*others: Trial, second: float = 0.0, commits: dict[str, str] | None = None) -> Sweep:
    """Compare with a baseline of two seeds that lie `second` bits a row apart."""
    baseline = [trial("baseline", 17, rows()), trial("baseline", 18, rows(second))]
    return compare(ABOUT, rows(20), [*baseline, *others], resamples=500, commits=commits or {})


def outcomes(sweep: Sweep) -> dict[str, str]:
    return {each.variant: each.outcome for each in sweep.results}


def test_figures_are_those_of_all_rows_together() -> None:
    sweep = swept(trial("a", 17, rows(-4)))
    (baseline, a) = sweep.results
    assert baseline.bits_per_byte == pytest.approx(sum(BEFORE) / 1200)
    assert a.bits_per_byte == pytest.approx((sum(BEFORE) - 120) / 1200)
    assert a.nats_per_token == pytest.approx((sum(BEFORE) - 120) / 300 * math.log(2))
    assert a.difference is not None and a.difference.value == pytest.approx(-0.1) and a.difference.n == 30
    assert (sweep.valid_rows, sweep.valid_tokens, sweep.valid_bytes) == (30, 300, 1200)
    assert sweep.untuned.difference is not None and sweep.untuned.difference.value == pytest.approx(0.5)


def test_a_clear_difference_is_named_and_the_best_of_the_better_ones_is_kept() -> None:
    sweep = swept(trial("a", 17, rows(-4, 1)), trial("b", 17, rows(-8, 1)), trial("c", 17, rows(6, 1)))
    assert outcomes(sweep) == {"baseline": "baseline", "a": "better", "b": "better", "c": "worse"}
    assert (sweep.best, sweep.adapter_of) == ("b", "b")


def test_what_chance_explains_is_no_difference_and_the_baseline_is_kept() -> None:
    sweep = swept(trial("a", 17, rows(-0.5, 8)), trial("same", 17, rows()))
    assert outcomes(sweep) == {"baseline": "baseline", "a": "no difference shown", "same": "no difference shown"}
    assert (sweep.best, sweep.adapter_of) == (None, "baseline")
    (interval,) = [each.difference for each in sweep.results if each.variant == "a"]
    assert interval is not None and interval.low < 0 < interval.high


def test_a_difference_within_the_noise_of_the_seeds_is_none_shown() -> None:
    close, apart = swept(trial("a", 17, rows(-2))), swept(trial("a", 17, rows(-2)), second=6.0)
    assert (close.noise, outcomes(close)["a"]) == (0.0, "better")
    difference = apart.results[1].difference
    assert apart.noise == pytest.approx(0.15)
    assert difference is not None and difference.value == pytest.approx(-0.125) and difference.high < 0
    assert outcomes(apart)["a"] == "no difference shown"


def test_of_many_variants_one_is_better_by_chance_and_is_not_called_so() -> None:
    lucky = trial("lucky", 17, rows(-1.6, 3))
    alone = swept(lucky)
    assert outcomes(alone)["lucky"] == "better"
    among = swept(lucky, *(trial(f"v{number}", 17, rows(number / 100, 3)) for number in range(1, 40)))
    assert outcomes(among)["lucky"] == "no difference shown"


def test_more_seeds_are_averaged_and_a_failed_one_fails_the_variant() -> None:
    sweep = swept(
        trial("a", 17, rows(-2)),
        trial("a", 18, rows(-6)),
        trial("b", 17, rows(-9)),
        trial("b", 18, [], "the loss is nan at step 3"),
    )
    _, a, b = sweep.results
    assert a.seeds == [17, 18] and a.difference is not None and a.difference.value == pytest.approx(-0.1)
    assert (b.outcome, b.failed, b.bits_per_byte) == ("failed", "seed 18: the loss is nan at step 3", None)
    assert sweep.best == "a"


def test_rows_of_one_commit_are_resampled_together_and_one_commit_alone_shows_nothing() -> None:
    lower = trial("a", 17, rows(-2, 2))
    by_pair, by_commit = swept(lower), swept(lower, commits={f"pair {at}": f"commit {at // 5}" for at in range(15)})
    one = swept(lower, commits={f"pair {at}": "only" for at in range(15)})
    widths = []
    for sweep in (by_pair, by_commit):
        difference = sweep.results[1].difference
        assert difference is not None and difference.value == pytest.approx(-0.05, abs=0.03)
        widths.append(difference.high - difference.low)
    assert widths[1] != widths[0]
    assert outcomes(by_pair)["a"] == "better"
    assert one.results[1].difference is None and outcomes(one)["a"] == "no difference shown"
    assert one.results[1].bits_per_byte == by_pair.results[1].bits_per_byte
