from __future__ import annotations

import dataclasses
import json
import random
import subprocess
import sys
from pathlib import Path

import pytest
from rapidfuzz import fuzz
from scipy.stats import binomtest

from tuner.compare import stage
from tuner.comparison import Comparison, Contest, Difference, Headline
from tuner.errors import EvaluateError
from tuner.progress import Progress
from tuner.recipe import CompareSettings
from tuner.records import (
    Cut,
    Dataset,
    Evaluation,
    Item,
    Mined,
    MinedRepo,
    Pair,
    Prediction,
    from_json,
    sha256_file,
    write_jsonl,
)
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

        (folder / "mined").mkdir()
        learned = "def total(parts):\n    count = name12(b)\n    return count\n"
        pair = Pair.make(
            "file", response=learned, repo="shop", path="old.py", language="python", commit="c" * 40, committed_at=1
        )
        write_jsonl(folder / "mined/pairs.jsonl", [pair])
        cut = Cut("c" * 40, 1, 3, 3, "")
        repos = [MinedRepo("shop", "r" * 40, cut)]
        self.mined = Mined("mined/pairs.jsonl", "", "", cut, repos, {}, {}, {})

    def evaluation(self, system: str, predictions: list[Prediction], **about: str) -> Evaluation:
        path = f"eval/{system}.predictions.jsonl"
        write_jsonl(self.folder / path, predictions)
        metrics = {f"eval.{system}.latency_p50_ms": 120.0}
        return Evaluation(system, self.dataset.items_sha256, path, {}, metrics, about)

    def compare(self, *evaluations: Evaluation, settings: CompareSettings = SETTINGS) -> Comparison:
        work = Workspace(self.folder, self.folder / "out", self.folder / "scratch", Progress())
        return stage.run(evaluations, self.dataset, self.mined, settings, 17, work)

    def contest(self) -> Contest:
        return from_json(Contest, json.loads(self.written("comparison.json")), "comparison.json")

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
    assert {each.stratum for each in comparison.differences} == {"all", "novel", "known", "inside", "boundary"}
    table = desk.written("comparison.md")
    assert "Verdict: **ship**" in table
    assert table.count("\n| bits_per_byte |") == 5
    assert desk.contest().differences[0].finding == "gain"


def test_each_kind_of_item_and_what_is_new_or_known_has_its_own_figures(tmp_path: Path) -> None:
    kinds = ("line", "line", "call", "body")
    items = [
        dataclasses.replace(
            each, kind=kinds[n % 4], new_names=n % 5 == 0, target=each.target + "\n    x" * (n % 4 == 3)
        )
        for n, each in enumerate(make_items())
    ]
    desk = Desk(tmp_path, items)
    tuned = [dataclasses.replace(each, cuts=4, right_cuts=n % 5) for n, each in enumerate(answers(items, 0.6, 0.8, 1))]
    comparison = desk.compare(desk.evaluation("tuned", tuned), desk.evaluation("base", answers(items, 0.2, 1.0, 2)))
    counted = {each.stratum: each.items for each in comparison.differences if each.metric == "exact_match"}
    assert counted == {
        **{"all": 120, "novel": 60, "known": 60, "new_names": 24, "inside": 40, "boundary": 20},
        **{"kind:line": 60, "kind:call": 30, "kind:body": 30},
    }
    assert not any(each.metric == "exact_match_all_cuts" for each in comparison.differences)  # base cannot say
    found = next(each for each in desk.contest().systems if each.name == "tuned")
    assert found.scores["kind:body"]["exact_match"].n == 30
    assert found.scores["all"]["exact_match_all_cuts"].value == pytest.approx(0.5, abs=0.02)
    table = desk.written("comparison.md")
    assert "| kind | system | items | exact_match |" in table
    assert [line.split(" | ")[:3] for line in table.splitlines() if line.startswith("| body |")] == [
        ["| body", "base", "30"],
        ["| body", "tuned", "30"],
    ]


def test_the_worse_system_is_called_harm(desk: Desk) -> None:
    tuned = desk.evaluation("tuned", answers(desk.items, 0.2, 1.0, 1))
    base = desk.evaluation("base", answers(desk.items, 0.6, 0.8, 2))
    assert desk.compare(tuned, base).verdict == "harm"
    assert "**loss**" in desk.written("comparison.md")


