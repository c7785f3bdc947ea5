"""Answer `should we switch?` in one line: seats against hardware, energy and care, but only if quality allows to ask.

In: what a team is (every figure an assumption from the recipe), how long our system takes for a completion, and the
contest; `min_items` are wanted for any conclusion. Out: dollars a month on both sides, the team size from which ours
costs no more, how many machines the busiest moment takes, and the line in words. Nothing is recommended unless our
system was shown to be better than Copilot on these items: not when Copilot was not asked, gave no answer or was better,
and not when the difference is inconclusive.

The page's script (`switching.js`) computes the same again from what a reader types in. Both do the same steps in the
same order, so that both show the same digits.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tuner.comparison import Contest, Difference, Pairing
from tuner.recipe import Team
from tuner.report import figures

HOURS_PER_MONTH = 24 * 365.25 / 12  # a server runs all the time
MONTHS_PER_YEAR = 12
SECONDS_PER_HOUR = 3600
LARGEST_TEAM = 10_000  # developers up to which a break-even is looked for
RIVAL = "copilot"
LEADING = "exact_match"
# A loss in one of these, over all lines or over novel ones, and ours is not better.
WATCHED = ("exact_match", "edit_similarity", "identifier_f1", "chars_saved_ratio")

Quality = Literal["better", "worse", "inconclusive", "too_few", "no_interval", "no_answer", "not_asked", "harm"]
Outcome = Literal["cheaper", "dearer", "unknown"]


@dataclass(frozen=True, slots=True)
class Costs:
    """A month in dollars and completions. `served` is None, and `machines` assumed, where latency is not known."""

    seats: float
    hardware: float
    energy: float
    care: float
    ours: float
    completions: float
    peak: float
    served: float | None
    machines: int
    busy: float | None
    break_even: int | None

    @property
    def outcome(self) -> Outcome:
        """Say which side costs less; nobody knows where it is not known what a machine serves."""
        if self.served is None:
            return "unknown"
        return "cheaper" if self.ours <= self.seats else "dearer"


@dataclass(frozen=True, slots=True)
class Api:
    """A system that is paid by the completion: dollars for a thousand, and for the team's month."""

    name: str
    per_1000: float
    month: float


@dataclass(frozen=True, slots=True)
class Switch:
    """The answer: which of our systems is meant, what is known of its quality, the costs, and the line."""

    ours: str
    quality: Quality
    why: str
    latency_ms: float | None
    p95_ms: float | None
    within_500_ms: float | None
    costs: Costs
    apis: list[Api]
    leads: Mapping[Outcome, str]
    tail: str
    evens: Mapping[str, str]
    line: str

    @property
    def dollars_per_1000(self) -> dict[str, tuple[float, str]]:
        """Give what a thousand of our completions cost by these assumptions; nothing where latency is not known."""
        found = self.costs
        if found.served is None or found.ours == 0:
            return {}
        note = f"hardware, energy and care over {found.completions:,.0f} completions a month (assumed, see below)"
        return {self.ours: (1000 * found.ours / found.completions, note)}


def costs(team: Team, latency_ms: float | None) -> Costs:
    """Compute a month of `team`; a machine answers one completion after another, each in `latency_ms`."""
    served = 1000.0 / latency_ms if latency_ms else None
    needed = _machines(team, team.developers, served)
    hardware, energy = needed * _hardware(team), needed * _energy(team)
    care = _care(team)
    peak = _peak(team, team.developers)
    return Costs(
        seats=team.developers * team.seat_dollars_per_month,
        hardware=hardware,
        energy=energy,
        care=care,
        ours=hardware + energy + care,
        completions=float(team.developers * team.completions_per_developer_day * team.days_per_month),
        peak=peak,
        served=served,
        machines=needed,
        busy=None if served is None else peak / (needed * served),
        break_even=_break_even(team, served),
    )


def switch(contest: Contest, team: Team, min_items: int) -> Switch:
    """Weigh quality first, then costs, and write the line."""
    answered = {each.name: each for each in contest.systems if each.answered}
    ours = next((name for name in ("tuned+bm25", "tuned") if name in answered), contest.a)
    result = answered.get(ours)
    latency = result.latency_p50_ms if result else None
    quality, why = _quality(contest, ours, min_items)
    found = costs(team, latency)
    leads, tail, evens = _leads(quality, why, ours), _TAIL, _EVENS
    even = evens["some"].replace("{break_even}", f"{found.break_even:,}") if found.break_even else evens["none"]
    line = (
        leads[found.outcome]
        + " "
        + tail.replace("{ours}", figures.money(found.ours))
        .replace("{seats}", figures.money(found.seats))
        .replace("{developers}", f"{team.developers:,}")
        .replace("{even}", even)
    )
    return Switch(
        ours,
        quality,
        why,
        latency,
        result.latency_p95_ms if result else None,
        result.within_500_ms if result else None,
        found,
        [
            Api(each.name, each.dollars_per_1000, each.dollars_per_1000 * found.completions / 1000)
            for each in contest.systems
            if each.dollars_per_1000 is not None and each.name != RIVAL
        ],
        leads,
        tail,
        evens,
        line,
    )


