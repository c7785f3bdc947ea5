"""`tuner watch` shows a training of another terminal from its files, ends with it, and says so where there is none."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from tuner.cli import main
from tuner.errors import RunError
from tuner.progress import Progress, Track, View
from tuner.recipe import Recipe
from tuner.records import Adapter, Base, Repo, to_json
from tuner.rundir import Run, locked
from tuner.watch_commands import notices, watch


class Recorder(Progress):
    """Keep what was counted, and what the view would have shown at each look."""

    def __init__(self) -> None:
        self.before: list[float] = []
        self.counted: list[float] = []
        self.shown: list[str] = []

    @contextmanager
    def track(self, label: str, total: float | None, unit: str) -> Iterator[Track]:
        assert (label, total, unit) == ("training", 5, "step")
        yield self

    def skip(self, count: float) -> None:
        self.before.append(count)
        self.shown.append(self.view.short())

    def advance(self, count: float = 1) -> None:
        self.counted.append(count)
        self.shown.append(self.view.short())

    def note(self, text: str) -> None:
        pass

    def show(self, view: View) -> None:
        self.view = view


@pytest.fixture
def run(tmp_path: Path) -> Run:
    repo, base = Repo("shop", "", "a" * 40, "main"), Base("acme/base", "", "b" * 40, "prefix_only")
    return Run.create(tmp_path, repo, base, Recipe())


def put(run: Run, step: int, **facts: Any) -> Path:
    """Log one more step, as a training does."""
    folder = run.folder / ".scratch-train-1234abcd"
    folder.mkdir(exist_ok=True)
    known = {"steps": 5, "operations": 1e9, "processes": 1, "peak": None, "measured_at": 0}
    (folder / "watch.json").write_text(json.dumps(known | facts))
    timing = {"step": step, "step_seconds": 2.0, "memory_gib": 1.5, "peak_memory_gib": 1.5}
    line = {"step": step, "loss": 1.0 + 1 / step, "learning_rate": 1e-3, "tokens": 800}
    lines = [line, {"step": step, "valid_loss": 9.0}]
    for name, written in (("metrics.jsonl", lines), ("timings.jsonl", [timing])):
        with (folder / name).open("a") as stream:
            stream.write("".join(f"{json.dumps(each)}\n" for each in written))
    return folder


def test_steps_are_counted_as_they_are_logged_until_the_training_ends(run: Run) -> None:
    put(run, 1)
    put(run, 2)
    progress = Recorder()
    with ExitStack() as training:
        training.enter_context(locked(run.folder))

        def third() -> None:
            put(run, 3, peak=8e11, measured_at=2)

        def end() -> None:
            shutil.rmtree(put(run, 4, peak=8e11, measured_at=2))
            training.close()

        looks: Iterator[Callable[[], None]] = iter([third, lambda: None, end])
        watch(run, progress, lambda: next(looks)())
    assert (progress.before, progress.counted) == ([2], [1, 0, 0])
    assert progress.shown[0] == "loss 1.750, 400 tokens/s, 1.5 GiB now"
    assert progress.shown[1] == "loss 1.611, 400 tokens/s, 50% of peak, 1.5 GiB now"


def test_a_run_that_nobody_works_on_is_not_waited_for(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    put(run, 1)  # left by a kill
    with pytest.raises(RunError) as caught:
        watch(run, Progress(), lambda: pytest.fail("waited"))
    assert caught.value.message == f"{run.folder}: no training is in progress"
    assert caught.value.hint == "`make train REPO=...` begins one or goes on"
    assert main(["watch", str(run.folder)]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_a_finished_training_is_told_in_a_line(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    figures = {"steps": 59, "seconds": 61.2, "tokens_per_second": 401.7, "loss_first": 3.1, "loss_final": 1.42}
    metrics = {f"train.{name}": value for name, value in figures.items()}
    record = json.loads(to_json(Adapter("adapter", "acme/base", "b" * 40, "c" * 64, metrics)))
    run._append("train", "k", {}, {"tensorboard/events.out.tfevents.0": {}}, record, {})
    assert main(["watch", str(run.folder)]) == 0
    shown = f"trained 59 steps in 61 s, 402 tokens/s, loss 3.100 to 1.420: {run.folder}/loss.svg\n"
    assert capsys.readouterr().out == shown
    assert notices(run, ["tensorboard"]) == []
    assert notices(run, ["tensorboard", "trackio"]) == [
        "trained before without train.log_to=trackio: nothing is logged now"
    ]


def test_a_viewer_decides_nothing_about_a_run(run: Run, tmp_path: Path) -> None:
    changed = Recipe.model_validate({"train": {"log_to": ["tensorboard"]}})
    repo, base = Repo("shop", "", "a" * 40, "main"), Base("acme/base", "", "b" * 40, "prefix_only")
    assert Run.folder_of(tmp_path, repo, base, changed) == run.folder
    assert notices(run, ["tensorboard"]) == []
    other = Recipe.model_validate({"train": {"rank": 3}})
    assert Run.folder_of(tmp_path, repo, base, other) != run.folder
