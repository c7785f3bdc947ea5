"""The last screen says what the manifest says: losses beside wins, n beside figures, and what failed by its name."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from tests.runs import BASE, REPO
from tuner.comparison import Comparison, Difference
from tuner.progress import Progress
from tuner.recipe import Recipe
from tuner.records import Adapter, Artefact, Bundle, Cut, Dataset, Evaluation, Interval, Mined, Page
from tuner.rundir import Run
from tuner.screen import final_screen, run_line, stage_line

CUT = Cut("c" * 40, 1_000_000, 90, 10, "10 later commits")
MINED = Mined("p", "a", "r", CUT, [], {"file": 1200, "line_infilling": 34, "additions": 50}, {"binary": 5}, {})
DATA = {"dataset.train_tokens": 40_000.0, "dataset.train_rows": 80.0, "dataset.items": 120.0}
ROWS = {"train_rows.file": 60, "train_tokens.file": 38_000, "train_rows.edit": 20, "train_tokens.edit": 2_000}
DATASET = Dataset(
    "t", "v", "i", "d" * 64, "r", ROWS | {"train_tokens.body": 0}, {"too_long": 7, "near_duplicate": 9}, DATA
)
TRAIN = {"train.steps": 40.0, "train.tokens_per_second": 512.4, "train.peak_memory_gib": 2.25}
ADAPTER = Adapter("adapter", BASE.name, BASE.revision, "9" * 64, TRAIN, ["nf4 was read back as bf16"])
WIN = Difference("bits_per_byte", "all", 0.8125, 1.25, -0.4375, -0.5, -0.375, 120, 20, "lower")
LOSS = Difference("exact_match", "all", 0.25, 0.5, -0.25, -0.375, -0.125, 120, 20, "higher")
OPEN = Difference("edit_similarity", "all", 0.625, 0.5, 0.125, -0.0625, 0.25, 120, 20, "higher")
NOVEL = Difference("bits_per_byte", "novel", 0.875, 1.25, -0.375, -0.5, -0.25, 60, 15, "lower")
COMPARISON = Comparison("tuned", "base", "d" * 64, [LOSS, NOVEL, OPEN, WIN], "ship", "it is better", {})
GOOD = Artefact("gguf", "export/x.gguf", "gguf", "2", 0.03125, 0.00002, True)
BAD = Artefact("merged", "export/merged", "merged", "3", 0.5, 0.25, False)
UNRUN = Artefact("peft", "export/peft", "peft", "1", None, None, None)
BUNDLE = Bundle("export", [UNRUN, GOOD], {}, {"ollama": "the form is unknown to it"})


def evaluated(system: str, bits: float, exact: float) -> Evaluation:
    scores = {
        "bits_per_byte": Interval(bits, bits - 0.1, bits + 0.1, 120),
        "exact_match": Interval(exact, exact - 0.1, exact + 0.1, 120),
    }
    return Evaluation(system, "d" * 64, f"eval/{system}.jsonl", scores, {})


def finished(tmp_path: Path, **changes: Any) -> Run:
    """Make a run whose stages returned these records; None leaves a stage out."""
    records = {
        "mine": MINED,
        "dataset": DATASET,
        "train": ADAPTER,
        "evaluate-base": evaluated("base", 1.25, 0.5),
        "evaluate-tuned": evaluated("tuned", 0.8125, 0.25),
        "compare": COMPARISON,
        "export": BUNDLE,
        "report": Page("report/index.html", "report/report.md", {}),
        **changes,
    }
    run = Run.create(tmp_path, REPO, BASE, Recipe())
    for name, record in records.items():
        if record is None:
            continue
        run.stage(name, type(record), lambda _, record=record: record, settings={}, inputs=[], progress=Progress())
    return run


def lines(run: Run) -> dict[str, str]:
    """Give the screen's lines by their first word or words."""
    screen = final_screen(run).splitlines()
    return {first: rest.strip() for first, _, rest in (line.strip().partition("  ") for line in screen)}


def test_losses_and_open_questions_stand_beside_wins_each_with_its_interval(tmp_path: Path) -> None:
    shown = {name: " ".join(rest.split()) for name, rest in lines(finished(tmp_path)).items()}
    assert shown["bits_per_byte"] == "1.250 [1.150, 1.350] 0.812 [0.713, 0.912] -0.438 [-0.500, -0.375] gain 120"
    assert shown["exact_match"] == "50.0 % [40.0, 60.0] 25.0 % [15.0, 35.0] -25.0 [-37.5, -12.5] pp loss 120"
    assert shown["edit_similarity"] == "- - +12.5 [-6.2, +25.0] pp inconclusive 120"
    assert shown["bits_per_byte, novel"] == "1.250 0.875 -0.375 [-0.500, -0.250] gain 60"
    assert shown["verdict"] == "ship: it is better"


def test_what_n_counts_is_said_below_the_table(tmp_path: Path) -> None:
    screen = final_screen(finished(tmp_path))
    said = "  n items from up to 20 commits after the cut; novel: the line stands in no training text\n"
    assert said in screen