_TAIL = "With these assumptions ours costs {ours} a month and {developers} seats cost {seats}; {even}."
_EVENS = {
    "some": "ours costs no more from {break_even} developers on",
    "none": f"no team of up to {LARGEST_TEAM:,} developers would break even",
}


def _leads(quality: Quality, why: str, ours: str) -> dict[Outcome, str]:
    """Begin the line; only where ours was shown to be better do the costs decide."""
    if quality == "better":
        return {
            "cheaper": f"Yes, on these items and assumptions: {why}.",
            "dearer": f"Not at this size: {why}, but it costs more.",
            "unknown": f"Open: {why}, but its latency was not measured, so that one machine is a guess.",
        }
    lead = {
        "worse": f"No, on these items: {why}.",
        "inconclusive": f"No recommendation: {why}.",
        "too_few": f"No recommendation: {why}.",
        "no_interval": f"No recommendation: {why}.",
        "no_answer": f"No recommendation: {why}.",
        "not_asked": f"No recommendation: {why}.",
        "harm": f"No: {why}.",
    }[quality]
    return {"cheaper": lead, "dearer": lead, "unknown": f"{lead} Latency was not measured: one machine is a guess."}


def _quality(contest: Contest, ours: str, min_items: int) -> tuple[Quality, str]:
    """Say what is known of our quality beside the rival's, in the words of the finding."""
    if contest.verdict == "harm":
        return "harm", f"tuning made the model worse ({contest.a} against {contest.b})"
    rival = next((each for each in contest.systems if each.name == RIVAL), None)
    if rival is None:
        return "not_asked", f"{RIVAL} was not asked about these items, so nothing here says how {ours} compares with it"
    if not rival.answered:
        return "no_answer", f"{RIVAL} answered none of the {rival.items} items, which says nothing about its quality"
    pairing = next((each for each in contest.pairings if (each.a, each.b) == (ours, RIVAL)), None)
    overall = None if pairing is None else _difference(pairing, LEADING, "all")
    if pairing is None or overall is None:
        return "no_interval", f"there is no interval between {ours} and {RIVAL}: too few items or commits"
    if pairing.items < min_items:
        both = f"{ours} and {RIVAL} both answered {pairing.items} items"
        return "too_few", f"{both}, wanted {min_items} to conclude anything"
    lost = [
        found
        for stratum in ("all", "novel")
        for metric in WATCHED
        if (found := _difference(pairing, metric, stratum)) is not None and found.finding == "loss"
    ]
    if lost:
        more = f", and in {len(lost) - 1} more of these figures" if len(lost) > 1 else ""
        return "worse", f"{ours} is below {RIVAL} in {_said(lost[0])}{more}"
    if overall.finding == "inconclusive":
        return "inconclusive", f"{ours} against {RIVAL} is inconclusive in {_said(overall)}"
    return "better", f"{ours} is above {RIVAL} in {_said(overall)}"


def _difference(pairing: Pairing, metric: str, stratum: str) -> Difference | None:
    return next((each for each in pairing.differences if (each.metric, each.stratum) == (metric, stratum)), None)


def _said(each: Difference) -> str:
    where = "" if each.stratum == "all" else f" on {each.stratum} lines"
    return (
        f"{figures.metric_name(each.metric)}{where} ({figures.change(each.metric, each.delta)} "
        f"{figures.change_ends(each)}, {each.items} items)"
    )


def _peak(team: Team, developers: int) -> float:
    """Give completions per second in the busiest moment."""
    daily = developers * team.completions_per_developer_day
    return daily / (team.hours_per_day * SECONDS_PER_HOUR) * team.peak_over_mean


def _machines(team: Team, developers: int, served: float | None) -> int:
    return 1 if served is None else max(1, math.ceil(_peak(team, developers) / served))


def _hardware(team: Team) -> float:
    return team.hardware_dollars / (team.hardware_years * MONTHS_PER_YEAR)


def _energy(team: Team) -> float:
    return team.watts / 1000 * HOURS_PER_MONTH * team.dollars_per_kwh


def _care(team: Team) -> float:
    return team.hours_of_care_per_month * team.dollars_per_hour_of_care


def _break_even(team: Team, served: float | None) -> int | None:
    """Find the smallest team whose seats cost as much as ours, with the machines that this team would need."""
    each, care = _hardware(team) + _energy(team), _care(team)
    for developers in range(1, LARGEST_TEAM + 1):
        if _machines(team, developers, served) * each + care <= developers * team.seat_dollars_per_month:
            return developers
    return None
