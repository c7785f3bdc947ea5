from __future__ import annotations

import pytest

from tuner.compare.gates import own_gates
from tuner.compare.verdict import decide
from tuner.comparison import Difference, Gate, Verdict

GAIN, LOSS, OPEN = 1.0, -1.0, 0.0
LOWER = ("bits_per_byte", "over_generation_rate")


def differences(**findings: float) -> list[Difference]:
    """Build differences named `metric__stratum`, each a clear gain, a clear loss or open."""
    found = []
    for name, finding in findings.items():
        metric, _, stratum = name.partition("__")
        delta = -finding if metric in LOWER else finding
        better = "lower" if metric in LOWER else "higher"
        low, high = (delta - 0.5, delta + 0.5)
        found.append(Difference(metric, stratum or "all", 1.0, 1.0, delta or 0.01, low, high, 200, 30, better))
    return found


CASES: list[tuple[str, dict[str, float], Verdict, str]] = [
    (
        "all agree",
        {"bits_per_byte": GAIN, "bits_per_byte__novel": GAIN, "exact_match": GAIN},
        "ship",
        "tuned is better",
    ),
    ("exact match open", {"bits_per_byte": GAIN, "bits_per_byte__novel": GAIN, "exact_match": OPEN}, "ship", "better"),
    ("bits are worse", {"bits_per_byte": LOSS, "exact_match": GAIN}, "harm", "bits_per_byte"),
    (
        "answers are worse",
        {"bits_per_byte": GAIN, "bits_per_byte__novel": GAIN, "exact_match": LOSS},
        "harm",
        "exact_match",
    ),
    (
        "only seen lines",
        {"bits_per_byte": GAIN, "bits_per_byte__novel": OPEN, "exact_match": GAIN},
        "no_benefit_shown",
        "novel",
    ),
    (
        "novel is worse",
        {"bits_per_byte": GAIN, "bits_per_byte__novel": LOSS, "exact_match": GAIN},
        "no_benefit_shown",
        "a loss",
    ),
    (
        "nothing moves",
        {"bits_per_byte": OPEN, "bits_per_byte__novel": OPEN, "exact_match": OPEN},
        "no_benefit_shown",
        "no gain",
    ),
    ("one commit is novel", {"bits_per_byte": GAIN, "exact_match": GAIN}, "no_benefit_shown", "no interval over novel"),
    (
        "a headline metric is worse",
        {"bits_per_byte": GAIN, "bits_per_byte__novel": GAIN, "exact_match": GAIN, "identifier_f1": LOSS},
        "no_benefit_shown",
        "a loss in identifier_f1",
    ),
    ("no probabilities", {"exact_match": GAIN, "exact_match__novel": GAIN}, "ship", "exact_match"),
    ("no interval at all", {}, "no_benefit_shown", "one commit"),
]


@pytest.mark.parametrize(("name", "findings", "verdict", "said"), CASES, ids=[case[0] for case in CASES])
def test_the_rules_give(name: str, findings: dict[str, float], verdict: Verdict, said: str) -> None:
    found, reason = decide(differences(**findings), 200, 100, "tuned", "base")
    assert found == verdict
    assert said in reason


@pytest.mark.parametrize("finding", [GAIN, LOSS])
def test_too_few_items_allow_no_conclusion_in_either_direction(finding: float) -> None:
    found = differences(bits_per_byte=finding, bits_per_byte__novel=finding, exact_match=finding)
    verdict, reason = decide(found, 99, 100, "tuned", "base")
    assert verdict == "no_benefit_shown"
    assert reason.startswith("nothing can be concluded from 99 items")


def test_fewer_bits_that_never_make_a_better_answer_are_not_shipped() -> None:
    found = differences(bits_per_byte=GAIN, bits_per_byte__novel=GAIN)
    found.append(Difference("exact_match", "all", 0.2, 0.2, 0.0, -0.1, 0.1, 200, 30, "higher"))
    verdict, reason = decide(found, 200, 100, "tuned", "base")
    assert verdict == "no_benefit_shown"
    assert "neither exact match nor saved characters" in reason


GOOD = {"bits_per_byte": GAIN, "bits_per_byte__novel": GAIN, "exact_match": GAIN}
PASSED = Gate("invented_name_rate", -0.01, 0.0, True, "no more invented names")
MISSED = Gate("forgetting", 0.02, 0.01, False, "bits per byte on the standard library +2.0 %, allowed +1.0 %")
HARMFUL = Gate("forgetting", 0.2, 0.01, False, "bits per byte on the standard library +20.0 %", harms=True)


def test_passed_gates_are_counted_and_ship() -> None:
    verdict, reason = decide(differences(**GOOD), 200, 100, "tuned", "base", [PASSED])
    assert verdict == "ship"
    assert reason.endswith("no headline metric is a loss, 1 of 1 gates passed")


def test_one_missed_gate_is_enough_not_to_ship_and_is_named_with_its_limit() -> None:
    verdict, reason = decide(differences(**GOOD), 200, 100, "tuned", "base", [PASSED, MISSED])
    assert verdict == "no_benefit_shown"
    assert reason == (
        "tuned against base: gate forgetting is missed (bits per byte on the standard library +2.0 %, allowed +1.0 %)"
    )


def test_a_gate_that_harms_makes_any_verdict_harm_but_for_too_few_items() -> None:
    for found in (GOOD, {"bits_per_byte": OPEN, "bits_per_byte__novel": OPEN, "exact_match": OPEN}):
        verdict, reason = decide(differences(**found), 200, 100, "tuned", "base", [HARMFUL])
        assert (verdict, reason) == ("harm", "tuned does harm: bits per byte on the standard library +20.0 %")
    assert decide(differences(**GOOD), 99, 100, "tuned", "base", [HARMFUL])[0] == "no_benefit_shown"


def test_more_invented_names_miss_a_gate_and_fewer_or_as_many_pass() -> None:
    for finding, passed in ((GAIN, True), (OPEN, True), (LOSS, False)):
        delta = -finding or 0.01
        row = Difference("invented_name_rate", "all", 0.1, 0.1, delta, delta - 0.5, delta + 0.5, 200, 30, "lower")
        (gate,) = own_gates([row], "tuned", "base")
        assert (gate.name, gate.passed, gate.value) == ("invented_name_rate", passed, delta)
    assert own_gates(differences(**GOOD), "tuned", "base") == []
