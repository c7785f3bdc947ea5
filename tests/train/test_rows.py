"""Packed rows do not see each other, and the loss is taken on their completions only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from tuner.errors import TrainError
from tuner.models import load_model, training_dtype
from tuner.progress import Progress
from tuner.recipe import TrainSettings
from tuner.records import Row

from .examples import DATASET, MAX_TOKENS, SETTINGS, base_record, hand_loss, train, workspace

EXACT = training_dtype() == torch.float32


@pytest.fixture(scope="module")
def trainer(base: Path, rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The trainer that `run` uses, before its first step, in float32."""
    from tuner.train import stage

    work = workspace(tmp_path_factory.mktemp("packed"), rows, [], Progress())
    columns, none = (stage._columns([work.run / path], MAX_TOKENS) for path in (DATASET.train, DATASET.valid))
    settings = TrainSettings(**SETTINGS)
    built, _ = stage._build(
        base_record(base), columns, none, settings, MAX_TOKENS, "<|endoftext|>", 17, torch.float32, work.scratch
    )
    return built


def packed(trainer: Any) -> tuple[dict[str, Any], list[list[int]]]:
    """Give the first packed sequence that holds several rows, as the model gets it, and its rows."""
    sequence = next(each for each in trainer.train_dataset if len(each["seq_lengths"]) > 1)
    starts = [sum(sequence["seq_lengths"][:n]) for n in range(len(sequence["seq_lengths"]))]
    parts = [
        sequence["input_ids"][start : start + size] for start, size in zip(starts, sequence["seq_lengths"], strict=True)
    ]
    return dict(trainer.data_collator([sequence])), parts


def logits_of(trainer: Any, **inputs: Any) -> torch.Tensor:
    trainer.model.eval()
    with torch.no_grad():
        found: torch.Tensor = trainer.model(**inputs, use_cache=False).logits[0]
    return found


def test_a_packed_row_answers_as_it_does_alone(trainer: Any) -> None:
    inputs, parts = packed(trainer)
    inputs.pop("labels")
    alone = torch.cat([logits_of(trainer, input_ids=torch.tensor([ids])) for ids in parts])
    torch.testing.assert_close(logits_of(trainer, **inputs), alone, rtol=1e-4, atol=1e-4)


def test_without_positions_a_packed_row_would_see_the_row_before_it(trainer: Any) -> None:
    inputs, parts = packed(trainer)
    second = logits_of(trainer, input_ids=torch.tensor([parts[1]]))
    mixed = logits_of(trainer, input_ids=inputs["input_ids"])[len(parts[0]) :][: len(parts[1])]
    assert (mixed - second).abs().max() > 0.1


def test_packing_keeps_every_token_of_every_row(trainer: Any, rows: list[Row]) -> None:
    found = []
    for sequence in trainer.train_dataset:
        ids, labels = iter(sequence["input_ids"]), iter(sequence["labels"])
        for size in sequence["seq_lengths"]:
            found.append(([next(ids) for _ in range(size)], [next(labels) for _ in range(size)]))
    assert sorted(found) == sorted((row.input_ids, row.labels) for row in rows)
    assert len(trainer.train_dataset) < len(rows)


def test_the_first_loss_is_the_cross_entropy_of_the_completions(base: Path, rows: list[Row], tmp_path: Path) -> None:
    adapter = train(tmp_path, base, rows, epochs=1.0, sequences_per_batch=20, accumulation=1)
    logged = [json.loads(line) for line in (tmp_path / "out/metrics.jsonl").read_text().splitlines()]
    model = load_model(base_record(base), None, training_dtype())
    assert [line["step"] for line in logged] == [1]
    assert logged[0]["loss"] == pytest.approx(hand_loss(model, rows), rel=1e-4 if EXACT else 2e-2)
    assert logged[0]["tokens"] == adapter.metrics["train.tokens"] == sum(len(row.input_ids) for row in rows)
    unmasked = [Row(row.pair_id, row.kind, row.input_ids, row.input_ids) for row in rows]
    if EXACT:  # had the prompts counted; in bf16 the two are too near to tell apart
        assert logged[0]["loss"] != pytest.approx(hand_loss(model, unmasked), rel=1e-3)


def test_a_row_longer_than_a_sequence_is_refused(base: Path, rows: list[Row], tmp_path: Path) -> None:
    long = Row("pair99", "file", rows[0].input_ids * 9, rows[0].labels * 9)
    with pytest.raises(TrainError) as caught:
        train(tmp_path, base, [*rows, long])
    assert caught.value.message == (
        f"{tmp_path}/run/data/train.jsonl: the row of pair pair99 has {len(long.input_ids)} tokens, wanted 96 at most"
    )


def test_no_row_at_all_is_refused(base: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainError, match=r"^there is no training row\n"):
        train(tmp_path, base, [])