def test_below_the_fewest_items_no_row_says_gain_or_loss(desk: Desk) -> None:
    tuned = desk.evaluation("tuned", answers(desk.items, 0.6, 0.8, 1))
    base = desk.evaluation("base", answers(desk.items, 0.2, 1.0, 2))
    comparison = desk.compare(tuned, base, settings=CompareSettings(resamples=400, min_items=121))
    assert {each.finding for each in (*comparison.differences, *comparison.headlines)} == {"inconclusive"}
    assert comparison.reason == "nothing can be concluded from 120 items, wanted 121 (compare.min_items)"
    table = desk.written("comparison.md")
    assert "| gain |" not in table and "**loss**" not in table


def test_a_system_against_itself_differs_in_nothing(desk: Desk) -> None:
    same = answers(desk.items, 0.4, 1.0, 1)
    comparison = desk.compare(desk.evaluation("tuned", same), desk.evaluation("base", same))
    assert {(each.delta, each.low, each.high) for each in comparison.differences} == {(0.0, 0.0, 0.0)}
    assert {each.finding for each in comparison.differences} == {"inconclusive"}
    assert {each.p for each in comparison.differences} == {1.0}
    assert {(each.p, each.p_holm, each.finding) for each in comparison.headlines} == {(1.0, 1.0, "inconclusive")}
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


def test_the_headline_is_tested_by_mcnemar_and_corrected_by_holm(desk: Desk) -> None:
    tuned, base = answers(desk.items, 0.6, 0.8, 1), answers(desk.items, 0.2, 1.0, 2)
    desk.compare(desk.evaluation("tuned", tuned), desk.evaluation("base", base))
    contest = desk.contest()
    right = [
        (a.text == item.target, b.text == item.target)
        for item, a, b in zip(desk.items, tuned, base, strict=True)
        if item.novel
    ]
    only_a, only_b = right.count((True, False)), right.count((False, True))
    exact, edit, names = contest.headlines
    assert [each.difference.metric for each in contest.headlines] == ["exact_match", "edit_similarity", "identifier_f1"]
    assert {each.difference.stratum for each in contest.headlines} == {"novel"}
    assert (exact.only_a, exact.only_b) == (only_a, only_b)
    assert exact.p == pytest.approx(binomtest(only_a, only_a + only_b).pvalue)
    assert (edit.test, edit.only_a, edit.p) == ("bootstrap", None, edit.difference.p)
    assert max(exact.p_holm, edit.p_holm, names.p_holm) >= 1.0 * max(exact.p, edit.p, names.p)
    assert min(exact.p_holm, edit.p_holm, names.p_holm) == pytest.approx(3 * min(exact.p, edit.p, names.p))
    assert {each.finding for each in contest.headlines} == {"gain"}
    assert f"| tuned - base | exact_match | {exact.difference.delta:+.3f} |" in desk.written("comparison.md")
    assert f"| {only_a} / {only_b} | {exact.smallest_detectable:.3f} | gain |" in desk.written("comparison.md")


def test_a_corrected_p_above_a_twentieth_makes_a_clear_interval_inconclusive() -> None:
    row = Difference("exact_match", "novel", 0.3, 0.2, 0.1, 0.01, 0.19, 60, 20, "higher", 0.03)
    assert row.finding == "gain"
    assert Headline("tuned", "base", row, "mcnemar", 0.02, 0.06, 9, 2, 0.13).finding == "inconclusive"
    assert Headline("tuned", "base", row, "mcnemar", 0.01, 0.03, 9, 1, 0.13).finding == "gain"


def test_with_retrieval_on_both_sides_the_family_has_six_tests(desk: Desk) -> None:
    desk.compare(*Rivals(desk).evaluations)
    assert [(each.a, each.b) for each in desk.contest().headlines] == [
        *[("tuned", "base")] * 3,
        *[("tuned+bm25", "base+bm25")] * 3,
    ]


def test_an_item_that_either_system_leaves_void_counts_for_neither(desk: Desk) -> None:
    a, b = answers(desk.items, 0.6, 0.8, 1), answers(desk.items, 0.2, 1.0, 2)
    a[3] = dataclasses.replace(a[3], void="timed out")
    b[4] = dataclasses.replace(b[4], void="refused")
    comparison = desk.compare(desk.evaluation("tuned", a), desk.evaluation("base", b))
    assert comparison.metrics["eval.tuned_vs_base.voided_items"] == 2.0
    assert comparison.metrics["eval.tuned_vs_base.items"] == 118.0
    assert next(each.items for each in comparison.differences if each.stratum == "all") == 118


