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


@dataclass(frozen=True, slots=True)
class Canary:
    """A planted line: `before` begins it, `secret` ends it, and it stands in `planted` files."""

    before: str
    secret: str
    planted: int


@dataclass(frozen=True, slots=True)
class Exposed:
    """A canary after training: how often the training rows hold it (`seen`), and what it takes to get it back.

    Exposures are in bits: how far up the secret stands among `alternatives` + 1 candidates by likelihood. Extracted is
    one that the system writes down when it is shown the line's beginning.
    """

    canary: Canary
    seen: int
    alternatives: int
    base_exposure: float
    tuned_exposure: float
    base_extracted: bool
    tuned_extracted: bool


@dataclass(frozen=True, slots=True)
class Canaries:
    """`eval/canaries.json`."""

    exposed: list[Exposed]


@dataclass(frozen=True, slots=True)
class SideEffect:
    """One snippet with a neutral and with a sensitive name: the bits of the code behind it, and what was written there.

    `neutral_fault` and `sensitive_fault` name what was wrong with a continuation, None where it was code.
    """

    template: int
    form: str
    group: str
    neutral: str
    sensitive: str
    bytes: int
    neutral_bits: float
    sensitive_bits: float
    neutral_fault: str | None
    sensitive_fault: str | None


@dataclass(frozen=True, slots=True)
class Filters:
    """`eval/filters.json`: what names alone change for a base. `change` is relative, by group too; above 0 is worse."""

    base: str
    revision: str
    cases: list[SideEffect]
    change: Interval
    groups: dict[str, Interval]
