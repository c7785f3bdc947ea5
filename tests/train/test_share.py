"""What a training's speed is measured against: the operations that its rows need, counted by hand beside it."""

from __future__ import annotations

import pytest
import torch

from tuner.recipe import TrainSettings
from tuner.render import MASKED
from tuner.train.share import make_view, needed_operations


def test_operations_are_those_that_the_rows_need() -> None:
    llama = {
        **{"model_type": "llama", "hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 1},
        **{"num_attention_heads": 1, "vocab_size": 32},
    }
    rows = {"input_ids": [[1] * 4, [1] * 2], "labels": [[MASKED, MASKED, 1, 1], [1, MASKED]]}
    linear, adapters, head = 4 * 64 + 3 * 128, 2 * (4 * 16 + 3 * 24), 8 * 32
    within = (16 + 4) / 6
    wanted = 2 * (2 * (linear + head * 2 / 6) + 2 * within * 16 / 2) + 6 * adapters
    assert needed_operations(llama, rows, TrainSettings(rank=2)) == pytest.approx(wanted)
    assert needed_operations({"model_type": "mystery"}, rows, TrainSettings()) is None
    assert make_view(llama, rows, TrainSettings(rank=2), torch.float32, 3).facts() == {
        **{"operations": pytest.approx(wanted), "processes": 3, "peak": None, "measured_at": 0}
    }
