"""The same inputs give the same bytes, whether a training ran through or was killed on its way."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tuner.progress import Progress, Track
from tuner.records import Adapter, Row
from tuner.training_log import TIMINGS, steps_of

from .examples import train

KILLED = """
import os, signal, sys
from pathlib import Path
from tests.train.examples import code_rows, train
from tests.train.test_resume import StopAt

class Killer(StopAt):
    def stop(self):
        os.kill(os.getpid(), signal.SIGKILL)

folder, base = map(Path, sys.argv[1:3])
rows = code_rows(base)
train(folder, base, rows, rows[:2], progress=Killer(sys.argv[3], int(sys.argv[4])))
"""


class Stopped(Exception):
    """What ends a training in place of a kill, so that one process can go on."""


class StopAt(Progress):
    """Stop when `count` units of the work named `label` are done, or at its end where it has fewer."""

    def __init__(self, label: str, count: int) -> None:
        self.label = label
        self.count = count
        self.active = False
        self.counted: list[int] = []  # a training begins with the steps done before

    @contextmanager
    def track(self, label: str, total: float | None, unit: str) -> Iterator[Track]:
        outer, self.active = self.active, label == self.label
        yield self
        self.active = outer
        if label == self.label:
            self.stop()

    def advance(self, count: float = 1) -> None:
        if not self.active:
            return
        self.counted.append(int(count))
        if sum(self.counted) >= self.count:
            self.stop()

    def note(self, text: str) -> None:
        pass

    def skip(self, count: float) -> None:
        self.advance(count)

    def show(self, view: object) -> None:
        pass

    def stop(self) -> None:
        raise Stopped


@pytest.fixture(scope="module")
def through(base: Path, rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Adapter]:
    """A training of 8 steps with a checkpoint at 3, 6 and 8, validated at 2, 4, 6 and 8, run through."""
    folder = tmp_path_factory.mktemp("through")
    return folder, train(folder, base, rows, rows[:2])


def outcome(folder: Path) -> dict[str, bytes]:
    files = (path for path in (folder / "out").rglob("*") if path.is_file() and path.name != TIMINGS)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def steps(folder: Path) -> list[int]:
    lines = map(json.loads, (folder / "out/metrics.jsonl").read_text().splitlines())
    return [line["step"] for line in steps_of(lines)]


def same_but_for_cost(a: Adapter, b: Adapter) -> bool:
    cost = {"train.seconds", "train.tokens_per_second", "train.peak_memory_gib", "train.resumed_at_step"}
    return a.sha256 == b.sha256 and all(b.metrics[key] == a.metrics[key] for key in a.metrics.keys() - cost)


def test_the_same_inputs_give_the_same_bytes_twice(
    through: tuple[Path, Adapter], base: Path, rows: list[Row], tmp_path: Path
) -> None:
    again = train(tmp_path, base, rows, rows[:2])
    assert outcome(tmp_path) == outcome(through[0])
    assert same_but_for_cost(through[1], again)


def test_training_is_the_same_with_and_without_validations(
    through: tuple[Path, Adapter], base: Path, rows: list[Row], tmp_path: Path
) -> None:
    bare = train(tmp_path, base, rows)
    assert through[1].metrics["train.best_step"] == 8  # only then are the last weights those that are saved
    assert bare.sha256 == through[1].sha256
    logged = [json.loads(line) for line in (through[0] / "out/metrics.jsonl").read_text().splitlines()]
    assert steps_of(logged) == [json.loads(line) for line in (tmp_path / "out/metrics.jsonl").read_text().splitlines()]


def test_another_seed_gives_another_adapter(
    through: tuple[Path, Adapter], base: Path, rows: list[Row], tmp_path: Path
) -> None:
    assert train(tmp_path, base, rows, rows[:2], seed=18).sha256 != through[1].sha256


def test_a_training_killed_midway_ends_with_the_same_bytes(
    through: tuple[Path, Adapter], base: Path, rows: list[Row], tmp_path: Path
) -> None:
    # killed right after the validation at step 4, when its weights lie there and no checkpoint does
    command = [sys.executable, "-c", KILLED, str(tmp_path), str(base), "training", "5"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert (done.stdout, done.stderr) == ("", "")  # and no library talks
    assert not (tmp_path / "out/metrics.jsonl").exists()
    assert [path.name for path in sorted((tmp_path / "scratch").glob("best-*"))] == WEIGHTS
    resumed = train(tmp_path, base, rows, rows[:2])
    assert resumed.metrics["train.resumed_at_step"] == 3
    assert outcome(tmp_path) == outcome(through[0])
    assert same_but_for_cost(through[1], resumed)


WEIGHTS = ["best-2.safetensors", "best-4.safetensors"]
# Where one training after another stops, by work and count, and the step that it went on from.
STOPS = [
    ("validating the base", 1, None),
    ("training", 2, 0),  # before the first checkpoint
    ("training", 7, 0),
    ("training", 7, 6),  # again
    ("validating", 1, None),  # at the last step, before its checkpoint
    ("training", 8, 6),
    ("training", 99, 6),  # after its checkpoint: no step is left
]


def test_wherever_and_however_often_a_training_stops_it_ends_with_the_same_bytes(
    through: tuple[Path, Adapter], base: Path, rows: list[Row], tmp_path: Path
) -> None:
    for work, count, resumed_at in STOPS:
        stop = StopAt(work, count)
        with pytest.raises(Stopped):
            train(tmp_path, base, rows, rows[:2], progress=stop)
        assert resumed_at in (None, stop.counted[0]), (work, count)
    resumed = train(tmp_path, base, rows, rows[:2])
    assert resumed.metrics["train.resumed_at_step"] == 8
    assert steps(tmp_path) == list(range(1, 9))
    assert outcome(tmp_path) == outcome(through[0])
    assert same_but_for_cost(through[1], resumed)


def test_the_seconds_and_tokens_of_all_attempts_are_counted(base: Path, rows: list[Row], tmp_path: Path) -> None:
    with pytest.raises(Stopped):
        train(tmp_path, base, rows, progress=StopAt("training", 5))
    first, _ = json.loads((tmp_path / "scratch/cost.json").read_text())
    resumed = train(tmp_path, base, rows)
    both, _ = json.loads((tmp_path / "scratch/cost.json").read_text())
    tokens = 4 * sum(len(row.input_ids) for row in rows)
    assert 0 < first < both
    assert resumed.metrics["train.seconds"] == round(both, 1)
    assert resumed.metrics["train.tokens"] == tokens
    assert resumed.metrics["train.tokens_per_second"] == round(tokens / both, 1)
