"""Score validation rows under a loaded model: what a sweep judges its variants by.

In: a model and rows as the dataset stage wrote them. Out: bits, bytes and tokens of each row's labels. Dropped: control
tokens, which spell no text, and rows whose labels spell none at all. Evaluation items are no input.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tuner.evaluate.probes.bits import score_rows
from tuner.progress import Track
from tuner.records import Row
from tuner.render import MASKED
from tuner.swept import RowScore


def score_validation(model: Any, rows: Sequence[Row], vocabulary: Sequence[bytes], track: Track) -> list[RowScore]:
    """Score rows in their order."""
    scored = score_rows(model, rows, vocabulary, track)
    found = [
        RowScore(row.pair_id, bits, spelled, sum(_is_text(label, vocabulary) for label in row.labels[1:]))
        for row, (bits, spelled) in zip(rows, scored, strict=True)
    ]
    return [each for each in found if each.bytes]


def _is_text(label: int, vocabulary: Sequence[bytes]) -> bool:
    return label != MASKED and label < len(vocabulary) and len(vocabulary[label]) > 0
