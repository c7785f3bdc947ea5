from __future__ import annotations

import json
import math
import shutil
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
from tuner.train.watch import Cost, Watch, ends, last_checkpoint, read_log

from .examples import train


def feed(folder: Path, losses: list[float]) -> None:
    """Log `losses` as a trainer does, one a step."""
    args = TrainingArguments(output_dir=str(folder), learning_rate=1e-3)
    with Progress().track("training", total=None, unit="step") as track:
        watch = Watch(track, folder / "metrics.jsonl", [], Cost(folder / "cost.json"))
        for step, loss in enumerate(losses, 1):
            state = TrainerState(global_step=step)
            watch.on_log(args, state, TrainerControl(), {"loss": loss, "num_tokens": 100 * step, "learning_rate": 1e-3})


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

    wanted = {
        TrainSettings(sequences_per_batch=2, accumulation=4): (
            'SET="train.sequences_per_batch=1 train.accumulation=8", or SET="train.gradient_checkpointing=true", '
            'or SET="train.quantization=nf4", or SET="dataset.max_tokens=256"'
        ),
        TrainSettings(gradient_checkpointing=True, quantization="nf4"): 'SET="dataset.max_tokens=256"',
    }
    for settings, ways in wanted.items():
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


def test_first_and_last_losses_never_overlap() -> None:
    assert ends([5.0]) == (5.0, 5.0)
    assert ends([4.0, 2.0, 1.0]) == (4.0, 1.0)
    assert ends([float(n) for n in range(40)]) == (4.5, 34.5)
