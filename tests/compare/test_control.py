"""An adapter of another repository answers too: what it reaches as well is no gain from this one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compare.test_stage import Desk, answers, make_items
from tuner.comparison import Comparison
from tuner.records import Prediction

ABOUT = {"repository": "zoo", "run": "zoo-tiny-1", "training_tokens": "50000", "tuned_training_tokens": "60000"}


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, make_items())


def compared(desk: Desk, base: list[Prediction], tuned: list[Prediction], control: list[Prediction]) -> Comparison:
    return desk.compare(
        desk.evaluation("base", base), desk.evaluation("tuned", tuned), desk.evaluation("control", control, **ABOUT)
    )


def test_a_gain_that_another_repositorys_adapter_does_not_reach_ships_with_the_share_that_is_specific(
    desk: Desk,
) -> None:
    base, tuned = answers(desk.items, 0.2, 1.0, 1), answers(desk.items, 0.6, 0.8, 2)
    comparison = compared(desk, base, tuned, answers(desk.items, 0.25, 0.95, 3))
    control = desk.contest().control
    assert control is not None
    assert comparison.verdict == "ship"
    assert [(each.name, each.passed) for each in comparison.gates] == [("wrong_repository", True)]
    whole = control.shares[0]
    assert (whole.metric, whole.stratum) == ("bits_per_byte", "all")
    bits = {each.name: each.scores["all"]["bits_per_byte"].value for each in desk.contest().systems}
    assert whole.value == pytest.approx(1 - (bits["base"] - bits["control"]) / (bits["base"] - bits["tuned"]))
    assert whole.low < whole.value < whole.high
    assert (control.repository, control.tokens, control.tuned_tokens) == ("zoo", 50_000, 60_000)
    row = next(each for each in desk.contest().pairings if (each.a, each.b) == ("tuned", "control")).differences[0]
    assert control.said == (
        "Against an adapter of zoo (50,000 training tokens, tuned 60,000: not the same dose), tuned has "
        f"bits_per_byte {row.delta:+.3f} [{row.low:+.3f}, {row.high:+.3f}], gain. Of tuned's gain over base in "
        f"bits_per_byte, {100 * whole.value:.0f} % [{100 * whole.low:.0f}, {100 * whole.high:.0f}] is about this "
        "repository; the rest any such training gives."
    )
    assert control.said in desk.written("comparison.md") and comparison.control == control.said


def test_the_adapter_of_a_wrong_repository_does_not_ship_however_much_better_than_base_it_is(desk: Desk) -> None:
    base, wrong = answers(desk.items, 0.2, 1.0, 1), answers(desk.items, 0.6, 0.8, 2)
    assert desk.compare(desk.evaluation("base", base), desk.evaluation("tuned", wrong)).verdict == "ship"
    comparison = compared(desk, base, wrong, wrong)
    assert comparison.verdict == "no_benefit_shown"
    assert comparison.reason == (
        "tuned against base: gate wrong_repository is missed (tuned against an adapter of zoo: "
        "bits_per_byte +0.000 [+0.000, +0.000], inconclusive)"
    )
    control = desk.contest().control
    assert control is not None
    assert {each.value for each in control.shares} == {0.0}


def test_without_a_gain_of_its_own_no_share_is_given(desk: Desk) -> None:
    same = answers(desk.items, 0.4, 1.0, 1)
    comparison = compared(desk, same, same, answers(desk.items, 0.4, 1.0, 1))
    assert comparison.verdict == "no_benefit_shown"
    assert comparison.control.endswith("tuned's own gain over base is not shown, so that no share of it can be given.")
