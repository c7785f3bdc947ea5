"""What probes find beside the items: whether a system forgot, recites, or stumbles over names.

Each record is a file in `eval/`, written by `evaluate.probes` and read by the pipeline and the report. `Probed` is what
such a stage leaves in the manifest.
"""

from __future__ import annotations

from dataclasses import dataclass

from tuner.records import Interval


@dataclass(frozen=True, slots=True)
class Probed:
    """What a probe leaves: its file, one line that sums it up, and the figures."""

    probes: str
    said: str
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of Python's standard library, by its first line, and the bits that a system needs for it."""

    path: str
    line: int
    bytes: int
    bits: float


@dataclass(frozen=True, slots=True)
class Forgetting:
    """`eval/<system>.probes.json`: unrelated code under one system. `increase` is that against base, None for base.

    `python` and `sha256` say which library it was; systems are compared over the same pieces alone.
    """

    system: str
    python: str
    sha256: str
    pieces: list[Piece]
    bits_per_byte: Interval
    increase: Interval | None


@dataclass(frozen=True, slots=True)
class Point:
    """The adapter at one scale, or after fewer steps: what it forgot, and what it gained on the validation rows.

    `step` is None for the adapter as it was trained. `gain` is the relative change of bits per byte on the validation
    rows (below 0 is better), None where they have no interval.
    """

    step: int | None
    scale: float
    increase: Interval
    valid_bits_per_byte: float
    gain: Interval | None


@dataclass(frozen=True, slots=True)
class Trade:
    """`eval/trade.json`: forgetting against gain, by scale. `best` is the point to choose, by its place.

    `applied` says whether the adapter was changed to it. No evaluation item was looked at.
    """

    limit: float
    library_sha256: str
    valid_rows: int
    valid_bits_per_byte_base: float
    points: list[Point]
    best: int | None
    applied: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Recited:
    """How much of its training text a system writes down word for word.

    Of `windows` training texts it was shown the beginning; `recited` were continued exactly as they go on, and
    `mean_tokens` is how far the continuations agree on average. Of `answers` to the items, `long_enough` have a span's
    length at all, and `copied` hold a whole span of training text. `secrets` counts by kind what looks like a secret or
    a personal detail in anything it wrote, `redacted` beginnings that stop where something was redacted included.
    """

    system: str
    windows: int
    recited: int
    rate: Interval | None
    mean_tokens: float
    answers: int
    long_enough: int
    copied: int
    redacted: int
    secrets: dict[str, int]


@dataclass(frozen=True, slots=True)
class Recall:
    """`eval/recall.json`: what base and tuned recite, in tokens of `prompt`, `continued` and `span`."""

    prompt: int
    continued: int
    span: int
    systems: list[Recited]
