"""What people preferred when they compared answers blind: the arena's result, which lies in `arena/ratings.json`.

The arena writes it and the report reads it. Ratings are in points: a system that is 100 points above another is
preferred in 64 of 100 votes that decide between the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from tuner.records import Interval

Preferred = Literal["a_preferred", "b_preferred", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Rating:
    """One system's points above the mean of all rated ones; None where no vote ties it to them. `n` counts votes."""

    system: str
    votes: int
    points: Interval | None


@dataclass(frozen=True, slots=True)
class PairPreference:
    """Two systems over the items. Of `items`, `voided` lack an answer and `identical` were answered alike: never shown.

    `votes` are those that count: `a` preferred, `b` preferred, equal or both bad. `lead` is the points of `a` above
    `b`, and `share` the same as the share of deciding votes that prefer `a`; None where nothing ties the two together.
    """

    a: str
    b: str
    items: int
    voided: int
    identical: int
    votes: int
    a_votes: int
    b_votes: int
    equal: int
    both_bad: int
    lead: Interval | None
    share: Interval | None
    finding: Preferred


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far voters agree on the duels that several of them judged; None where there is none.

    `alpha` is Krippendorff's. `same` and `opposite` are shares of all pairs of votes on the same duel.
    """

    duels: int
    alpha: float | None
    same: float | None
    opposite: float | None


@dataclass(frozen=True, slots=True)
class Preferences:
    """All that the votes of a run say. `outdated` votes are about answers that stand in the run no more: not counted.

    `commits` counts the commits that the judged items stem from. `seconds` is the median time that a vote took.
    """

    items_sha256: str
    voters: int
    votes: int
    skipped: int
    outdated: int
    items: int
    commits: int
    seconds: float | None
    systems: list[Rating]
    pairs: list[PairPreference]
    agreement: Agreement