def test_what_was_mined_dropped_and_trained_is_counted(tmp_path: Path) -> None:
    shown = lines(finished(tmp_path))
    assert shown["repository"] == "Shop.git at aaaaaaaaaaaa; cut cccccccccccc, 10 later commits"
    assert shown["mined"] == "1,234 pairs: 1,200 file, 34 line_infilling"
    assert shown["dropped"] == "21: 9 near_duplicate, 7 too_long, 5 binary"
    assert shown["trained"] == "40,000 tokens, 40 steps, 512 tokens/s, peak memory 2.2 GiB"
    assert shown["trained on"] == "80 rows, share of tokens: 60 file (95.0 %), 20 edit (5.0 %)"
    assert shown["note"] == "nf4 was read back as bf16"


def test_commits_that_were_not_drawn_are_said_with_the_way_to_have_all(tmp_path: Path) -> None:
    mined = dataclasses.replace(MINED, counts={**MINED.counts}, rejected_counts={"not_drawn": 1234, "binary": 5})
    said = '1,234 commits were not drawn for pairs; all are with SET="mine.history_commits=null"'
    assert lines(finished(tmp_path, mine=mined))["history"] == said
    assert "history" not in lines(finished(tmp_path / "all"))
    mined.rejected_counts["later_not_drawn"], mined.counts["files_alone"] = 1, 2
    more = [
        '1 later commit was not drawn for items; all are with SET="mine.later_commits=null"',
        '2 files were not drawn for pairs with other files; all are with SET="mine.repository_files=null"',
    ]
    entry = {"record": dataclasses.asdict(mined), "seconds": 1.0}
    assert [each.strip() for each in stage_line("mine", "done", entry).splitlines()[1:]] == [said, *more]


def test_what_to_type_next_names_the_run(tmp_path: Path) -> None:
    run = finished(tmp_path)
    shown = lines(run)
    assert shown["next"] == f"make serve RUN={run.folder}"
    assert shown["adapter"] == f"{run.folder}/adapter"
    assert shown["report"] == f"{run.folder}/report/index.html"


def test_a_run_that_was_only_evaluated_shows_its_verdict_and_no_file_that_it_lacks(tmp_path: Path) -> None:
    run = finished(tmp_path, export=None, report=None)
    shown = lines(run)
    assert (shown["verdict"], shown["adapter"]) == ("ship: it is better", f"{run.folder}/adapter")
    assert shown["next"].startswith("the same with `make train` exports it")
    assert {"exported", "not exported", "report"}.isdisjoint(shown)


@pytest.mark.parametrize(
    ("artefacts", "text"),
    [
        ([UNRUN, GOOD], "export/ with peft, gguf; 1 passed parity, largest difference 0.031 nats"),
        ([UNRUN, GOOD, BAD], "export/ with peft, gguf, merged; FAILED for merged"),
        ([UNRUN], "export/ with peft; no engine could check them"),
    ],
)
def test_an_artefact_that_failed_parity_is_named(tmp_path: Path, artefacts: list[Artefact], text: str) -> None:
    shown = lines(finished(tmp_path, export=dataclasses.replace(BUNDLE, artefacts=artefacts)))
    assert shown["exported"] == text
    assert shown["not exported"] == "ollama: the form is unknown to it"


def test_a_run_without_items_says_that_nothing_was_compared(tmp_path: Path) -> None:
    nothing = dataclasses.replace(COMPARISON, differences=[], verdict="no_benefit_shown", reason="there are no items")
    screen = final_screen(finished(tmp_path, compare=nothing))
    assert "  nothing was compared: there are no evaluation items\n" in screen
    assert "no_benefit_shown: there are no items" in screen
    assert "n items from" not in screen and "[95 %]" not in screen


@pytest.mark.parametrize(
    ("name", "record", "text"),
    [
        ("mine", MINED, "1,234 pairs before the cut, 50 additions in 10 later commits"),
        ("dataset", DATASET, "80 rows, 40,000 tokens; 0 rows for validation; 120 evaluation items frozen"),
        ("evaluate-base", evaluated("base", 1.25, 0.5), "bits per byte 1.250, exact match 50.0 %"),
        ("evaluate-base", Evaluation("base", "d", "p", {}, {}), "no items"),
        ("compare", COMPARISON, "ship"),
        ("export", Bundle("export", [UNRUN, GOOD, BAD], {}), "3 artefacts, 1 passed parity"),
    ],
)
def test_a_stage_is_one_line_with_its_time(name: str, record: Any, text: str) -> None:
    entry = {"record": dataclasses.asdict(record), "seconds": 12.34}
    line = stage_line(name, "done", entry)
    assert line.split() == [name, *text.split(), "12.3", "s"]
    assert stage_line(name, "kept", entry) == f"{line}  (done before, kept)"
    assert stage_line(name, "reused", entry) == f"{line}  (same work in another run, reused)"


def test_a_run_is_one_line_with_its_last_stage(tmp_path: Path) -> None:
    fresh = Run.create(tmp_path / "fresh", REPO, BASE, Recipe())
    assert run_line(fresh).split() == [fresh.folder.name, "0", "stages,", "last", "none"]
    run = finished(tmp_path)
    assert run_line(run).split() == [run.folder.name, "8", "stages,", "last", "report", "ship"]
