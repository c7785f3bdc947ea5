"""The training benchmark's ratios say what their names say, and its rows and operations are what they should be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from benchmarks import training
from benchmarks.contest import Measured
from benchmarks.training import Trained
from tests.benchmarks.contestants import all_here, in_float32, run_here
from tests.train.examples import small_base

CONFIG = {
    **{"hidden_size": 8, "intermediate_size": 16, "num_hidden_layers": 3, "num_attention_heads": 4},
    **{"num_key_value_heads": 2, "vocab_size": 100},
}


def did(seconds: list[float], tokens: list[int], losses: list[float], peak_mib: float, alone: bool = True) -> Trained:
    """Make what a contestant did; its first step is slow, and counts nowhere."""
    spent = [99.0, *seconds]
    return Trained(spent, [2 * each for each in spent] if alone else None, [100, *tokens], losses, peak_mib)


def test_ratios_are_of_the_same_step_and_the_same_turn() -> None:
    found = {
        "stock": did([4.0], [200], [3.0], 900.0),
        "best": did([2.0, 8.0, 3.0], [200, 200, 200], [3.0, 2.0], 800.0),
        "ours": did([1.0, 4.0, 1.0], [200, 200, 200], [3.0, 2.02, 1.0], 600.0),
        "two": did([0.8], [200], [3.0], 1100.0, alone=False),
    }
    # the machine is slow in the turn of the third step, which takes no ratio down
    figures = training.compared(found, gflops=[100.0, 100.0, 25.0, 100.0], flops_per_token=3e8)
    wanted = {"tokens_vs_trl_best": 2.0, "share_of_peak": 0.6, "share_of_peak.low": 0.6, "best.share_of_peak": 0.3}
    wanted |= {"memory_vs_trl_best": 0.75, "loss_difference": 0.01, "peak.gflops": 100.0}
    wanted |= {"tokens_vs_trl_stock": 2.0, "two_vs_one_process": 2.5, "two.share_of_peak": 0.75}
    wanted |= {"ours.tokens_per_second": 100.0, "ours.tokens_per_cpu_second": 50.0}
    assert wanted.items() <= figures.items()
    assert figures["tokens_vs_trl_best.high"] == 3.0
    assert "tokens_vs_loop" not in figures  # it did not run
    assert "two.tokens_per_cpu_second" not in figures  # others did its work


def test_the_figures_are_those_of_contestants_that_see_the_same_batches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def together(module: str, jobs: Mapping[str, dict[str, Any]]) -> dict[str, Measured]:
        asked.extend(jobs)
        return all_here(module, jobs)

    base, results = small_base(tmp_path / "base"), tmp_path / "training.json"
    given = ["--base", str(base), "--max-tokens", "64", "--steps", "3", "--only", "best", "--only", "ours"]
    with in_float32():
        assert training.main([*given, "--results", str(results)], run_here, together) == 0
    assert asked == ["best", "ours", "peak"]
    figures = json.loads(results.read_text(encoding="utf-8"))
    assert figures["loss_difference"] < 1e-4 and figures["peak.gflops"] > 0
    assert figures["tokens_vs_trl_best.low"] <= figures["tokens_vs_trl_best"] <= figures["tokens_vs_trl_best.high"]
    assert 0 < figures["share_of_peak"] < 1
    shown = capsys.readouterr().out
    assert "tokens_vs_trl_best" in shown and "half of the steps" in shown
    assert "stock.tokens_per_second" not in figures


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
