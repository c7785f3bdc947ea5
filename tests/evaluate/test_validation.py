"""Validation rows are scored by their text: control tokens count for nothing, and rows of nothing else are left out."""

from __future__ import annotations

from transformers import LlamaForCausalLM

from tests.evaluate.conftest import CODE
from tuner.evaluate.probes.stage import piece_row
from tuner.evaluate.validation import score_validation
from tuner.progress import Progress
from tuner.records import Row
from tuner.render import MASKED, Renderer


def test_bits_bytes_and_tokens_are_those_of_the_labels_text(tiny_model: LlamaForCausalLM, renderer: Renderer) -> None:
    whole, ending = piece_row(renderer, "a.py", CODE[:90]), piece_row(renderer, "b.py", "x = 1\n")
    masked = [MASKED] * (len(ending.labels) - 2) + ending.labels[-2:]
    last = Row("b", "file", ending.input_ids, masked)
    none = Row("c", "file", ending.input_ids, [MASKED] * (len(masked) - 1) + masked[-1:])
    assert none.labels[-1] == renderer.end_id
    with Progress().track("rows", None, "row") as track:
        found = score_validation(tiny_model, [whole, last, none], renderer.vocabulary, track)
    assert [each.pair_id for each in found] == [whole.pair_id, "b"]
    text = [label for label in whole.labels if label not in (MASKED, renderer.end_id)]
    assert (found[0].bytes, found[0].tokens) == (90, len(text))
    assert (found[1].bytes, found[1].tokens) == (len(renderer.vocabulary[last.labels[-2]]), 1)
    assert all(each.bits > 0 for each in found)
