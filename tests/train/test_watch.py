from __future__ import annotations

import itertools
import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import TrainerControl, TrainerState, TrainingArguments

from tuner.errors import TrainError
from tuner.models import is_out_of_memory
from tuner.progress import Progress
from tuner.recipe import TrainSettings
from tuner.records import Row
from tuner.train.watch import Cost, Watch, cut_logs, ends, last_checkpoint, read_log
from tuner.training_view import TrainingView

from .examples import train


def clock() -> Callable[[], float]:
    """Give a clock that is half a second further each time it is looked at."""
    return itertools.count(100.0, 0.5).__next__


def feed(folder: Path, losses: list[float], view: TrainingView | None = None) -> None:
    """Tell of `losses` as a trainer does, one a step."""
    args = TrainingArguments(output_dir=str(folder), learning_rate=1e-3)
    control = TrainerControl()
    with Progress().track("training", total=None, unit="step") as track:
        cost = Cost(folder / "cost.json", clock())
        watch = Watch(track, folder, [], cost, view or TrainingView(None, pytest.fail))
        for step, loss in enumerate(losses, 1):
            state = TrainerState(global_step=step)
            watch.on_step_begin(args, state, control)
            watch.on_step_end(args, state, control)
            watch.on_log(args, state, control, {"loss": loss, "num_tokens": 100 * step, "learning_rate": 1e-3})


@pytest.mark.parametrize(
    ("losses", "message"),
    [
        ([2.0] * 12 + [10.0] * 10, "the loss is 10 at step 18, after 2 at the first"),
        ([2.0, 1.5, math.nan, 1.0], "the loss is nan at step 3, after 2 at the first"),
        ([2.0, math.inf], "the loss is inf at step 2, after 2 at the first"),
    ],
)
def test_a_loss_that_runs_away_stops_the_training(losses: list[float], message: str, tmp_path: Path) -> None:
    with pytest.raises(TrainError) as caught:
        feed(tmp_path, losses)
    assert caught.value.message == message
    assert caught.value.hint == 'lower the learning rate: SET="train.learning_rate=2.5e-04"'
    assert caught.value.exit_status == 1


def test_a_loss_that_jumps_once_or_starts_near_zero_does_not_stop_it(tmp_path: Path) -> None:
    feed(tmp_path, [2.0] * 12 + [30.0] + [2.0] * 10)
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert lines[12] == {"learning_rate": 0.001, "loss": 30.0, "step": 13, "tokens": 100}
    feed(tmp_path, [0.1] * 10 + [0.9] * 10)


def test_a_base_whose_loss_is_not_a_number_is_named_before_any_update(
    base: Path, rows: list[Row], tmp_path: Path
) -> None:
    broken = tmp_path / "base"
    shutil.copytree(base, broken)
    weights = load_file(broken / "model.safetensors")
    weights["model.layers.1.mlp.up_proj.weight"][3, 3] = torch.nan
    save_file(weights, broken / "model.safetensors", {"format": "pt"})
    with pytest.raises(TrainError) as caught:
        train(tmp_path, broken, rows)
    assert caught.value.message == "the loss is nan at step 1, before any update"
    assert caught.value.hint == "is the base whole? another one: BASE="


def test_a_failed_allocation_is_told_from_other_faults() -> None:
    from tuner.train import stage

    wanted = [
        (
            TrainSettings(sequences_per_batch=2, accumulation=4),
            'SET="train.sequences_per_batch=1 train.accumulation=8", or SET="train.gradient_checkpointing=true", '
            'or SET="train.quantization=nf4", or SET="dataset.max_tokens=256"',
        ),
        (TrainSettings(gradient_checkpointing=True, quantization="nf4"), 'SET="dataset.max_tokens=256"'),
    ]
    for settings, ways in wanted:
        with pytest.raises(TrainError) as caught, stage._memory_errors_named(settings, 512):
            torch.empty(2**60, dtype=torch.uint8)
        assert caught.value.message == "out of memory"
        assert caught.value.hint == f"{ways}; `tuner plan` says what each takes"
    with pytest.raises(RuntimeError, match="must match the size"), stage._memory_errors_named(TrainSettings(), 512):
        torch.ones(2) + torch.ones(3)
    assert is_out_of_memory(MemoryError()) and is_out_of_memory(torch.OutOfMemoryError())


