"""The QLoRA bench trains on whole weights and on nf4, and says what each took and what it is worth."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors import safe_open

from benchmarks import qlora
from tests.pipelines import Finished, finished_run
from tuner.models import training_dtype
from tuner.swept import RowScore

from .contestants import run_here


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return finished_run(tmp_path_factory.getbasetemp())


def test_both_ways_are_trained_judged_and_written_down(finished: Finished, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- figures:qlora -->\n<!-- /figures:qlora -->\n", encoding="utf-8")
    given = ["--run", str(finished.folder), "--tokens", "500", "--set", "train.accumulation=1"]
    given += ["--set", "train.learning_rate=1e-2", "--results", str(tmp_path / "qlora.json"), "--into", str(page)]
    assert qlora.main(given, run_here) == 0
    figures, lines = json.loads((tmp_path / "qlora.json").read_text()), page.read_text().splitlines()
    assert figures["none.steps"] == figures["nf4.steps"] > 1 and figures["none.tokens"] == figures["nf4.tokens"]
    for way in ("none", "nf4"):
        before, after = (figures[f"{way}.{when}.bits_per_byte"] for when in ("before", "after"))
        assert after < before and figures[f"{way}.tokens_per_second"] > 0
    assert figures["none.before.bits_per_byte"] != figures["nf4.before.bits_per_byte"]  # it really was quantised
    with safe_open(finished.inputs.base / "model.safetensors", "pt") as weights:
        count = sum(weights.get_tensor(name).numel() for name in weights.keys())  # noqa: SIM118
    assert figures["none.weights_bytes"] == count * training_dtype().itemsize
    assert figures["nf4.weights_bytes"] < figures["none.weights_bytes"]
    for name, (one, other, said) in qlora.DIFFERENCES.items():
        change = figures[f"difference.{name}"]
        assert change == pytest.approx(figures[f"{one}.bits_per_byte"] - figures[f"{other}.bits_per_byte"], abs=1.1e-4)
        low, high = figures[f"difference.{name}.low"], figures[f"difference.{name}.high"]
        assert f"| {said} | {change:+.4f} | [{low:+.4f}, {high:+.4f}] |" in lines and low <= change <= high
    assert lines[0] == "<!-- figures:qlora -->" and lines[-1] == "<!-- /figures:qlora -->"
    assert sum(line.startswith(("| `none` | ", "| `nf4` | ")) for line in lines) == 2


def scores(*bits: float) -> list[RowScore]:
    return [RowScore(f"row{number}", each, 10, 3) for number, each in enumerate(bits)]


def test_what_is_the_same_differs_by_nothing_and_rows_of_one_commit_have_no_interval() -> None:
    same = dict.fromkeys(qlora.JUDGED, scores(4.0, 8.0, 6.0)) | {"nf4.after": scores(5.0, 9.0, 7.0)}
    figures = qlora.compared(same, {"row0": "a", "row1": "b", "row2": "c"})
    assert [figures[f"difference.before{end}"] for end in ("", ".low", ".high")] == [0.0, 0.0, 0.0]
    assert [figures[f"difference.after{end}"] for end in ("", ".low", ".high")] == pytest.approx([0.1, 0.1, 0.1])
    alone = qlora.compared(same, dict.fromkeys(("row0", "row1", "row2"), "a"))
    assert (alone["difference.after"], alone["difference.after.low"]) == (pytest.approx(0.1), None)
