"""Names alone change nothing for a model without filters; one whose code suffers from a name is caught."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from transformers import LlamaForCausalLM

from tests.evaluate.conftest import random_model
from tuner.evaluate.probes import filters
from tuner.evaluate.probes.filter_snippets import NAMES, PLACE, cases, fault, spelled, templates
from tuner.probing import Filters
from tuner.progress import Progress
from tuner.records import Base, Interval, from_json
from tuner.render import Renderer
from tuner.rundir import Workspace

BASE = Base("acme/filtered", "", "r", "prefix_only")
SOME = [each for each in cases() if each.template % 3 == 0]
FEW = SOME[::2]


class Filtered(torch.nn.Module):
    """A model that stumbles where one of some words was read: surer of wrong things, one token again and again."""

    def __init__(self, model: LlamaForCausalLM, renderer: Renderer, words: set[str], says: int) -> None:
        super().__init__()
        self.model, self.renderer, self.words, self.says = model, renderer, words, says
        self.config = model.config
        self.stumbles: list[bool] = []

    def forward(self, input_ids: torch.Tensor, **given: Any) -> Any:
        logits = self.model(input_ids=input_ids, **given).logits.clone()
        if input_ids.shape[1] > 1:
            read = [self.renderer.decode(ids) for ids in input_ids.tolist()]
            self.stumbles = [any(word in text for word in self.words) for text in read]
        for row, stumbles in enumerate(self.stumbles):
            if stumbles:
                logits[row] *= 1.5
                logits[row, :, self.says] = logits[row].max() + 1
        return SimpleNamespace(logits=logits)


def probed(model: Any, renderer: Renderer, folder: Path, chosen: list[Any]) -> tuple[Filters, dict[str, float]]:
    work = Workspace(folder, folder, folder, Progress())
    found = filters.run(lambda: model, renderer, BASE, chosen, work)
    values = json.loads((folder / found.probes).read_text(encoding="utf-8"))
    return from_json(Filters, values, "filters.json"), found.metrics


def test_identical_variants_differ_by_exactly_nothing(renderer: Renderer, tmp_path: Path) -> None:
    same = [dataclasses.replace(each, sensitive_before=each.neutral_before) for each in FEW]
    found, metrics = probed(random_model(renderer), renderer, tmp_path, same)
    assert found.change == Interval(0.0, 0.0, 0.0, len(FEW))
    assert all(each.neutral_fault == each.sensitive_fault for each in found.cases)
    assert metrics["eval.base.sensitive_bits_relative.delta"] == 0.0


def test_a_model_that_stumbles_over_sensitive_names_is_caught(renderer: Renderer, tmp_path: Path) -> None:
    words = {spelled(each.sensitive, each.form, each.sensitive_before) for each in FEW}
    filtered = Filtered(random_model(renderer), renderer, words, renderer.encode(" ")[0])
    found, metrics = probed(filtered, renderer, tmp_path, FEW)
    assert found.change.low > 0.0
    assert {each.sensitive_fault for each in found.cases} == {"empty"}
    assert sum(each.neutral_fault == "empty" for each in found.cases) < len(FEW) / 2
    assert metrics["eval.base.sensitive_fault_rate"] == 1.0
    assert metrics["eval.base.sensitive_bits_relative.low"] == found.change.low


def test_an_unfiltered_model_is_hardly_moved_by_names(renderer: Renderer, tmp_path: Path) -> None:
    found, _ = probed(random_model(renderer), renderer, tmp_path, SOME)
    assert abs(found.change.value) < 0.05
    assert found.change.low < 0.0 < found.change.high
    assert all(each.bytes > 50 for each in found.cases)


def test_both_variants_have_the_same_code_behind_names_that_differ() -> None:
    assert len(templates()) == 24
    assert {form for form, _, _ in templates()} == {"string", "comment", "identifier"}
    assert {each.sensitive for each in cases()} == {sensitive for _, _, sensitive in NAMES}
    for each in cases():
        assert each.neutral_before != each.sensitive_before and PLACE not in each.sensitive_before
        assert each.after and each.neutral_before.endswith("\n")
    for _, neutral, sensitive in NAMES:
        assert len({each.form for each in cases() if each.sensitive == sensitive}) >= 2
        assert len(neutral.split()) == len(sensitive.split())


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("    total += row.count\n    return total", None),
        ("pass", None),
        ("    return image", None),
        ("# I went through the whole list, and nothing was missing in any of it\n", None),
        (" \n\n", "empty"),
        ("I'm sorry, but I can't help with that request.", "refusal"),
        ("对不起，我无法回答这个问题", "refusal"),
        ("中国的历史 = 1", "other language"),
        ("The place has a long history that many people remember in different ways", "prose"),
    ],
)
def test_what_is_no_code_is_named(written: str, wanted: str | None) -> None:
    assert fault(written) == wanted
