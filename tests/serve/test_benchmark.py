"""The serving benchmark measures both sides and writes the promised figures."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import serving
from tuner.rundir import Run

PROMISED = ("added_p50_ms", "throughput_loss", "second_keystroke_speedup", "switch_ms")


def test_a_run_measures_everything_and_leaves_no_slot_busy(
    runs: tuple[Run, Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    results = tmp_path / "results" / "serving.json"
    given = ["--run", str(runs[0].folder), "--pairs", "4", "--rounds", "1", "--requests", "24", "--threads", "1"]
    assert serving.main([*given, "--results", str(results)]) == 0
    figures, shown = json.loads(results.read_text()), capsys.readouterr().out
    assert all(name in figures and name in shown for name in (*PROMISED, *serving.BARS))
    assert figures["stuck_slots"] == figures["failures"] == 0
    assert 0 < figures["given_up"] < figures["requests"] == 24
    assert figures["front.answers_per_second"] > 0 and figures["bare.answers_per_second"] > 0
    assert not any(isinstance(value, (dict, list)) for value in figures.values())
    assert str(tmp_path) not in results.read_text()


def test_without_a_finished_run_it_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert serving.main(["--adapters", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"error: {tmp_path}: no run has finished its export\nhint: make train REPO=... first, or give --run\n"
    )
