"""List per system which items got no answer and which answers came in a wrong form, by class.

In: the systems' results. Out: rows in words. A void is no answer and counts in no figure; a format failure is an
answer that is scored all the same. Every system has a row, also one that answered everything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tuner.comparison import SystemResult

WORDS = {
    "auth": "the key or the sign-in was refused",
    "no_access": "no subscription, or no right to this model",
    "quota": "the plan or the credit is used up",
    "rate": "too many requests, also after the last attempt",
    "server": "the server failed",
    "timeout": "no whole answer in time",
    "truncated": "the answer broke off on the way",
    "protocol": "what came back was no answer at all",
    "crash": "the program that was asked ended",
    "no_model": "the model is not known there",
    "not_asked": "the system had stopped, or was told to ask no more",
}


@dataclass(frozen=True, slots=True)
class Failures:
    """One system's failures; each is class, meaning and count, the most frequent first."""

    system: str
    items: int
    answered: int
    voids: list[tuple[str, str, int]]
    malformed: list[tuple[str, int]]


def failures(systems: Sequence[SystemResult]) -> list[Failures]:
    """List every system's voids and format failures."""
    return [
        Failures(
            each.name,
            each.items,
            each.answered,
            [(name, WORDS.get(name, "a class of its own"), count) for name, count in _ranked(each.voids)],
            [(name.replace("_", " "), count) for name, count in _ranked(each.format_failures)],
        )
        for each in systems
    ]


def _ranked(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(((name, count) for name, count in counts.items() if count), key=lambda each: (-each[1], each[0]))
