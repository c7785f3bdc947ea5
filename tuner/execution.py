"""What running answers says: one attempt for each item, the share that passed, and the change against the base.

`Execution` is the record of the stages `execute-<system>`; `ItemsToRun` is that of `prepare-execution`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from tuner.records import Interval, Item

Set = Literal["tasks", "repository"]  # the tasks that come with the program, and functions of the mined repository
Gate = Literal["passed", "failed", "not_shown"]


@dataclass(frozen=True, slots=True)
class RunItem:
    """An item whose answer is checked by the repository's own tests, by their node ids; `passed` of them must pass."""

    item: Item
    tests: list[str]
    passed: int | None


@dataclass(frozen=True, slots=True)
class ItemsToRun:
    """What `prepare-execution` leaves: the items, and how many functions each criterion let through."""

    items: str
    rejected: str
    counts: dict[str, int]
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One answer that was run. `ended` is `passed`, `failed`, or what stopped it."""

    item_id: str
    text: str
    ended: str

    @property
    def passed(self) -> bool:
        """Tell whether it counts."""
        return self.ended == "passed"


@dataclass(frozen=True, slots=True)
class Change:
    """A share of the tuned system minus that of the base over the same items; the gate is for general tasks alone."""

    against: str
    delta: float
    low: float
    high: float
    n: int
    gained: int
    lost: int
    smallest_detectable: float
    gate: Gate | None
    reason: str


@dataclass(frozen=True, slots=True)
class Passes:
    """One system's attempts at one set of items: `eval/<system>.tasks.json` or `eval/<system>.repository.json`."""

    system: str
    set: Set
    pass_at_1: Interval | None
    change: Change | None
    attempts: list[Attempt]


@dataclass(frozen=True, slots=True)
class Execution:
    """What a stage `execute-<system>` leaves, by set: the file, the share that passed, and the change."""

    system: str
    files: dict[str, str]
    changes: dict[str, Change]
    metrics: dict[str, float]
    about: dict[str, str] = field(default_factory=dict)
