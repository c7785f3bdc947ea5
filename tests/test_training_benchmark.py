"""The training benchmark's ratios say what their names say, and its rows and operations are what they should be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import training
from benchmarks.training import Trained
from tests.train.examples import small_base

CONFIG = {
    **{"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 3, "num_attention_heads": 4},
    **{"num_key_value_heads": 2, "vocab_size": 100},
}


def test_ratios_are_ours_over_theirs() -> None:
    found = {
        "stock": Trained(50.0, 25.0, 900.0, [3.0]),
        "best": Trained(100.0, 50.0, 800.0, [3.0, 2.0]),
        "ours": Trained(200.0, 100.0, 600.0, [3.0, 2.02, 1.0]),
        "two": Trained(230.0, None, 1100.0, [3.0]),
    }
    figures = training.compared(found, peak_gflops=100.0, flops_per_token=3e8)
    wanted = {"tokens_vs_trl_stock": 4.0, "tokens_vs_trl_best": 2.0, "share_of_peak": 0.6, "memory_vs_trl_best": 0.75}
    wanted |= {"two_vs_one_process": 1.15, "two.share_of_peak": 0.69}
    assert wanted.items() <= figures.items()
    assert (figures["loss_difference"], figures["best.share_of_peak"]) == (0.01, 0.3)
    assert "tokens_vs_loop" not in figures  # it did not run


def test_the_needed_operations_are_those_counted_by_hand() -> None:
    row = {"input_ids": [1] * 10, "labels": [-100] * 6 + [1] * 4}
    weights = 3 * (8 * 8 + 2 * 8 * 4 + 8 * 8 + 3 * 8 * 16)
    ranks = 3 * (16 + 12 + 12 + 16 + 3 * 24)
    by_hand = 10 * (4 * weights + 6 * 5 * ranks) + 12 * 8 * 3 * 50 + 4 * 4 * 8 * 100
    assert training.needed_flops(CONFIG, 5, [row]) == by_hand


@pytest.mark.parametrize("tokens", [500, 3000])
def test_the_rows_are_source_of_every_length_a_dataset_has(tmp_path: Path, tokens: int) -> None:
    base = small_base(tmp_path / "base")
    training.write_rows(base / "tokenizer.json", tmp_path / "rows.jsonl", tokens, 64)
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text(encoding="utf-8").splitlines()]
    lengths = [len(row["input_ids"]) for row in rows]
    assert tokens <= sum(lengths) < tokens + 64 and max(lengths) == 64
    learned = sum(label != -100 for row in rows for label in row["labels"]) / sum(lengths)
    assert len(set(lengths)) > 3 and 0.6 < learned < 0.9
