"""Answer `should we switch?` in one line: quality first, and costs only if quality allows to ask.

In: the contest, what a team is (every figure an assumption from the recipe), and how many items are wanted for any
conclusion. Out: what is known of our quality beside Copilot's, a month's costs, and the line in words. Nothing is
recommended unless our system was shown to be better than Copilot on these items: not when Copilot was not asked, gave
no answer or was better, and not when the difference is inconclusive. Retrieval counts as ours where it answered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from tuner.comparison import Contest, Difference, Pairing
from tuner.recipe import Team
from tuner.report import figures
from tuner.report.costs import LARGEST_TEAM, Costs, Outcome, costs

RIVAL = "copilot"
LEADING = "exact_match"
# A loss in one of these, over all lines or over novel ones, and ours is not better.
WATCHED = ("exact_match", "edit_similarity", "identifier_f1", "chars_saved_ratio")

# The line's second half; the page's script fills in the same words.
TAIL = "With these assumptions ours costs {ours} a month and {developers} seats cost {seats}; {even}."
EVEN = "it breaks even at {break_even} developers"
NEVER_EVEN = f"no team of up to {LARGEST_TEAM:,} developers would break even"

Quality = Literal["better", "worse", "inconclusive", "too_few", "no_interval", "no_answer", "not_asked", "harm"]


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
    line: str

    @property
    def dollars_per_1000(self) -> dict[str, tuple[float, str]]:
        """Give what a thousand of our completions cost by these assumptions; nothing where latency is not known."""
        found = self.costs
        if found.served is None or found.ours == 0:
            return {}
        note = f"hardware, energy and care over {found.completions:,.0f} completions a month (assumed, see below)"
        return {self.ours: (1000 * found.ours / found.completions, note)}


def switch(contest: Contest, team: Team, min_items: int) -> Switch:
    """Weigh quality first, then costs, and write the line."""
    answered = {each.name: each for each in contest.systems if each.answered}
    ours = next((name for name in ("tuned+bm25", "tuned") if name in answered), contest.a)
    result = answered.get(ours)
    latency = result.latency_p50_ms if result else None
    quality, why = _quality(contest, ours, min_items)
    found = costs(team, latency)
    leads = _leads(quality, why)
    even = EVEN if found.break_even else NEVER_EVEN
    tail = TAIL.format(
        ours=figures.money(found.ours),
        seats=figures.money(found.seats),
        developers=figures.count(team.developers),
        even=even.format(break_even=figures.count(found.break_even)),
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
        f"{leads[found.outcome]} {tail}",
    )


def _leads(quality: Quality, why: str) -> dict[Outcome, str]:
    """Begin the line; only where ours was shown to be better do the costs decide."""
    if quality == "better":
        return {
            "cheaper": f"Yes, on these items and assumptions: {why}.",
            "dearer": f"Not at this size: {why}, but it costs more.",
            "unknown": f"Open: {why}, but its latency was not measured, so that one machine is a guess.",
        }
    beginning = {"worse": "No, on these items", "harm": "No"}.get(quality, "No recommendation")
    lead = f"{beginning}: {why}."
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
