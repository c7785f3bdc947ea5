"""`tuner evaluate --screen`: what is said before any training, and what is later set beside it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.pipelines import ROOT, Finished, arguments, finished_run, tuner
from tuner.forecast import MEASURED, covered, forecast, missed
from tuner.records import Dataset, Item, read_jsonl
from tuner.rundir import Run


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return finished_run(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def screened(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """The finished run's folder, screened as the same command would before it: only what is missing is done."""
    adapters = tmp_path_factory.mktemp("screened")
    folder = Path(shutil.copytree(finished.folder, adapters / finished.folder.name))
    given = arguments(finished.inputs, adapters)
    repo = given[given.index("--repo") + 1]
    rest = [each for each in given if each not in ("--repo", repo)]
    answer = tuner("evaluate", "--screen", repo, *rest, "--set=compare.min_items=2")
    return Finished(finished.inputs, adapters, folder, answer)


def test_screening_goes_into_the_run_of_the_training_and_does_nothing_twice(screened: Finished) -> None:
    answer = screened.answer
    assert answer.status == 0, answer.err
    folders = [path for path in screened.adapters.iterdir() if (path / "manifest.json").is_file()]
    assert len(folders) == 2  # min_items decides the verdict, so this is another run, which takes over what is the same
    (other,) = (path for path in folders if path != screened.folder)
    names = [entry["name"] for entry in Run.find(other).stages]
    assert names == [
        "mine",
        "dataset",
        *(f"evaluate-{x}" for x in ("base", "base+bm25", "copier")),
        "familiarity",
        "screen",
    ]
    taken_over = [line.split()[0] for line in answer.err.splitlines() if line.endswith("reused)")]
    assert taken_over == ["mine", "dataset", "evaluate-base"]
    written = json.loads((other / "eval/screen.json").read_text(encoding="utf-8"))
    items = list(read_jsonl(other / "data/eval_items.jsonl", Item))
    assert written["items"] == len(items)
    assert written["known_share"] == pytest.approx(sum(not each.novel for each in items) / len(items))
    share = covered(Run.find(other).record("dataset", Dataset))
    assert 0 < share < 1 and written["forecast"]["change"] == pytest.approx(forecast(share, 1000).change)
    assert f"  predicted     bits per byte {100 * written['forecast']['change']:+.0f} % by tuning" in answer.out
    for line in (
        "  items         ",
        "  base          bits_per_byte ",
        "  copier        exact_match ",
        "  retrieval     ",
    ):
        assert line in answer.out
    assert "no tuning" not in answer.out and "adapter" not in names


def test_the_outcome_is_printed_beside_the_prediction(screened: Finished) -> None:
    given = arguments(screened.inputs, screened.adapters)
    answer = tuner("evaluate", "--gate", *given, "--set=compare.min_items=2")
    assert answer.status in (0, 3, 4), answer.err
    (line,) = (line for line in answer.out.splitlines() if line.startswith("  predicted "))
    assert "bits per byte" in line and "%, measured " in line
    assert "screen " not in answer.err  # it lies in the run and is not made again


def test_with_few_items_nothing_is_predicted(finished: Finished, tmp_path: Path) -> None:
    shutil.copytree(finished.folder, tmp_path / finished.folder.name)
    answer = tuner("evaluate", "--screen", *arguments(finished.inputs, tmp_path))
    assert answer.status == 0, answer.err
    count = len(list(read_jsonl(finished.folder / "data/eval_items.jsonl", Item)))
    assert (
        f"  predicted     nothing can be predicted from {count} items, wanted 100 (compare.min_items)\n" in answer.out
    )


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            ["--run", "x"],
            "error: --screen comes before any training; --run and --gate come after it\nhint: leave them out\n",
        ),
        (
            ["--gate"],
            "error: --screen comes before any training; --run and --gate come after it\nhint: leave them out\n",
        ),
        (["--repo", "other"], "error: --screen here and --repo other name two repositories\nhint: leave one out\n"),
    ],
)
def test_what_screening_cannot_go_with_is_said(given: list[str], said: str) -> None:
    answer = tuner("evaluate", "--screen", "here", *given)
    assert (answer.status, answer.err) == (2, said)


def test_what_the_rule_rests_on_is_what_the_results_show() -> None:
    page = (ROOT / "docs/results.md").read_text(encoding="utf-8").splitlines()
    for each in MEASURED:
        dose = f"| {each.tokens:,} | {100 * each.covered:.0f} % |"
        assert any(line.startswith(f"| {each.repository} |") and dose in line for line in page)
        (bits, *_) = (line for line in page if line.startswith(f"| {each.repository} | bits per byte | "))
        assert f"| {each.bits_per_byte:.3f} |" in bits and f"| {100 * each.change:.1f} [" in bits


def test_the_rule_is_off_by_no_more_than_it_says_and_says_how_little_it_rests_on() -> None:
    for each in MEASURED:
        found = forecast(each.covered, each.tokens)
        assert abs(missed(each)) <= found.worst_error
        assert found.runs == len(MEASURED) == 5
        assert found.said.endswith("points: a weak guess")
    assert found.worst_error == pytest.approx(0.040, abs=0.001)
    assert forecast(0.0, 120_000).change == pytest.approx(-0.108, abs=0.001)
    assert forecast(1.0, 120_000).change == pytest.approx(-0.233, abs=0.001)
    assert "they saw 119,899 to 119,982 training tokens, here it is 600,000" in forecast(1.0, 600_000).said
