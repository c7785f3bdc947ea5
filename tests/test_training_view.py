"""What is seen of a running training: every figure, and what is not known is not made up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tuner.training_log import holds_times, read_lines, steps_of, validations_of
from tuner.training_view import TrainingView

TIMING = {"step_seconds": 2.0, "memory_gib": 1.91, "peak_memory_gib": 2.14}
LINE = {"loss": 1.5, "learning_rate": 8.1e-4, "tokens": 800}


def seen(operations: float | None = 5e8, processes: int = 1, **timing: Any) -> TrainingView:
    view = TrainingView(operations, lambda: 4e11, processes)
    view.add(LINE | {"loss": 2.0}, TIMING | timing)
    view.add(LINE | {"loss": 1.0}, TIMING | timing)
    return view


def measured(**changes: Any) -> TrainingView:
    view = seen(**changes)
    view.lines()
    view.measure_once(3)
    return view


def test_loss_speed_share_of_peak_and_memory_are_shown() -> None:
    view = measured()
    assert view.lines() == [
        "loss 1.500 (last step 1.000), learning rate 8.1e-04",
        "400 tokens/s, 50% of peak (400 GFLOP/s, measured at step 3)",
        "memory 1.9 GiB now, 2.1 GiB at most so far",
    ]
    assert view.short() == "loss 1.500, 400 tokens/s, 50% of peak, 1.9 GiB now"


def test_two_processes_have_twice_the_peak() -> None:
    assert measured(processes=2).share == 0.25


def test_what_is_not_known_is_said_and_not_made_up() -> None:
    assert seen().lines()[1] == "400 tokens/s, share of peak not measured yet"
    assert seen().short() == "loss 1.500, 400 tokens/s, 1.9 GiB now"
    unplanned = measured(operations=None)
    assert unplanned.peak is None
    assert unplanned.lines()[1] == "400 tokens/s, share of peak not known for this architecture"
    assert seen(memory_gib=None).lines()[2] == "memory 2.1 GiB at most, 2.1 GiB at most so far"
    assert TrainingView(1.0, lambda: 1.0).lines() == [] and TrainingView(1.0, lambda: 1.0).short() == ""


def test_the_machine_is_measured_once_and_only_when_somebody_looks() -> None:
    asked: list[int] = []
    view = TrainingView(5e8, lambda: asked.append(1) or 4e11)  # type: ignore[func-returns-value]
    view.add(LINE, TIMING)
    assert not view.measure_once(1) and asked == []
    view.short()
    assert view.measure_once(2) and not view.measure_once(3)
    assert (asked, view.measured_at) == ([1], 2)


def test_lines_are_short_enough_for_a_terminal() -> None:
    view = TrainingView(5e8, lambda: 9.9e14)
    for _ in range(2):
        view.add(LINE | {"loss": 12.5}, TIMING | {"step_seconds": 0.001, "memory_gib": 139.3, "peak_memory_gib": 139.3})
        view.lines()
        view.measure_once(123456)
    assert max(map(len, view.lines())) <= 76
    assert max(map(len, seen(operations=None).lines())) <= 76


def test_both_kinds_of_line_are_read(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    lines = [{"step": 1, **LINE}, {"step": 1, "valid_loss": 1.25}]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines) + '{"step": 2, "lo')
    assert (steps_of(read_lines(path)), validations_of(read_lines(path))) == (lines[:1], lines[1:])
    assert steps_of([{"step": 2, "loss": None, "tokens": 8}]) == []
    assert read_lines(tmp_path / "none") == []


def test_files_of_times_are_told_from_results() -> None:
    timed = ("timings.jsonl", "tensorboard/events.out.tfevents.0", "trackio/training.db")
    assert all(map(holds_times, timed))
    assert not any(map(holds_times, ("metrics.jsonl", "loss.svg", "adapter/timings.jsonl", "tensorboard.md")))
