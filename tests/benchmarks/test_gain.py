"""The gain bench goes from a run to table and picture; its contestants learn the same, and only training is timed."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest

from benchmarks import gain, material
from benchmarks.gain_contestants import Recorder
from tests.pipelines import SMALL, Finished, finished_run
from tuner.progress import Progress
from tuner.records import Dataset, Row, read_jsonl
from tuner.rundir import Run

from .contestants import all_here, in_float32, run_here

MARKED = "before\n<!-- figures:gain -->\nold\n<!-- /figures:gain -->\nafter\n"
DOSE = ["--tokens", "900", "--points", "2", "--set", "train.accumulation=1", "--set", "train.learning_rate=1e-2"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return finished_run(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module")
def measured(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a document and the results, written by one bench of all contestants; stock ends at its cap."""
    folder = tmp_path_factory.mktemp("gain")
    (folder / "page.md").write_text(MARKED, encoding="utf-8")
    written = ["--results", str(folder / "figures" / "gain.json"), "--into", str(folder / "page.md")]
    with in_float32():
        given = ["--run", str(finished.folder), *DOSE, "--cap-minutes", "0", *written]
        assert gain.main(given, run_here, all_here) == 0
    return folder


def test_ours_and_trl_at_its_best_learn_the_same_from_the_same_batches(measured: Path) -> None:
    figures = json.loads((measured / "figures/gain.json").read_text(encoding="utf-8"))
    for point in ("1", "2"):
        for key in ("steps", "tokens"):
            assert figures[f"ours.{point}.{key}"] == figures[f"best.{point}.{key}"] > 0
        assert figures[f"ours.{point}.bits_per_byte"] == pytest.approx(figures[f"best.{point}.bits_per_byte"], abs=2e-4)
    assert figures["ours.1.bits_per_byte"] != pytest.approx(figures["ours.2.bits_per_byte"], abs=2e-4)
    assert figures["ours.1.tokens"] < figures["ours.2.tokens"] == figures["ours.tokens"] == figures["train.tokens"]
    assert figures["ours.bits_per_byte"] < figures["base.bits_per_byte"] - gain.NEAR  # it learned at all
    assert figures["ours.minutes_to_level"] > 0 and figures["best.minutes_to_level"] > 0
    assert "minutes_vs_trl_best" in figures and figures["level.bits_per_byte"] == figures["best.bits_per_byte"]
    assert (figures["stock.steps"], figures["stock.steps_planned"] > 1) == (1, True)


def test_table_and_picture_show_what_was_measured(measured: Path) -> None:
    text = (measured / "figures/gain.json").read_text(encoding="utf-8")
    figures, page = json.loads(text), (measured / "page.md").read_text(encoding="utf-8")
    assert page.startswith("before\n<!-- figures:gain -->\n") and page.endswith("<!-- /figures:gain -->\nafter\n")
    assert "old" not in page and "![Bits per byte by minutes of training](figures/gain.svg)" in page
    assert f"| ours | {figures['ours.steps']} | {figures['ours.tokens']:,} | " in page
    assert f"| stock TRL, ended at 0 minutes | 1 of {figures['stock.steps_planned']} | " in page
    assert f"level TRL at its best takes {figures['minutes_vs_trl_best']:.2f} times as long as ours." in page
    picture = (measured / "figures/gain.svg").read_text(encoding="utf-8")
    lines = ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}polyline")
    assert [each.get("class") for each in lines] == 2 * ["ours", "best", "stock"]  # the legend, and the lines
    assert f"ours: from {figures['base.bits_per_byte']:.3f} to {figures['ours.bits_per_byte']:.3f} in" in picture
    assert str(measured) not in text + picture and "/base" not in text


@dataclass
class Slow:
    """A model whose writing takes ten seconds of a clock that only it and the steps move."""

    now: list[float]
    written: list[str] = field(default_factory=list)

    def save_pretrained(self, place: Path) -> None:
        self.now[0] += 10.0
        self.written.append(place.name)


def recorded(now: list[float], cap: float | None) -> tuple[Recorder, Slow]:
    recorder, model, control = Recorder(2, cap, Path("kept"), lambda: now[0]), Slow(now), SimpleNamespace()
    control.should_training_stop = False
    state: Any = SimpleNamespace(max_steps=4, global_step=0)
    recorder.on_train_begin(None, state, control)  # type: ignore[arg-type]
    while state.global_step < 4 and not control.should_training_stop:
        state.global_step += 1
        now[0] += 1.5
        recorder.on_step_end(None, state, control, model)  # type: ignore[arg-type]
    return recorder, model


def test_the_clock_stands_still_while_an_adapter_is_written() -> None:
    recorder, model = recorded([100.0], None)
    assert [(each["step"], each["seconds"]) for each in recorder.points] == [(2, 3.0), (4, 6.0)]
    assert model.written == ["step-2", "step-4"]


