"""Bits per byte of rows: one pass over a padded batch gives what a slow pass over each token gives."""

from __future__ import annotations

import math

import pytest
import torch
from transformers import LlamaForCausalLM

from tests.evaluate.conftest import CODE
from tuner.evaluate.probes.bits import score_rows
from tuner.evaluate.probes.stage import piece_row
from tuner.progress import Progress
from tuner.records import Row
from tuner.render import MASKED, Renderer


def scored(model: LlamaForCausalLM, renderer: Renderer, rows: list[Row]) -> list[tuple[float, int]]:
    with Progress().track("rows", None, "row") as track:
        return score_rows(model, rows, renderer.vocabulary, track)


def slow_bits(model: LlamaForCausalLM, row: Row, last: int) -> float:
    bits = 0.0
    for at in range(1, last):
        if row.labels[at] != MASKED:
            with torch.no_grad():
                chances = torch.softmax(model(torch.tensor([row.input_ids[:at]])).logits[0, -1].double(), -1)
            bits -= math.log2(chances[row.input_ids[at]])
    return bits


def test_bits_are_those_of_a_slow_reference_and_bytes_those_of_the_text(
    tiny_model: LlamaForCausalLM, renderer: Renderer
) -> None:
    texts = [CODE[:90], CODE[40:60], CODE[100:290], "x = 1\n", CODE[10:33], "ü"]
    rows = [piece_row(renderer, "a.py", text) for text in texts]
    found = scored(tiny_model, renderer, rows)
    assert [spelled for _, spelled in found] == [len(text.encode()) for text in texts]
    for row, (bits, _) in zip(rows, found, strict=True):
        assert bits == pytest.approx(slow_bits(tiny_model, row, len(row.input_ids) - 1), rel=1e-4)


def test_the_end_of_a_row_counts_for_nothing(tiny_model: LlamaForCausalLM, renderer: Renderer) -> None:
    row = piece_row(renderer, "a.py", "value = wait_seconds\n")
    assert row.input_ids[-1] == renderer.end_id
    open_end = Row(row.pair_id, row.kind, row.input_ids[:-1], row.labels[:-1])
    assert scored(tiny_model, renderer, [row]) == scored(tiny_model, renderer, [open_end])
