"""Intervals over few tasks: wide where nothing changed, right in 93 of 100 cases or more, never beyond what can be."""

from __future__ import annotations

import numpy as np
import pytest

from tuner.evaluate.forgetting_gate import decide
from tuner.paired_shares import PairedDifference, difference, share


def between(gained: int, lost: int, both: int, n: int = 151) -> PairedDifference:
    a = [True] * gained + [False] * lost + [True] * both + [False] * (n - gained - lost - both)
    b = [False] * gained + [True] * lost + [True] * both + [False] * (n - gained - lost - both)
    found = difference([str(i) for i in range(n)], a, b, 200, 17)
    assert found is not None
    return found


def test_tasks_of_which_none_changed_sides_still_leave_doubt() -> None:
    found = between(0, 0, 40)
    assert found.delta == 0.0
    assert found.low == pytest.approx(-found.high) and -0.03 < found.low < -0.01


def test_the_interval_of_a_difference_holds_the_truth_in_93_of_100_cases() -> None:
    generator = np.random.default_rng(5)
    for gain, loss in ((0.01, 0.01), (0.02, 0.06), (0.1, 0.1), (0.0, 0.05)):
        draws = generator.multinomial(151, [gain, loss, 1 - gain - loss], size=400)
        held = [found.low <= gain - loss <= found.high for up, down, _ in draws if (found := between(up, down, 0))]
        assert np.mean(held) >= 0.93


def test_clusters_can_only_widen_the_interval() -> None:
    a, b = [True, True, False, True, False, False], [False, False, False, True, False, False]
    alone = difference(list("123456"), a, b, 500, 17)
    together = difference(list("112233"), a, b, 500, 17)
    assert alone is not None and together is not None
    assert together.low <= alone.low and together.high >= alone.high


def test_a_share_stays_between_0_and_1_and_no_task_has_none() -> None:
    assert share([]) is None and difference([], [], [], 100, 17) is None
    found = share([True] * 20)
    assert found is not None and found.value == found.high == 1.0 and 0.8 < found.low < 0.85


@pytest.mark.parametrize(
    ("gained", "lost", "both", "gate"),
    [
        (0, 0, 40, "passed"),
        (2, 1, 40, "passed"),
        (0, 3, 40, "not_shown"),
        (0, 9, 40, "failed"),
        (0, 0, 9, "not_shown"),  # who can do nothing can forget nothing
    ],
)
def test_the_gate_passes_only_where_a_loss_of_three_points_is_excluded(
    gained: int, lost: int, both: int, gate: str
) -> None:
    assert decide(between(gained, lost, both), lost + both)[0] == gate
