"""Set up the view of a training: what its speed is measured against on this machine.

In: the base's configuration, the rows and the recipe. Out: a view that knows how many operations a token needs. Counted
is what these rows need at least: attention within each row, logits of labelled positions only; with activation
checkpointing also the second forward pass. Of a base whose architecture is not planned nothing is counted, and the view
says so.
"""

from __future__ import annotations

from typing import Any

import torch

from tuner.errors import BaseError
from tuner.machine import measure_speed
from tuner.plan import operations
from tuner.recipe import TrainSettings
from tuner.render import MASKED
from tuner.shape import read_shape
from tuner.training_view import TrainingView


def make_view(
    config: dict[str, Any], rows: dict[str, list[Any]], settings: TrainSettings, dtype: torch.dtype, processes: int
) -> TrainingView:
    """Make the view of a training of `rows` by so many processes, whose products are of `dtype`."""
    return TrainingView(needed_operations(config, rows, settings), lambda: measure_speed(dtype.itemsize), processes)


def needed_operations(config: dict[str, Any], rows: dict[str, list[Any]], settings: TrainSettings) -> float | None:
    """Count the operations of a token of these rows."""
    try:
        shape = read_shape(config, "")
    except BaseError:
        return None
    lengths = [len(ids) for ids in rows["input_ids"]]
    labels = sum(each != MASKED for row in rows["labels"] for each in row[1:])
    within = sum(length**2 for length in lengths) / sum(lengths)
    return operations(shape, settings, within, labels / sum(lengths))
