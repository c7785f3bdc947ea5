"""The best validated step is what is saved, whatever came after it and however often the training was killed."""

from __future__ import annotations

import json
import math
import random
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from transformers import TrainerControl, TrainerState, TrainingArguments

from tuner.errors import TrainError
from tuner.models import load_model, training_dtype
from tuner.recipe import TrainSettings
from tuner.records import Row
from tuner.render import MASKED
from tuner.train import validation
from tuner.train.validation import Validation, validation_steps
from tuner.train.watch import Cost, Diverged, read_log
from tuner.training_log import steps_of, validations_of

from .examples import base_record, hand_loss, train
from .test_resume import StopAt, Stopped, outcome, same_but_for_cost

SEED = 17  # which the poisoned row comes late in
NEAR = 2e-4 if training_dtype() == torch.float32 else 5e-2


@pytest.fixture(scope="module")
def other(rows: list[Row]) -> list[Row]:
    """Rows whose answers are tokens that `rows` have nowhere: training on those makes the loss of these worse."""
    strange = sorted(set(range(10, 200)) - {each for row in rows for each in row.input_ids})
    return [
        Row(row.pair_id, "addition", ids := [*row.input_ids[:9], *strange[:20]], [MASKED] * 9 + ids[9:])
        for row in rows[:3]
    ]


@pytest.fixture(scope="module")
def spoilt(base: Path, rows: list[Row], other: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A training of 8 steps whose best one is not the last, with what it was given."""
    folder = tmp_path_factory.mktemp("spoilt")
    given = {"learning_rate": 3e-2, "validations": 7}
    return folder, train(folder, base, rows, other, **given), given


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "out/metrics.jsonl").read_text().splitlines()]


def losses(folder: Path) -> dict[int, float]:
    return {line["step"]: line["valid_loss"] for line in validations_of(lines(folder))}


def test_validations_are_spread_evenly_and_the_last_step_is_always_one() -> None:
    assert validation_steps(100, 3) == {25, 50, 75, 100}
    assert validation_steps(100, 0) == {100}
    assert validation_steps(2, 7) == {1, 2}
    assert validation_steps(1, 3) == {1}


def test_the_best_step_is_saved_and_it_is_said_which(base: Path, other: list[Row], spoilt: Any) -> None:
    folder, adapter, _ = spoilt
    found, metrics = losses(folder), adapter.metrics
    best = min((step for step in found if step), key=lambda step: found[step])
    assert list(found) == list(range(9)) and 0 < best < 8
    assert (metrics["train.best_step"], metrics["train.steps"]) == (best, 8)
    assert metrics["train.valid_loss_best"] == round(found[best], 4) < metrics["train.valid_loss_final"]
    again = load_model(base_record(base), folder / "out/adapter", training_dtype())
    assert hand_loss(again, other) == pytest.approx(found[best], abs=NEAR)
    with again.disable_adapter():
        assert hand_loss(again, other) == pytest.approx(found[0], abs=NEAR)
    said = f"validation: the adapter is that of step {best}, loss {found[best]:.4f}; "
    assert f"{said}the last one validated, step 8, has {found[8]:.4f}" in adapter.fallbacks
    assert found[best] > found[0]  # and yet it is what training was asked for
    assert adapter.fallbacks[-1] == f"validation: no step was better than the untouched base, loss {found[0]:.4f}"


def test_the_log_has_a_line_for_each_validation_behind_its_step(spoilt: Any) -> None:
    written = lines(spoilt[0])
    assert [line["step"] for line in written] == [0, *(step for step in range(1, 9) for _ in "ab")]
    assert ["valid_loss" in line for line in written] == [True, *[False, True] * 8]
    assert len(steps_of(written)) == 8


def test_validation_leaves_every_random_number_to_training() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state(), random.getstate()
    with validation._untouched_chance():
        torch.rand(3), random.random()
    assert torch.equal(torch.get_rng_state(), before[0]) and random.getstate() == before[1]


def test_a_training_killed_behind_its_best_step_still_ends_with_it(
    base: Path, rows: list[Row], other: list[Row], spoilt: Any, tmp_path: Path
) -> None:
    folder, adapter, given = spoilt
    with pytest.raises(Stopped):
        train(tmp_path, base, rows, other, progress=StopAt("training", 6), **given)
    resumed = train(tmp_path, base, rows, other, **given)
    assert outcome(tmp_path) == outcome(folder)
    assert same_but_for_cost(adapter, resumed)


def test_patience_ends_a_training_that_gets_no_better_also_after_a_kill(
    base: Path, rows: list[Row], other: list[Row], spoilt: Any, tmp_path: Path
) -> None:
    folder, _, given = spoilt
    found, impatient = losses(folder), given | {"patience": 1}
    end = next(step for step in range(2, 9) if found[step] >= min(found[at] for at in range(1, step)))
    with pytest.raises(Stopped):
        train(tmp_path, base, rows, other, progress=StopAt("training", 99), **impatient)
    stopped = train(tmp_path, base, rows, other, **impatient)
    assert stopped.metrics["train.resumed_at_step"] == end  # its last step has a checkpoint
    assert (stopped.metrics["train.steps"], stopped.metrics["train.steps_planned"]) == (end, 8)
    assert losses(tmp_path) == {step: loss for step, loss in found.items() if step <= end}
    said = f"training stopped after step {end} of 8: 1 validations in a row without a better one (train.patience)"
    assert said in stopped.fallbacks


def _never(label: str) -> float:
    raise AssertionError(label)


def feed(folder: Path, losses: list[float], patience: int | None = None) -> Validation:
    """Give a validation its losses, the base's first, as a trainer at step after step would."""
    folder.mkdir(exist_ok=True)
    log, given = folder / "metrics.jsonl", iter(losses)
    settings = TrainSettings(validations=len(losses) - 2, patience=patience, learning_rate=1e-2)
    steps = len(losses) - 1
    cost = Cost(folder / "cost.json")
    found = Validation(lambda label: next(given), torch.nn.Linear(2, 1), settings, steps, log, [], cost)
    args, control = TrainingArguments(output_dir=str(folder), learning_rate=1e-2), TrainerControl()
    for step in range(1, steps + 1):
        found.on_log(args, TrainerState(global_step=step), control, {"loss": 1.0})
        assert control.should_training_stop == control.should_save == found.is_over
        if found.is_over:
            break
    return found


def test_patience_counts_validations_since_the_best(tmp_path: Path) -> None:
    found = feed(tmp_path, [3.0, 2.0, 2.5, 1.0, 1.5, 1.0, 0.5], patience=2)
    assert (found.is_over, found.best_step, max(found.found)) == (True, 3, 5)  # an equal loss is no better one
    again = Validation(_never, torch.nn.Linear(2, 1), found.settings, 6, found.log, read_log(found.log, 5), found.cost)
    assert again.is_over and again.found == found.found  # also where the log alone says so
    assert not feed(tmp_path / "off", [3.0, 1.0, 2.0, 2.0, 2.0]).is_over


def test_weights_stay_until_a_checkpoint_lies_behind_better_ones(tmp_path: Path) -> None:
    found = feed(tmp_path, [3.0, 2.0, 2.5, 1.0])
    assert sorted(path.name for path in tmp_path.glob("best-*")) == ["best-1.safetensors", "best-3.safetensors"]
    found.on_save(TrainingArguments(output_dir=str(tmp_path)), TrainerState(global_step=3), TrainerControl())
    assert [path.name for path in tmp_path.glob("best-*")] == ["best-3.safetensors"]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_validation_loss_that_is_no_number_stops_the_training(tmp_path: Path, bad: float) -> None:
    with pytest.raises(Diverged) as caught:
        feed(tmp_path, [3.0, 2.0, bad])
    assert caught.value.message == f"the validation loss is {bad:g} at step 2, after 3 at the first"
    with pytest.raises(TrainError) as caught_early:
        feed(tmp_path / "base", [bad, 2.0])
    assert caught_early.value.message == f"the validation loss of the untouched base is {bad:g}"
    assert not (tmp_path / "base/metrics.jsonl").exists()


@pytest.fixture(scope="module")
def poisoned(base: Path, rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row]]:
    """A base that has no number for one token, and rows of which the last one trained on begins with it."""
    folder = Path(shutil.copytree(base, tmp_path_factory.mktemp("poisoned") / "base"))
    weights = load_file(folder / "model.safetensors")
    config = json.loads((folder / "config.json").read_text())
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"].clone()
    weights["model.embed_tokens.weight"][0] = torch.nan
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    (folder / "config.json").write_text(json.dumps(config | {"tie_word_embeddings": False}))
    bad = [replace(row, input_ids=[0, *row.input_ids[1:]]) if row is rows[-1] else row for row in rows]
    return folder, bad


