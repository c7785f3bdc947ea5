"""`Should we switch?` recommends only what was shown, and its arithmetic is what one would do by hand."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.report import contests
from tuner.comparison import Contest, Difference
from tuner.recipe import Team
from tuner.report.costs import LARGEST_TEAM, Costs, costs
from tuner.report.switching import switch

NAMES = ("base", "tuned", "copilot")
TEAM = Team(developers=20, peak_over_mean=4)


def against_copilot(delta: float, half: float, items: int = 250, **changes: object) -> Contest:
    """Make a contest in which tuned is `delta` above Copilot in all that is watched."""
    rows = [
        Difference(metric, stratum, 0.3, 0.3 - delta, delta, delta - half, delta + half, items, 90, "higher")
        for stratum in ("all", "novel")
        for metric in ("exact_match", "edit_similarity", "identifier_f1", "chars_saved_ratio")
    ]
    pairing = contests.pairing("tuned", "copilot", items, differences=rows)
    found = contests.contest(NAMES)
    kept = [each for each in found.pairings if (each.a, each.b) != ("tuned", "copilot")]
    return dataclasses.replace(found, pairings=[*kept, pairing], **changes)  # type: ignore[arg-type]


def line(contest: Contest, team: Team = TEAM) -> str:
    return switch(contest, team, 100).line


def test_a_month_is_what_one_would_compute_by_hand() -> None:
    found = costs(TEAM, 420.0)
    assert found.seats == 20 * 19
    assert found.hardware == pytest.approx(2500 / 36)
    assert found.energy == pytest.approx(0.250 * 730.5 * 0.30)
    assert found.care == 4 * 80
    assert found.ours == pytest.approx(69.444 + 54.7875 + 320, abs=0.001)
    assert found.completions == 20 * 400 * 21
    assert found.peak == pytest.approx(20 * 400 / (8 * 3600) * 4)
    assert found.served == pytest.approx(1000 / 420)
    assert (found.machines, found.break_even) == (1, 24)  # 444.23 / 19 is 23.4
    assert found.busy == pytest.approx(1.1111 * 0.42, abs=1e-4)


def test_a_busier_team_needs_more_machines_and_pays_for_each() -> None:
    found = costs(TEAM.model_copy(update={"developers": 100}), 420.0)
    assert found.machines == 3  # 5.56 a second at 2.38 a machine
    assert found.hardware == pytest.approx(3 * 2500 / 36)
    assert found.care == 4 * 80


def test_without_a_latency_nobody_knows_how_many_machines() -> None:
    found = costs(TEAM, None)
    assert (found.served, found.machines, found.busy, found.outcome) == (None, 1, None, "unknown")


def test_free_seats_never_break_even() -> None:
    assert costs(TEAM.model_copy(update={"seat_dollars_per_month": 0.0}), 420.0).break_even is None
    free = TEAM.model_copy(update={"hardware_dollars": 0.0, "watts": 0.0, "hours_of_care_per_month": 0.0})
    assert costs(free, 420.0).break_even == 1


TEAMS = st.builds(
    Team,
    developers=st.integers(1, 3000),
    seat_dollars_per_month=st.floats(0, 200),
    completions_per_developer_day=st.integers(1, 5000),
    hardware_dollars=st.floats(0, 50_000),
    watts=st.floats(0, 3000),
    hours_of_care_per_month=st.floats(0, 100),
)


@settings(max_examples=40)
@given(TEAMS, st.floats(1, 20_000))
def test_the_break_even_is_the_first_team_for_which_ours_costs_no_more(team: Team, latency: float) -> None:
    def of(developers: int) -> Costs:
        return costs(team.model_copy(update={"developers": developers}), latency)

    even = costs(team, latency).break_even
    if even is None:
        assert of(LARGEST_TEAM).ours > of(LARGEST_TEAM).seats * (1 - 1e-12)
    else:
        assert of(even).ours <= of(even).seats * (1 + 1e-12)
        assert even == 1 or of(even - 1).ours > of(even - 1).seats * (1 - 1e-12)


def test_a_team_that_never_breaks_even_is_told_so() -> None:
    free = TEAM.model_copy(update={"seat_dollars_per_month": 0.0})
    assert line(against_copilot(0.05, 0.02), free).endswith(
        "ours costs $444 a month and 20 seats cost $0.00; no team of up to 10,000 developers would break even."
    )


def test_it_says_yes_only_when_ours_is_better_and_costs_less() -> None:
    large = TEAM.model_copy(update={"developers": 40})
    assert line(against_copilot(0.05, 0.02), large) == (
        "Yes, on these items and assumptions: tuned is above copilot in exact match (+5.0 pp [+3.0, +7.0], 250 items). "
        "With these assumptions ours costs $444 a month and 40 seats cost $760; it breaks even at 24 developers."
    )
    assert line(against_copilot(0.05, 0.02)) == (
        "Not at this size: tuned is above copilot in exact match (+5.0 pp [+3.0, +7.0], 250 items), but it costs more. "
        "With these assumptions ours costs $444 a month and 20 seats cost $380; it breaks even at 24 developers."
    )


@pytest.mark.parametrize(
    ("contest", "beginning"),
    [
        (
            against_copilot(-0.05, 0.02),
            "No, on these items: tuned is below copilot in exact match (-5.0 pp [-7.0, -3.0], 250 items), "
            "and in 7 more of these figures. With",
        ),
        (
            against_copilot(0.02, 0.03),
            "No recommendation: tuned against copilot is inconclusive in exact match "
            "(+2.0 pp [-1.0, +5.0], 250 items). With",
        ),
        (
            against_copilot(0.05, 0.02, items=99),
            "No recommendation: tuned and copilot both answered 99 items, wanted 100 to conclude anything. With",
        ),
        (
            contests.contest(("base", "tuned")),
            "No recommendation: copilot was not asked about these items, so nothing here says how tuned compares "
            "with it. With",
        ),
        (
            against_copilot(0.05, 0.02, systems=[contests.system("tuned"), contests.system("copilot", answered=0)]),
            "No recommendation: copilot answered none of the 250 items, which says nothing about its quality. With",
        ),
        (
            contests.contest(NAMES, pairings=[contests.pairing("tuned", "copilot", differences=[])]),
            "No recommendation: there is no interval between tuned and copilot: too few items or commits. With",
        ),
        (
            against_copilot(0.05, 0.02, verdict="harm"),
            "No: tuning made the model worse (tuned against base). With",
        ),
        (
            against_copilot(
                0.05, 0.02, systems=[contests.system("tuned", latency_p50_ms=None), contests.system("copilot")]
            ),
            "Open: tuned is above copilot in exact match (+5.0 pp [+3.0, +7.0], 250 items), but its latency was not "
            "measured, so that one machine is a guess. With",
        ),
    ],
    ids=["worse", "inconclusive", "too_few", "not_asked", "no_answer", "no_interval", "harm", "no_latency"],
)
def test_nothing_is_recommended_that_was_not_shown(contest: Contest, beginning: str) -> None:
    for developers in (1, 20, 1000):
        found = line(contest, TEAM.model_copy(update={"developers": developers}))
        assert found.startswith(beginning)
        assert not found.startswith("Yes")


def test_a_loss_on_novel_lines_alone_is_a_loss() -> None:
    found = against_copilot(0.05, 0.02)
    pairing = found.pairings[-1]
    rows = [
        dataclasses.replace(each, delta=-0.05, low=-0.07, high=-0.03)
        if (each.metric, each.stratum) == ("identifier_f1", "novel")
        else each
        for each in pairing.differences
    ]
    changed = dataclasses.replace(found, pairings=[dataclasses.replace(pairing, differences=rows)])
    assert line(changed).startswith(
        "No, on these items: tuned is below copilot in identifier F1 on novel lines (-5.0 pp [-7.0, -3.0], 250 items)."
    )


def test_retrieval_counts_as_ours_where_it_answered() -> None:
    found = switch(contests.contest(), TEAM, 100)
    assert (found.ours, found.latency_ms) == ("tuned+bm25", 760.0)
    price, note = found.dollars_per_1000["tuned+bm25"]
    assert price == pytest.approx(1000 * found.costs.ours / 168_000)
    assert note == "hardware, energy and care over 168,000 completions a month (assumed, see below)"


def test_apis_are_priced_for_the_same_month() -> None:
    found = switch(contests.contest(), TEAM, 100)
    assert [(each.name, each.month) for each in found.apis] == [
        ("codestral", pytest.approx(0.214 * 168)),
        ("gpt-5.5", pytest.approx(4.91 * 168)),
    ]