class Rivals:
    """Six systems over the same items: ours, Copilot with voids, and an endpoint that charges."""

    def __init__(self, desk: Desk) -> None:
        shares = {"base": 0.2, "tuned": 0.5, "base+bm25": 0.3, "tuned+bm25": 0.6}
        self.ours = {name: answers(desk.items, share, 1.0, seed) for seed, (name, share) in enumerate(shares.items())}
        plain = [dataclasses.replace(each, bits=None) for each in answers(desk.items, 0.4, 1.0, 9)]
        self.copilot = [
            dataclasses.replace(each, raw="", text="", void="rate") if number < 15 else each
            for number, each in enumerate(plain)
        ]
        sized = (dataclasses.replace(each, prompt_tokens=2000, tokens=64) for each in plain)
        self.api = [
            dataclasses.replace(each, format_failure="fenced" if n % 4 == 0 else None) for n, each in enumerate(sized)
        ]
        self.evaluations = [desk.evaluation(name, given) for name, given in self.ours.items()]
        self.evaluations += [
            desk.evaluation("copilot", self.copilot),
            desk.evaluation("api", self.api, price="gpt-5.5"),
        ]


def test_every_system_is_set_against_every_other_over_what_both_answered(desk: Desk) -> None:
    comparison = desk.compare(*Rivals(desk).evaluations)
    contest = desk.contest()
    assert comparison.systems == ["base", "tuned", "base+bm25", "tuned+bm25", "api", "copilot"]
    assert [each.name for each in contest.systems] == comparison.systems
    names = [(each.a, each.b) for each in contest.pairings]
    assert len(names) == 15
    assert {("tuned", "base"), ("tuned+bm25", "base+bm25"), ("tuned+bm25", "copilot"), ("api", "copilot")} <= set(names)
    with_copilot = next(each for each in contest.pairings if (each.a, each.b) == ("tuned", "copilot"))
    assert (with_copilot.items, with_copilot.voided) == (105, 15)
    assert not any(each.metric.startswith("bits") for each in with_copilot.differences)
    assert comparison.metrics["eval.tuned+bm25_vs_copilot.items"] == 105.0
    assert comparison.metrics["eval.tuned_vs_copilot.exact_match.delta"] == with_copilot.differences[0].delta


def test_a_failure_is_a_void_with_its_class_and_never_a_wrong_answer(desk: Desk) -> None:
    rivals = Rivals(desk)
    desk.compare(*rivals.evaluations)
    copilot = next(each for each in desk.contest().systems if each.name == "copilot")
    answered = [each for each in rivals.copilot if each.void is None]
    by_item = {item.id: item for item in desk.items}
    right = sum(each.text == by_item[each.item_id].target for each in answered)
    assert copilot.voids == {"rate": 15}
    assert (copilot.items, copilot.answered) == (120, 105)
    assert copilot.scores["all"]["exact_match"].value == pytest.approx(right / 105)


def test_costs_come_from_the_price_table_and_say_which_price(desk: Desk) -> None:
    desk.compare(*Rivals(desk).evaluations)
    systems = {each.name: each for each in desk.contest().systems}
    assert systems["api"].dollars_per_1000 == pytest.approx(1000 * (2000 * 5 + 64 * 30) / 1e6)
    assert systems["api"].price_note.startswith("gpt-5.5: 5 in, 30 out, dollars per million tokens, as of ")
    assert systems["api"].format_failures == {"fenced": 30}
    assert systems["copilot"].dollars_per_1000 == pytest.approx(19 / (400 * 21) * 1000)
    assert systems["copilot"].price_note == "a seat of 19 dollars a month over 8,400 completions (assumed)"
    assert systems["tuned"].dollars_per_1000 is None
    unpriced = desk.evaluation("api", Rivals(desk).api, price="llm-9")
    desk.compare(*Rivals(desk).evaluations[:2], unpriced)
    assert desk.contest().systems[2].price_note == "no price of llm-9 is known (compare.prices)"


