"""What is known of a repository before any training: the records of `tuner evaluate --screen`.

`Familiarity` is how well the base knows the repository's files beside unrelated code; `Screening` is all together, and
lies in `eval/screen.json`.
"""

from __future__ import annotations

from dataclasses import dataclass

from tuner.comparison import Difference
from tuner.forecast import Forecast
from tuner.records import Interval


@dataclass(frozen=True, slots=True)
class Familiarity:
    """The base's bits per byte at places in the training files, and in unrelated code; intervals resample files."""

    own: Interval | None
    unrelated: Interval | None
    unrelated_name: str
    said: str
    metrics: dict[str, float]


@dataclass(frozen=True, slots=True)
class Screening:
    """All that can be said before training. `known_share` of the items' lines stand in a training file word for word.

    `scores` is by system (base, base+bm25, copier), then by metric; `retrieval` is base+bm25 minus base.
    """

    items: int
    known_share: float
    scores: dict[str, dict[str, Interval]]
    retrieval: list[Difference]
    familiarity: Familiarity
    forecast: Forecast | None
    said: str
    metrics: dict[str, float]