def test_a_training_that_runs_away_ends_with_its_best_step_where_that_beats_the_base(
    poisoned: tuple[Path, list[Row]], rows: list[Row], tmp_path: Path
) -> None:
    folder, bad = poisoned
    given: dict[str, Any] = {"epochs": 1.0, "accumulation": 1, "validations": 3, "seed": SEED}
    adapter = train(tmp_path, folder, bad, rows[:2], **given)
    found, stop = losses(tmp_path), max(line["step"] for line in lines(tmp_path))
    best = min((step for step in found if step), key=lambda step: found[step])
    assert list(found) == list(range(stop)) and found[best] < found[0]
    assert (adapter.metrics["train.best_step"], adapter.metrics["train.steps"]) == (best, stop - 1)
    assert lines(tmp_path)[-1]["loss"] is None
    first = lines(tmp_path)[1]["loss"]
    assert adapter.fallbacks[-1] == (
        f"training stopped: the loss is nan at step {stop}, after {first:.4g} at the first; the adapter is the best "
        'before that; hint: lower the learning rate: SET="train.learning_rate=2.5e-03"'
    )
    again = load_model(base_record(folder), tmp_path / "out/adapter", training_dtype())
    assert hand_loss(again, rows[:2]) == pytest.approx(found[best], abs=NEAR)
    with pytest.raises(Diverged, match=rf"^the loss is nan at step {stop}, after "):  # nothing was validated before
        train(tmp_path / "late", folder, bad, rows[:2], **(given | {"validations": 0}))


def test_the_loss_is_of_labelled_tokens_alike_and_told_in_bits_per_byte(
    base: Path, rows: list[Row], tmp_path: Path
) -> None:
    from tuner.train import stage

    short = [replace(row, labels=[*[MASKED] * (len(row.labels) - 1), row.labels[-1]]) for row in rows[:3]]
    valid = [*short, *rows[3:6]]
    adapter = train(tmp_path, base, rows, valid, epochs=0.1)
    model = load_model(base_record(base), None, training_dtype())
    assert adapter.metrics["train.valid_loss_base"] == pytest.approx(hand_loss(model, valid), abs=NEAR)
    dataset = stage.Dataset("", "", "", "", "", {}, {}, {"dataset.valid_labels": 30.0, "dataset.valid_bytes": 90.0})
    assert stage._bits_per_nat(dataset) == pytest.approx(30 / 90 / math.log(2))
    assert stage._bits_per_nat(replace(dataset, metrics={})) is None
