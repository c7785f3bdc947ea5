"""What the replay room hands to training.

`Replay` is the stage's record; its rows lie in `data/replay.jsonl`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Replay:
    """What replay leaves: rows of the base's own answers, to be trained on beside the dataset's."""

    rows: str
    counts: dict[str, int]
    rejected_counts: dict[str, int]
    metrics: dict[str, float]
