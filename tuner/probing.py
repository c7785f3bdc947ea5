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
