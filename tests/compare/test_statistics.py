from __future__ import annotations

import numpy as np
import pytest

from tuner.statistics import (
    cluster_bootstrap,
    cluster_test,
    gain_share,
    holm,
    mcnemar,
    ratio,
    ratio_change,
    ratio_difference,
)


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


def test_a_p_value_is_below_a_twentieth_exactly_where_the_interval_leaves_out_0() -> None:
    generator = np.random.default_rng(3)
    agreed, sides = 0, set()
    for repetition in range(150):
        names = [f"c{cluster}" for cluster in range(12) for _ in range(4)]
        shift = generator.choice([0.0, 0.3])
        rows = [(shift + level, 1.0) for level in generator.normal(0.0, 0.5, 12) for _ in range(4)]
        found = cluster_test(names, rows, ratio, 2000, repetition)
        assert found is not None
        interval, p = found
        sides.add(p < 0.05)
        agreed += (p < 0.05) == (not interval.low <= 0.0 <= interval.high)
    assert sides == {True, False}
    assert agreed >= 149  # a quantile stands between two draws


def test_without_a_true_difference_one_p_value_in_twenty_at_most_is_below_a_twentieth() -> None:
    generator = np.random.default_rng(4)
    below, repetitions = 0, 400
    for repetition in range(repetitions):
        names = [f"c{cluster}" for cluster in range(15) for _ in range(5)]
        rows = [(level, 1.0) for level in generator.normal(0.0, 0.5, 15) for _ in range(5)]
        found = cluster_test(names, rows, ratio, 600, repetition)
        assert found is not None
        below += found[1] < 0.05
    assert below / repetitions <= 0.07


def test_no_difference_at_all_has_the_p_value_1() -> None:
    found = cluster_test(["a", "b", "c"], [(0.0, 1.0)] * 3, ratio, 100, 1)
    assert found is not None
    assert found[1] == 1.0


def test_mcnemar_is_exact_over_the_items_that_only_one_system_has_right() -> None:
    assert mcnemar(0, 0) == 1.0
    assert mcnemar(1, 0) == 1.0
    assert mcnemar(6, 0) == pytest.approx(2 / 2**6)
    assert mcnemar(2, 8) == mcnemar(8, 2) == pytest.approx(2 * (1 + 10 + 45) / 2**10)


def test_holm_multiplies_the_smallest_p_value_most_and_keeps_the_order() -> None:
    assert holm([0.03, 0.01, 0.04]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_a_share_of_a_gain_is_1_where_the_control_gains_nothing_and_0_where_it_gains_as_much() -> None:
    base, tuned = (10.0, 10.0), (8.0, 10.0)
    assert gain_share(np.array([*tuned, *base, *base])) == pytest.approx(1.0)
    assert gain_share(np.array([*tuned, *tuned, *base])) == pytest.approx(0.0)
    assert gain_share(np.array([*tuned, 9.5, 10.0, *base])) == pytest.approx(0.75)
    assert gain_share(np.array([*base, *base, *base])) == 0.0
