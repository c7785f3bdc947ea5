from __future__ import annotations

import numpy as np
import pytest

from tuner.statistics import cluster_bootstrap, ratio, ratio_change, ratio_difference


@pytest.mark.parametrize("clusters", [3, 9, 12, 40])
def test_intervals_hold_the_truth_in_at_least_93_of_100_repetitions(clusters: int) -> None:
    generator = np.random.default_rng(1)
    held, repetitions, truth = 0, 500, 0.5
    for repetition in range(repetitions):
        names, rows = [], []
        for cluster in range(clusters):
            level = generator.normal(0.0, 0.3)  # lines of one commit are alike
            for weight in generator.integers(5, 40, size=generator.integers(1, 8)):
                names.append(f"c{cluster}")
                rows.append((float(weight) * (truth + level + generator.normal(0.0, 0.2)), float(weight)))
        interval = cluster_bootstrap(names, rows, ratio, 600, repetition)
        assert interval is not None
        held += interval.low <= truth <= interval.high
    assert held / repetitions >= 0.93


def test_items_taken_as_independent_would_give_too_narrow_intervals() -> None:
    generator = np.random.default_rng(2)
    levels = generator.normal(0.0, 1.0, size=30)
    rows = [(level + generator.normal(0.0, 0.1), 1.0) for level in levels for _ in range(10)]
    clustered = cluster_bootstrap([f"c{i // 10}" for i in range(300)], rows, ratio, 2000, 3)
    naive = cluster_bootstrap([f"i{i}" for i in range(300)], rows, ratio, 2000, 3)
    assert clustered is not None and naive is not None
    assert clustered.value == pytest.approx(naive.value)
    assert clustered.high - clustered.low > 2.5 * (naive.high - naive.low)


def test_figures_are_ratios_of_sums_and_not_means_of_ratios() -> None:
    rows = [(1.0, 1.0, 2.0, 1.0), (1.0, 9.0, 18.0, 9.0)]
    sums = np.sum(np.asarray(rows), axis=0)
    assert ratio(sums) == pytest.approx(0.2)
    assert ratio_difference(sums) == pytest.approx(0.2 - 2.0)
    assert ratio_change(sums) == pytest.approx(-0.9)


def test_the_same_seed_gives_the_same_interval_and_another_seed_nearly_the_same() -> None:
    names = [f"c{i // 3}" for i in range(120)]
    rows = [(float(i % 7), 1.0) for i in range(120)]
    first, again, other = (cluster_bootstrap(names, rows, ratio, 10_000, seed) for seed in (1, 1, 2))
    assert first == again
    assert first is not None and other is not None
    assert first.low == pytest.approx(other.low, abs=0.05)


def test_one_cluster_gives_no_interval_and_nothing_to_divide_gives_zero() -> None:
    assert cluster_bootstrap(["c", "c"], [(1.0, 1.0), (0.0, 1.0)], ratio, 100, 1) is None
    assert cluster_bootstrap([], [], ratio, 100, 1) is None
    empty = cluster_bootstrap(["a", "b"], [(0.0, 0.0), (0.0, 0.0)], ratio, 100, 1)
    assert empty is not None
    assert empty.value == empty.low == empty.high == 0.0