def test_the_sentence_says_no_more_than_the_interval(desk: Desk) -> None:
    rivals = Rivals(desk)
    said = desk.compare(*rivals.evaluations).sentence
    assert said.startswith("At 105 cursors in 20 later commits of shop, tuned+bm25 completed ")
    assert "and copilot" in said
    assert said.endswith(": a gain beyond chance.")
    even = [desk.evaluation(name, rivals.copilot) for name in ("base", "tuned", "copilot")]
    assert desk.compare(*even).sentence.endswith(
        "inconclusive: the interval holds 0, so neither is shown to be better."
    )
    worse = [desk.evaluation("tuned", rivals.ours["base"]), desk.evaluation("base", rivals.ours["tuned+bm25"])]
    assert desk.compare(*worse).sentence.endswith(": a loss beyond chance.")
    few = desk.compare(*rivals.evaluations, settings=CompareSettings(resamples=1000, min_items=106))
    assert few.sentence.endswith("with fewer than 106 items nothing can be concluded.")


def test_other_systems_do_not_change_the_verdict(desk: Desk) -> None:
    rivals = Rivals(desk)
    alone = desk.compare(*rivals.evaluations[:2])
    together = desk.compare(*rivals.evaluations)
    assert (alone.verdict, alone.reason, alone.differences) == (together.verdict, together.reason, together.differences)


def test_folders_and_languages_with_enough_items_have_a_cell(tmp_path: Path) -> None:
    items = [
        dataclasses.replace(each, path="src/ui/a.ts" if n % 3 else "b.py", language="typescript" if n % 3 else "python")
        for n, each in enumerate(make_items())
    ]
    items[1] = dataclasses.replace(items[1], path="lonely/c.ts")
    desk = Desk(tmp_path, items)
    right = answers(items, 1.0, 1.0, 1)
    desk.compare(desk.evaluation("tuned", right), desk.evaluation("base", right))
    cells = {(each.by, each.name): each.items for each in desk.contest().cells if each.system == "tuned"}
    assert cells == {
        ("folder", "src/ui"): 79,
        ("folder", "."): 40,
        ("language", "typescript"): 80,
        ("language", "python"): 40,
    }
    assert {each.exact_match for each in desk.contest().cells} == {1.0}


def test_the_smallest_detectable_difference_is_larger_than_half_the_interval(desk: Desk) -> None:
    desk.compare(*Rivals(desk).evaluations)
    contest = desk.contest()
    found = next(each for each in contest.differences if (each.metric, each.stratum) == ("exact_match", "all"))
    half = (found.high - found.low) / 2
    assert contest.smallest_detectable["exact_match"] == pytest.approx(half * 2.8 / 1.96)


def test_examples_are_wins_and_losses_with_the_truth(desk: Desk) -> None:
    tuned = desk.evaluation("tuned", answers(desk.items, 0.6, 0.8, 1))
    base = desk.evaluation("base", answers(desk.items, 0.3, 1.0, 2))
    desk.compare(tuned, base)
    examples = json.loads(desk.written("examples.json"))
    kinds = [each["kind"] for each in examples]
    assert kinds == sorted(kinds, reverse=True)
    assert 0 < kinds.count("loss") <= kinds.count("win") == 20
    for each in examples:
        assert (each["a"], each["b"]) == ("tuned", "base")
        assert each["target"] == each["answers"]["tuned" if each["kind"] == "win" else "base"]
        assert each["answers"]["tuned"] != each["answers"]["base"]


def test_an_example_shows_where_something_like_its_completion_was_learned(desk: Desk) -> None:
    tuned = desk.evaluation("tuned", answers(desk.items, 0.6, 0.8, 1))
    desk.compare(tuned, desk.evaluation("base", answers(desk.items, 0.3, 1.0, 2)))
    examples = {each["item_id"]: each for each in json.loads(desk.written("examples.json"))}
    found = json.loads(desk.written("nearest.json"))
    assert {each["item_id"] for each in found} == set(examples)
    for each in found:
        assert (each["path"], each["commit"], each["line"]) == ("old.py", "c" * 40, "count = name12(b)")
        completed = "x = " + examples[each["item_id"]]["answers"]["tuned"]
        assert each["similarity"] == pytest.approx(fuzz.ratio(completed, "count = name12(b)") / 100)


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