def test_seconds_of_earlier_attempts_are_added_up(tmp_path: Path) -> None:
    first = Cost(tmp_path / "cost.json", iter([100.0, 103.0, 107.0]).__next__)
    first.lap()
    first.lap()
    second = Cost(tmp_path / "cost.json", iter([900.0, 902.0]).__next__)
    second.lap()
    assert second.seconds == 9.0
    assert 0.01 < first.peak_memory_gib <= second.peak_memory_gib < 100


def test_a_checkpoint_that_was_not_written_whole_is_passed_over(tmp_path: Path) -> None:
    assert last_checkpoint(tmp_path) is None
    for step in (20, 100, 120):
        (tmp_path / f"checkpoint-{step}").mkdir()
        if step < 120:
            (tmp_path / f"checkpoint-{step}/whole").touch()
    assert last_checkpoint(tmp_path) == tmp_path / "checkpoint-100"


def test_log_lines_after_the_checkpoint_and_a_torn_one_are_dropped(tmp_path: Path) -> None:
    assert read_log(tmp_path / "none.jsonl", 5) == []
    log = tmp_path / "metrics.jsonl"
    log.write_text("".join(json.dumps({"step": step}) + "\n" for step in range(1, 6)) + '{"step": 6, "lo')
    assert [line["step"] for line in read_log(log, 4)] == [1, 2, 3, 4]
    assert [line["step"] for line in read_log(log, 9)] == [1, 2, 3, 4, 5]


def test_each_step_says_what_it_took_in_a_file_of_its_own(tmp_path: Path) -> None:
    feed(tmp_path, [2.0, 1.5])
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line.keys() for line in lines] == [{"step", "loss", "learning_rate", "tokens"}] * 2
    first, second = (json.loads(line) for line in (tmp_path / "timings.jsonl").read_text().splitlines())
    assert (first["step"], first["seconds"], first["step_seconds"], first["tokens_per_second"]) == (1, 1.5, 0.5, 200.0)
    assert (second["step"], second["seconds"], second["step_seconds"]) == (2, 3.0, 0.5)
    assert second["memory_gib"] > 0.01 and 0.01 < second["peak_memory_gib"] < 100


def test_both_logs_go_back_to_the_checkpoint_and_only_the_first_is_read_on(tmp_path: Path) -> None:
    feed(tmp_path, [2.0, 1.5, 1.0])
    with (tmp_path / "metrics.jsonl").open("a") as stream:
        stream.write('{"step": 2, "valid_loss": 1.25}\n{"step": 3, "va')
    kept = cut_logs(tmp_path, 2)
    assert [line["step"] for line in kept] == [1, 2, 2] and kept[2] == {"step": 2, "valid_loss": 1.25}
    assert [len((tmp_path / name).read_text().splitlines()) for name in ("metrics.jsonl", "timings.jsonl")] == [3, 2]
    with Progress().track("training", total=None, unit="step") as track:
        watch = Watch(track, tmp_path, kept, Cost(tmp_path / "cost.json"), TrainingView(None, pytest.fail))
    assert (watch.losses, watch.tokens) == ([2.0, 1.5], 200)


def test_the_second_in_which_the_machine_is_measured_is_nobodys(tmp_path: Path) -> None:
    now = [0.0]

    def slow() -> float:
        now[0] += 1000.0
        return 1e9

    def tick() -> float:
        now[0] += 0.5
        return now[0]

    view = TrainingView(1e6, slow)
    view.wanted = True
    with Progress().track("training", total=None, unit="step") as track:
        cost = Cost(tmp_path / "cost.json", tick)
        watch = Watch(track, tmp_path, [], cost, view)
        for step in (1, 2):
            state = TrainerState(global_step=step)
            watch.on_step_begin(TrainingArguments(output_dir=str(tmp_path)), state, TrainerControl())
            watch.on_step_end(TrainingArguments(output_dir=str(tmp_path)), state, TrainerControl())
    assert view.peak == 1e9 and view.measured_at == 1
    assert cost.seconds == 3.0 and now[0] > 1000.0


def test_first_and_last_losses_never_overlap() -> None:
    assert ends([5.0]) == (5.0, 5.0)
    assert ends([4.0, 2.0, 1.0]) == (4.0, 1.0)
    assert ends([float(n) for n in range(40)]) == (4.5, 34.5)
