"""Turn votes into records that may leave the machine: systems, items and choices, but no code and no name.

In: the votes and the duels that stand in the run. Out: one record a vote, in the order in which they were cast. Left
out: names (voters are numbered from 1 in the order of their first vote in the file), when a vote was cast, and votes
that were taken back. Skipped and outdated votes are kept and say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from tuner.arena.duels import Duel
from tuner.arena.votes import Vote


@dataclass(frozen=True, slots=True)
class ExportedVote:
    """One vote. `preferred` names a system, None for none; `counted`: not skipped, and its answers still stand."""

    voter: str
    duel: str
    item_id: str
    left: str
    right: str
    choice: Literal["left", "right", "equal", "both_bad", "skip"]
    preferred: str | None
    seconds: float | None
    counted: bool


def exported(votes: Sequence[Vote], duels: Mapping[str, Duel]) -> Iterator[ExportedVote]:
    """Yield each vote without its voter's name."""
    numbers: dict[int, int] = {}
    for vote in votes:
        number = numbers.setdefault(vote.voter, len(numbers) + 1)
        yield ExportedVote(
            voter=f"voter-{number}",
            duel=vote.duel,
            item_id=vote.item,
            left=vote.left,
            right=vote.right,
            choice=vote.choice,
            preferred={"left": vote.left, "right": vote.right}.get(vote.choice),
            seconds=vote.seconds,
            counted=vote.duel in duels and vote.choice != "skip",
        )
