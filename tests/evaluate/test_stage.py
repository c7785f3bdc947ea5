from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaForCausalLM

from tuner.errors import EvaluateError
from tuner.evaluate import stage
from tuner.evaluate.open_system import local_system
from tuner.progress import Progress
from tuner.recipe import EvaluateSettings
from tuner.records import Base, Dataset, Evaluation, Item, Prediction, read_jsonl, sha256_file, write_jsonl
from tuner.render import Renderer
from tuner.rundir import Workspace

SETTINGS = EvaluateSettings(max_prompt_tokens=64, max_new_tokens=12, batch=4, latency_items=3)


class Desk:
    """A run folder with frozen items, on which the stage can be run again and again."""

    def __init__(self, folder: Path, base: Path, renderer: Renderer) -> None:
        self.folder, self.renderer = folder, renderer
        self.base = Base("tiny", str(base), "r", "prefix_only")

    def freeze(self, items: list[Item]) -> Dataset:
        path = self.folder / "data/eval_items.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_jsonl(path, items)
        return Dataset("", "", "data/eval_items.jsonl", sha256_file(path), "", {}, {}, {})

    def work(self, out: str) -> Workspace:
        work = Workspace(self.folder, self.folder / out, self.folder / f"scratch-{out}", Progress())
        work.out.mkdir(exist_ok=True)
        work.scratch.mkdir(exist_ok=True)
        return work

    def run(self, dataset: Dataset, out: str = "out") -> Evaluation:
        return self.evaluate("base", Path("none"), dataset, out)

    def evaluate(self, name: str, adapter: Path, dataset: Dataset, out: str) -> Evaluation:
        pairs = self.folder / "mined/pairs.jsonl"
        opened = local_system(name, self.base, adapter, pairs, self.renderer, SETTINGS)
        return stage.run(name, opened, dataset, SETTINGS, 17, "2026-11-23", self.work(out))

    def predictions(self, out: str = "out") -> list[Prediction]:
        return list(read_jsonl(self.folder / out / "eval/base.predictions.jsonl", Prediction))


@pytest.fixture
def desk(tmp_path: Path, tiny_base: Path, renderer: Renderer) -> Desk:
    folder = tmp_path / "run"
    folder.mkdir()
    return Desk(folder, tiny_base, renderer)


def test_every_item_has_one_prediction_in_the_items_order_and_every_figure_an_interval(
    desk: Desk, items: list[Item]
) -> None:
    evaluation = desk.run(desk.freeze(items))
    assert [each.item_id for each in desk.predictions()] == [item.id for item in items]
    assert evaluation.metrics["eval.items"] == len(items)
    for name in (
        "bits_per_byte",
        "exact_match",
        "edit_similarity",
        "identifier_f1",
        "chars_saved_ratio",
        "over_generation_rate",
    ):
        interval = evaluation.scores[name]
        assert interval.low <= interval.value <= interval.high
        assert interval.n == len(items)
        assert evaluation.metrics[f"eval.base.{name}"] == interval.value
    assert evaluation.metrics["eval.base.latency_p50_ms"] <= evaluation.metrics["eval.base.latency_p95_ms"]
    assert evaluation.metrics["eval.base.seconds"] > 0.0
    written = json.loads((desk.folder / "out/eval/base.scores.json").read_text())
    assert written["scores"]["bits_per_byte"]["value"] == evaluation.scores["bits_per_byte"].value


def test_the_order_of_the_items_changes_no_score(desk: Desk, items: list[Item]) -> None:
    first = desk.run(desk.freeze(items), "first")
    second = desk.run(desk.freeze(items[::-1]), "second")
    assert first.scores == second.scores
    assert desk.predictions("first") == desk.predictions("second")[::-1]


@pytest.mark.parametrize("kept", [0.0, 0.31, 0.62, 0.99, 1.0])
def test_a_killed_run_goes_on_and_ends_with_the_same_predictions(desk: Desk, items: list[Item], kept: float) -> None:
    dataset = desk.freeze(items)
    whole = desk.run(dataset, "whole")
    data = (desk.folder / "scratch-whole/base.answered.jsonl").read_bytes()
    torn = data[: int(len(data) * kept)]
    (desk.work("torn").scratch / "base.answered.jsonl").write_bytes(torn)

    again = desk.run(dataset, "torn")

    assert again.scores == whole.scores
    assert desk.predictions("torn") == desk.predictions("whole")
    whole_batches = torn.count(b"\n") // SETTINGS.batch * SETTINGS.batch
    resumed = (desk.folder / "scratch-torn/base.answered.jsonl").read_bytes().splitlines()
    assert resumed[:whole_batches] == data.splitlines()[:whole_batches]


def test_an_adapter_changes_the_answers_bits(
    desk: Desk, items: list[Item], tiny_model: LlamaForCausalLM, tmp_path: Path
) -> None:
    dataset = desk.freeze(items)
    base = desk.run(dataset)
    torch.manual_seed(3)
    tuned_model = get_peft_model(tiny_model, LoraConfig(target_modules="all-linear", init_lora_weights=False))
    tuned_model.save_pretrained(tmp_path / "adapter")
    tuned = desk.evaluate("tuned", tmp_path / "adapter", dataset, "tuned")
    assert tuned.scores["bits_per_byte"].value != pytest.approx(base.scores["bits_per_byte"].value, rel=0.01)
    assert tuned.predictions == "eval/tuned.predictions.jsonl"


def test_items_that_were_altered_after_freezing_are_refused(desk: Desk, items: list[Item]) -> None:
    dataset = desk.freeze(items)
    desk.freeze(items[1:])
    with pytest.raises(EvaluateError, match=f"that of the frozen items is {dataset.items_sha256[:12]}"):
        desk.run(dataset)


def test_no_items_give_empty_files_and_no_figures(desk: Desk) -> None:
    evaluation = desk.run(desk.freeze([]))
    assert desk.predictions() == []
    assert evaluation.scores == {}
    assert evaluation.metrics == {"eval.items": 0.0}


def test_a_void_counts_in_no_figure(items: list[Item]) -> None:
    answers = [Prediction(item.id, item.target, item.target, 1.0, 4, 3, 1.0, None) for item in items]
    answers[0] = dataclasses.replace(answers[0], text="", raw="", void="timed out")
    scores = stage.score(items, answers, SETTINGS, 17)
    assert scores["exact_match"].value == 1.0
    assert scores["exact_match"].n == len(items) - 1


def test_kept_answers_to_other_items_are_refused_with_the_file_to_remove(desk: Desk, items: list[Item]) -> None:
    dataset = desk.freeze(items)
    path = desk.work("out").scratch / "base.answered.jsonl"
    foreign = [Prediction(f"other{at}", "x", "x", 1.0, 1, 1, None, None) for at in range(SETTINGS.batch)]
    write_jsonl(path, foreign)
    with pytest.raises(EvaluateError) as caught:
        desk.run(dataset)
    assert (caught.value.message, caught.value.hint) == (
        f"{path}: it holds answers to other items",
        f"remove {path} and run again",
    )
