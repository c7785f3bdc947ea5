"""Exported files are asked the evaluation's own items: they answer alike, and a wrong prompt or adapter shows."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.export.checkpoints import tiny_adapter, tiny_checkpoint
from tuner.evaluate.local import LocalSystem
from tuner.export import parity
from tuner.export.answers import Slice, drift_of, make_slice
from tuner.export.gguf_base import write_gguf
from tuner.export.gguf_lora import write_gguf_lora
from tuner.export.weights import read_json
from tuner.models import load_model
from tuner.recipe import EvaluateSettings, ExportSettings
from tuner.records import Base, Item, Prediction
from tuner.render import Renderer

SETTINGS = EvaluateSettings(max_prompt_tokens=48, max_new_tokens=6)
LIMITS = ExportSettings()
TIE = 2 * LIMITS.max_logit_difference


def item(ident: str, prefix: str, target: str) -> Item:
    return Item(ident, "shop", "shop/cart.py", "Python", "c" * 40, 0, "inside", prefix, "\n", target, True)


ITEMS = [
    item("a", "def total(rows):\n    return su", "m(row.price for row in rows)"),
    item("b", 'NAMES = {"naïve": ', '"日本", "x": 2}'),
    item("c", "import os\nimport js", "on"),
]


class Asked:
    """A tiny tuned model, what PyTorch answered, and its GGUF files."""

    def __init__(self, folder: Path) -> None:
        torch.set_num_threads(1)
        self.folder = folder
        self.home = tiny_checkpoint(folder / "base", "llama", short=True)
        # With few tokens a weaker adapter leaves two of them level, and moves the metrics too little to be told.
        self.adapter = tiny_adapter(folder / "adapter", self.home, spread=0.4)
        self.renderer = Renderer.from_folder(self.home, "shop")
        base = Base("tiny", str(self.home), "r1", "prefix_only")
        system = LocalSystem("tuned", load_model(base, self.adapter, torch.float32), self.renderer, SETTINGS)
        self.predictions = list(system.answer(ITEMS))
        write_gguf(self.home, folder / "base.gguf", "f32", "tiny")

    def slice(self, count: int = 3) -> Slice:
        return make_slice(ITEMS, self.predictions, self.renderer, SETTINGS, count)

    def answers(self, questions: Slice, adapter: Path) -> list[dict[str, Any]]:
        """Ask the engine with an adapter folder."""
        out = self.folder / f"{adapter.name}.gguf"
        config = read_json(self.home / "config.json")
        write_gguf_lora(adapter, config, out)
        asked = parity.Questions([[1, 2]], [], [], config["vocab_size"], questions)
        return parity.engine_answers(self.folder / "base.gguf", out, asked, 1, self.folder / "log").items


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    return Asked(tmp_path_factory.mktemp("asked"))


@pytest.fixture(scope="module")
def answers(asked: Asked) -> list[dict[str, Any]]:
    return asked.answers(asked.slice(), asked.adapter)


def test_the_engine_answers_and_scores_as_the_evaluation_did(asked: Asked, answers: list[dict[str, Any]]) -> None:
    drift = drift_of(asked.slice(), answers, TIE)
    assert drift is not None
    assert (drift.items, drift.differing) == (3, 0)
    assert abs(drift.deltas["bits_per_byte"]) < 0.005
    assert drift.judged is not None and drift.judged < LIMITS.max_metric_difference
    assert {each["bits"] > 0 for each in answers} == {True}


def test_a_prompt_in_another_template_is_caught(asked: Asked) -> None:
    right = asked.slice()
    wrong = [
        # the file's name behind the code in place of before it, as under another family's template
        replace(each, prompt=replace(each.prompt, ids=each.prompt.ids[5:] + each.prompt.ids[:5]))
        for each in right.asked
    ]
    drift = drift_of(right, asked.answers(replace(right, asked=wrong), asked.adapter), TIE)
    assert drift is not None and drift.judged is not None
    assert drift.judged > 10 * LIMITS.max_metric_difference


def test_a_wrong_scale_is_caught_by_the_metrics_too(asked: Asked) -> None:
    faulty = asked.folder / "half"
    shutil.copytree(asked.adapter, faulty)
    config = json.loads((faulty / "adapter_config.json").read_text())
    (faulty / "adapter_config.json").write_text(json.dumps(config | {"lora_alpha": config["lora_alpha"] / 2}))
    drift = drift_of(asked.slice(), asked.answers(asked.slice(), faulty), TIE)
    assert drift is not None and drift.judged is not None
    assert drift.judged > 10 * LIMITS.max_metric_difference


def test_only_items_with_an_answer_are_asked_and_no_more_than_wanted(asked: Asked) -> None:
    void = [replace(each, void="timeout") if each.item_id == "a" else each for each in asked.predictions]
    chosen = make_slice(ITEMS, void, asked.renderer, SETTINGS, 5)
    assert [each.item.id for each in chosen.asked] == ["b", "c"]
    assert [each.item.id for each in asked.slice(1).asked] == ["a"]
    assert drift_of(asked.slice(0), [], TIE) is None


def parting(asked: Asked, gap: float) -> tuple[Slice, list[dict[str, Any]]]:
    """One item whose evaluated answer, ` b`, was right, and an engine that took ` c` with ` b` lower by `gap`."""
    tokens = {text: asked.renderer.encode(text)[0] for text in (" b", " c")}
    evaluated = Prediction("a", " b\n", " b", 4.0, 2, 2, None, None)
    one = replace(asked.slice(1).asked[0], evaluated=evaluated, item=replace(ITEMS[0], target=" b"))
    answer = {"spelled": "", "text": " c", "steps": [[[tokens[" c"], -1.0], [tokens[" b"], -1.0 - gap]]], "bits": 4.0}
    return replace(asked.slice(1), asked=[one]), [answer]


def test_an_answer_that_parts_where_two_tokens_are_level_is_not_judged(asked: Asked) -> None:
    questions, answers = parting(asked, 0.1)
    level = drift_of(questions, answers, TIE)
    assert level is not None and (level.differing, level.near_ties, level.judged) == (1, 1, 0.0)
    questions, answers = parting(asked, 0.3)
    clear = drift_of(questions, answers, TIE)
    assert clear is not None and (clear.differing, clear.near_ties) == (1, 0)
    assert clear.judged is not None and clear.judged > 0.1
    assert clear.deltas["edit_similarity"] == pytest.approx(level.deltas["edit_similarity"])  # reported either way


def finding(passed: bool | None, mean_kl: float = 1e-6) -> parity.Finding:
    return parity.Finding(0.01, mean_kl, 1.0, passed)


def test_a_metric_over_the_limit_fails_an_exact_file_and_warns_of_a_rounded_one(asked: Asked) -> None:
    questions, answers = parting(asked, 0.3)
    drift = drift_of(questions, answers, TIE)
    failed = parity.judge_answers(finding(True), drift, 1.0, LIMITS)
    assert failed.passed is False
    assert "over 1 items, near ties left out; wanted 0.005 at most" in failed.note
    warned = parity.judge_answers(finding(None), drift, 1.0, LIMITS)
    assert warned.passed is None
    assert "over 1 items; 1 answers differ" in warned.warning
    lost = parity.judge_answers(finding(None, mean_kl=2.0), drift, 1.0, LIMITS)
    assert lost.warning == "farther from the tuned model than the untuned base is: do not use"
    assert parity.judge_answers(finding(True), None, 1.0, LIMITS) == finding(True)