def test_a_training_at_its_cap_keeps_its_last_step_and_ends() -> None:
    recorder, _ = recorded([0.0], 4.5)
    assert [(each["step"], each["seconds"]) for each in recorder.points] == [(2, 3.0), (3, 4.5)]


def test_the_minutes_to_a_level_are_drawn_straight_between_points() -> None:
    curve = [(0.0, 1.0), (2.0, 0.8), (4.0, 0.9), (5.0, 0.5)]
    assert gain.minutes_to(0.9, curve) == pytest.approx(1.0)
    assert gain.minutes_to(0.8, curve) == 2.0  # the first time counts
    assert gain.minutes_to(0.6, curve) == pytest.approx(4.75)
    assert gain.minutes_to(0.4, curve) is None


def test_ratios_are_the_minutes_of_the_other_over_ours() -> None:
    found = {
        "ours": [(0.0, 1.0), (1.0, 0.8)],
        "best": [(0.0, 1.0), (3.0, 0.8)],
        "stock": [(0.0, 1.0), (9.0, 0.9)],
    }
    figures = gain.compared(found)
    assert (figures["minutes_vs_trl_best"], figures["stock.minutes_to_level"]) == (3.0, None)
    assert "minutes_vs_trl_stock" not in figures  # it never got there


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            [],
            "error: wanted REPO= or RUN=, and one of them alone\n"
            "hint: for example: make bench ROOM=gain REPO=../your-repository\n",
        ),
        (["--run", "RUN", "--base", "x"], "error: RUN= names the base; BASE= would change nothing\n"),
        (["--run", "RUN", "--set", "train.method=dora"], "error: train.method is dora, wanted lora\nhint: --set"),
        (
            ["--run", "RUN", "--tokens", "30"],
            "tokens, wanted 257 at least, which are 2 steps\n"
            "hint: a larger --tokens, a smaller --set dataset.max_tokens, or a repository with more code\n",
        ),
        (["--run", "RUN", "--into", "README.md"], "no lines <!-- figures:gain --> and <!-- /figures:gain -->, one"),
    ],
)
def test_what_cannot_be_measured_is_said_before_anything_is_trained(
    finished: Finished, capsys: pytest.CaptureFixture[str], given: list[str], said: str
) -> None:
    def never(*_: object) -> Any:
        pytest.fail("a contestant was started")

    assert gain.main([str(finished.folder) if each == "RUN" else each for each in given], never) == 2
    assert said in capsys.readouterr().err


def test_a_run_without_validation_rows_is_refused(
    finished: Finished, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / finished.folder.name
    shutil.copytree(finished.folder, run)
    (run / "data/valid.jsonl").write_text("", encoding="utf-8")
    assert gain.main(["--run", str(run)], run_here) == 2
    assert "data/valid.jsonl: missing, or altered since it was written" in capsys.readouterr().err
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    for stage in manifest["stages"]:  # as if the dataset had made none
        if "data/valid.jsonl" in stage["outputs"]:
            stage["outputs"]["data/valid.jsonl"]["sha256"] = hashlib.sha256(b"").hexdigest()
    (run / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert gain.main(["--run", str(run)], run_here) == 2
    assert capsys.readouterr().err == (
        f"error: {run}/data/valid.jsonl: no validation row, by which this bench judges\n"
        "hint: --set dataset.valid_share=0.2 keeps more later commits for it\n"
    )


def test_a_repository_gives_what_its_run_gives(finished: Finished, tmp_path: Path) -> None:
    shutil.copytree(finished.adapters, tmp_path / "adapters")
    changes = [f"{key}={value}" for key, value in SMALL.items() if key != "dataset.max_train_tokens"]
    given = {"repo": (str(finished.inputs.repo), None, str(finished.inputs.base), changes)}
    given["run"] = (None, finished.folder, None, [])
    found = {}
    for name, how in given.items():
        (tmp_path / name).mkdir()
        found[name] = material.gather(*how, 1000, tmp_path / "adapters", tmp_path / name, Progress())
    for file in ("train.jsonl", "valid.jsonl"):
        assert (tmp_path / "repo" / file).read_bytes() == (tmp_path / "run" / file).read_bytes() != b""
    assert found["repo"].figures() == found["run"].figures() and found["repo"].base == found["run"].base
    rows = {row.pair_id for row in read_jsonl(tmp_path / "repo/valid.jsonl", Row)}
    assert rows == found["repo"].commits.keys() and found["repo"].figures()["valid.commits"] > 1


def test_a_dose_is_drawn_from_all_of_the_rows(finished: Finished) -> None:
    run = Run.find(finished.folder)
    rows = list(read_jsonl(run.folder / run.record("dataset", Dataset).train, Row))
    drawn = material.draw(list(rows), 400, 3)
    assert 400 <= sum(len(row.input_ids) for row in drawn) < 400 + 128
    assert drawn == material.draw(list(rows), 400, 3) != rows[: len(drawn)]
    assert sorted(row.pair_id for row in material.draw(list(rows), 10**6, 3)) == sorted(row.pair_id for row in rows)
