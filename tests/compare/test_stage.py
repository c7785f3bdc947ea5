from __future__ import annotations

import dataclasses
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tuner.compare import stage
from tuner.comparison import Comparison
from tuner.errors import EvaluateError
from tuner.progress import Progress
from tuner.recipe import CompareSettings
from tuner.records import Dataset, Evaluation, Item, Prediction, sha256_file, write_jsonl
from tuner.rundir import Workspace

SETTINGS = CompareSettings(resamples=1000, min_items=100)


def make_items(count: int = 120) -> list[Item]:
    return [
        Item(
            f"i{i:03}",
            "shop",
            "a.py",
            "python",
            f"c{i % 20:02}",
            i,
            "inside" if i % 3 else "boundary",
            "x = ",
            "",
            f"name{i}(a)",
            i % 2 == 0,
        )
        for i in range(count)
    ]


def answers(items: list[Item], right_share: float, bits_per_byte: float, seed: int) -> list[Prediction]:
    generator = random.Random(seed)
    found = []
    for item in items:
        text = item.target if generator.random() < right_share else "other(b)"
        size = len(item.target.encode())
        found.append(
            Prediction(item.id, text + "\n", text, size * (bits_per_byte + generator.gauss(0, 0.1)), size, 4, 9.0, None)
        )
    return found


class Desk:
    def __init__(self, folder: Path, items: list[Item]) -> None:
        self.folder, self.items = folder, items
        (folder / "data").mkdir()
        (folder / "eval").mkdir()
        path = folder / "data/eval_items.jsonl"
        write_jsonl(path, items)
        self.dataset = Dataset("", "", "data/eval_items.jsonl", sha256_file(path), "", {}, {}, {})

    def evaluation(self, system: str, predictions: list[Prediction]) -> Evaluation:
        path = f"eval/{system}.predictions.jsonl"
        write_jsonl(self.folder / path, predictions)
        return Evaluation(system, self.dataset.items_sha256, path, {}, {})

    def compare(self, a: Evaluation, b: Evaluation) -> Comparison:
        work = Workspace(self.folder, self.folder / "out", self.folder / "scratch", Progress())
        return stage.run(a, b, self.dataset, SETTINGS, 17, work)

    def written(self, name: str) -> str:
        return (self.folder / "out/eval" / name).read_text(encoding="utf-8")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path, make_items())


def test_a_better_system_ships_and_the_table_shows_every_figure(desk: Desk) -> None:
    tuned = desk.evaluation("tuned", answers(desk.items, 0.6, 0.8, 1))
    base = desk.evaluation("base", answers(desk.items, 0.2, 1.0, 2))
    comparison = desk.compare(tuned, base)
    assert comparison.verdict == "ship"
    assert comparison.metrics["eval.tuned_vs_base.bits_per_byte_relative.delta"] == pytest.approx(-0.2, abs=0.03)
    assert comparison.metrics["eval.tuned_vs_base.novel.exact_match.low"] > 0.0
    assert {each.stratum for each in comparison.differences} == {"all", "novel", "inside", "boundary"}
    table = desk.written("comparison.md")
    assert "Verdict: **ship**" in table
    assert table.count("| bits_per_byte |") == 4
    assert json.loads(desk.written("comparison.json"))["differences"][0]["finding"] == "gain"


def test_the_worse_system_is_called_harm(desk: Desk) -> None:
    tuned = desk.evaluation("tuned", answers(desk.items, 0.2, 1.0, 1))
    base = desk.evaluation("base", answers(desk.items, 0.6, 0.8, 2))
    assert desk.compare(tuned, base).verdict == "harm"
    assert "**loss**" in desk.written("comparison.md")


def test_a_system_against_itself_differs_in_nothing(desk: Desk) -> None:
    same = answers(desk.items, 0.4, 1.0, 1)
    comparison = desk.compare(desk.evaluation("tuned", same), desk.evaluation("base", same))
    assert {(each.delta, each.low, each.high) for each in comparison.differences} == {(0.0, 0.0, 0.0)}
    assert {each.finding for each in comparison.differences} == {"inconclusive"}
    assert comparison.verdict == "no_benefit_shown"
    assert json.loads(desk.written("examples.json")) == []


