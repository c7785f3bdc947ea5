"""Compute a month of seats and of machines of one's own: dollars, load, and from which team size ours costs no more.

In: what a team is, every figure an assumption from the recipe, and how long our system takes for a completion. Out: a
`Costs`. The page's script (`switching.js`) computes the same again from what a reader types in. Both do the same steps
in the same order, so that both show the same digits.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from tuner.recipe import Team

HOURS_PER_MONTH = 24 * 365.25 / 12  # a server runs all the time
MONTHS_PER_YEAR = 12
SECONDS_PER_HOUR = 3600
LARGEST_TEAM = 10_000  # developers up to which a break-even is looked for

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