def test_the_order_of_items_and_predictions_changes_no_byte(desk: Desk, tmp_path: Path) -> None:
    a, b = answers(desk.items, 0.6, 0.8, 1), answers(desk.items, 0.2, 1.0, 2)
    desk.compare(desk.evaluation("tuned", a), desk.evaluation("base", b))
    (tmp_path / "other").mkdir()
    other = Desk(tmp_path / "other", desk.items[::-1])
    other.compare(other.evaluation("tuned", a[::-1]), other.evaluation("base", b))
    assert other.written("comparison.md") == desk.written("comparison.md")
    assert other.written("examples.json") == desk.written("examples.json")


def test_an_item_that_either_system_leaves_void_counts_for_neither(desk: Desk) -> None:
    a, b = answers(desk.items, 0.6, 0.8, 1), answers(desk.items, 0.2, 1.0, 2)
    a[3] = dataclasses.replace(a[3], void="timed out")
    b[4] = dataclasses.replace(b[4], void="refused")
    comparison = desk.compare(desk.evaluation("tuned", a), desk.evaluation("base", b))
    assert comparison.metrics["eval.tuned_vs_base.voided_items"] == 2.0
    assert comparison.metrics["eval.tuned_vs_base.items"] == 118.0
    assert next(each.items for each in comparison.differences if each.stratum == "all") == 118


def test_a_system_without_probabilities_is_compared_by_its_answers(desk: Desk) -> None:
    copilot = [dataclasses.replace(each, bits=None) for each in answers(desk.items, 0.1, 1.0, 2)]
    tuned = desk.evaluation("tuned", answers(desk.items, 0.6, 0.8, 1))
    comparison = desk.compare(tuned, desk.evaluation("copilot", copilot))
    assert not any(each.metric.startswith("bits") for each in comparison.differences)
    assert comparison.verdict == "ship"


def test_examples_are_wins_and_losses_with_the_truth(desk: Desk) -> None:
    tuned = desk.evaluation("tuned", answers(desk.items, 0.6, 0.8, 1))
    base = desk.evaluation("base", answers(desk.items, 0.3, 1.0, 2))
    desk.compare(tuned, base)
    examples = json.loads(desk.written("examples.json"))
    assert [each["kind"] for each in examples] == ["win"] * 5 + ["loss"] * 5
    for each in examples:
        assert each["target"] == each["a" if each["kind"] == "win" else "b"]
        assert each["a"] != each["b"]


def refusal(desk: Desk, a: Evaluation, b: Evaluation) -> str:
    with pytest.raises(EvaluateError) as caught:
        desk.compare(a, b)
    return caught.value.message


def test_unlike_things_are_refused_with_what_is_wrong(desk: Desk) -> None:
    right = answers(desk.items, 0.5, 1.0, 1)
    base = desk.evaluation("base", right)
    path = desk.folder / "eval/tuned.predictions.jsonl"

    other = dataclasses.replace(desk.evaluation("tuned", right), items_sha256="f" * 64)
    assert (
        refusal(desk, other, base)
        == f"`tuned` answered items ffffffffffff, the dataset has {desk.dataset.items_sha256[:12]}"
    )
    short = desk.evaluation("tuned", right[2:])
    assert refusal(desk, short, base) == f"{path}: 2 of 120 items have no prediction, the first is i000"
    foreign = desk.evaluation("tuned", [*right, dataclasses.replace(right[0], item_id="zzz")])
    assert refusal(desk, foreign, base) == f"{path}:121: a prediction for zzz, which is no item of this dataset"
    doubled = desk.evaluation("tuned", [*right, right[0]])
    assert refusal(desk, doubled, base) == f"{path}:121: a second prediction for item i000"
    cut = desk.evaluation("tuned", [dataclasses.replace(right[0], target_bytes=3), *right[1:]])
    assert refusal(desk, cut, base) == f"{path}:1: scored 3 target bytes, item i000 has 8"


def test_altered_items_are_refused(desk: Desk) -> None:
    right = answers(desk.items, 0.5, 1.0, 1)
    a, b = desk.evaluation("tuned", right), desk.evaluation("base", right)
    write_jsonl(desk.folder / "data/eval_items.jsonl", desk.items[1:])
    assert f"that of the frozen items is {desk.dataset.items_sha256[:12]}" in refusal(desk, a, b)


def test_no_items_give_no_differences_and_no_error(tmp_path: Path) -> None:
    desk = Desk(tmp_path, [])
    comparison = desk.compare(desk.evaluation("tuned", []), desk.evaluation("base", []))
    assert comparison.differences == []
    assert comparison.verdict == "no_benefit_shown"
    assert comparison.reason.startswith("nothing can be concluded from 0 items")


def test_comparing_starts_without_torch() -> None:
    code = "import sys, tuner.compare.stage, tuner.evaluate.stage; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
