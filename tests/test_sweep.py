"""`tuner sweep` from a repository to its table: stopped twice on the way, blind to the evaluation items.

One sweep is made for the whole file. Its baseline has a sane learning rate; the variant's is too small to learn
anything, and it does without two kinds of pairs besides, so that it needs a dataset of its own.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.pipelines import Answer, Finished, arguments, finished_run, tuner
from tuner import bases, recipe_file
from tuner.errors import DataError, TrainError
from tuner.mine.repositories import open_repositories, together
from tuner.pipeline import MEMORY
from tuner.progress import Progress, Track, View
from tuner.records import Row, read_jsonl, sha256_file, write_jsonl
from tuner.sweep_log import HEADER
from tuner.sweep_rows import Rows, read_prepared, require_apart
from tuner.sweep_stages import Sweeping
from tuner.sweep_trials import Bench
from tuner.variants import make_variants

TINY = "train.learning_rate=1e-7"
LESS = "without=edit+file"
BUDGET = 1000


class Stopped(BaseException):
    """What a test raises where a process would be killed."""


class StopAt(Progress):
    """Stop in the `times`th piece of work of this label, when `count` of it is done."""

    def __init__(self, label: str, times: int, count: int) -> None:
        self.label, self.times, self.count = label, times, count

    @contextmanager
    def track(self, label: str, total: float | None, unit: str) -> Iterator[Track]:
        self.times -= label == self.label
        is_last = label == self.label and self.times == 0
        with super().track(label, total, unit) as track:
            yield _Counted(self.count) if is_last else track


class _Counted:
    def __init__(self, left: float) -> None:
        self.left = left

    def advance(self, count: float = 1) -> None:
        self.left -= count
        if self.left <= 0:
            raise Stopped

    def note(self, text: str) -> None:
        pass

    def skip(self, count: float) -> None:
        pass

    def show(self, view: View) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Swept:
    """A finished sweep: its folder, its log, and what was there when it was stopped."""

    folder: Path
    log: Path
    command: list[str]
    answer: Answer
    items_at_first_stop: list[Path]
    items_at_second_stop: list[Path]
    trials_at_second_stop: list[str]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return finished_run(tmp_path_factory.getbasetemp())


def settings(finished: Finished, adapters: Path) -> list[str]:
    """Judge by as few rows as there are commits kept."""
    return arguments(finished.inputs, adapters, dataset__valid_rows=5)


def opened(finished: Finished, adapters: Path) -> Sweeping:
    """Open the same sweep as the command does."""
    given = [each.removeprefix("--set=") for each in settings(finished, adapters) if "--set" in each]
    given += ["train.learning_rate=1e-2", f"sweep.max_train_tokens={BUDGET}", f"dataset.max_train_tokens={BUDGET}"]
    base = str(finished.inputs.base)
    variants = make_variants([TINY, LESS], True, lambda more: recipe_file.load(None, base, [*given, *more]).recipe)
    repos = open_repositories(str(finished.inputs.repo), adapters, Progress())
    return Sweeping(adapters, repos, together(repos), bases.resolve(base, adapters, Progress()), variants, True)


def stop(sweeping: Sweeping, at: StopAt) -> list[Path]:
    """Run a sweep until it is stopped, and list the evaluation items that lie in its folder then."""
    sweeping.folder.mkdir(parents=True, exist_ok=True)
    with pytest.raises(Stopped):
        sweeping.run(at, lambda *_: None, lambda *_: None)
    return sorted(sweeping.folder.rglob("eval_items.jsonl"))


@pytest.fixture(scope="module")
def swept(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Swept:
    home = tmp_path_factory.mktemp("sweep")
    adapters, log = home / "adapters", home / "LOG.md"
    shutil.copytree(finished.adapters / MEMORY, adapters / MEMORY)  # of mining, which is not what is tested here
    sweeping = opened(finished, adapters)
    # in the second dataset; then in the second training, behind its second checkpoint
    first = stop(sweeping, StopAt("reading pairs", 2, 1))
    second = stop(sweeping, StopAt("training", 2, 3))
    trials = sorted(path.name for path in (sweeping.folder / "trials").iterdir())
    command = ["sweep", *settings(finished, adapters), "--set", "train.learning_rate=1e-2", "--grid"]
    command += ["--over", TINY, "--without", LESS.partition("=")[2], "--budget", str(BUDGET), "--log", str(log)]
    return Swept(sweeping.folder, log, command, tuner(*command), first, second, trials)


def test_a_stopped_sweep_goes_on_from_the_step_where_it_was(swept: Swept) -> None:
    assert swept.answer.status == 0, swept.answer.err
    assert swept.trials_at_second_stop == ["00.json", "base.json"]
    lines = [line for line in swept.answer.err.splitlines() if " of 3 " in line]
    assert [line.endswith("(done before, kept)") for line in lines] == [True, False, False]
    assert not any(line.startswith(("mine ", "dataset ")) for line in swept.answer.err.splitlines())
    assert sorted(path.name for path in swept.folder.iterdir() if path.name[0] != ".") == [
        *("adapter", "rows", "sweep.json", "trials"),
    ]


def test_the_share_that_judged_is_to_be_kept_by_the_run_that_follows(swept: Swept) -> None:
    said = (
        '  note        give the run that follows SET="dataset.valid_share=0.4" too, or some of its items '
        "are of commits that judged here\n"
    )
    assert said in swept.answer.out


def test_the_items_are_gone_before_the_first_training(swept: Swept) -> None:
    assert swept.items_at_first_stop  # the negative control: the datasets were made with them
    assert swept.items_at_second_stop == []


def test_a_learning_rate_that_learns_nothing_loses_against_a_sane_one(swept: Swept) -> None:
    found = json.loads((swept.folder / "sweep.json").read_text(encoding="utf-8"))
    baseline, variant = found["results"]
    assert (baseline["seeds"], variant["seeds"]) == ([3, 4], [3])
    assert variant["variant"] == f"{TINY} {LESS}" and variant["outcome"] == "worse"
    assert variant["difference"]["low"] > max(0.0, found["noise"])
    assert variant["bits_per_byte"] == pytest.approx(found["untuned"]["bits_per_byte"], abs=1e-3)
    assert (found["best"], found["adapter_of"]) == (None, "baseline")
    trials = [json.loads((swept.folder / f"trials/0{at}.json").read_text(encoding="utf-8")) for at in range(3)]
    assert sha256_file(swept.folder / "adapter/adapter_model.safetensors") == trials[0]["adapter_sha256"]
    assert len({each["adapter_sha256"] for each in trials}) == 3


def test_every_variant_is_judged_on_the_same_rows_and_trained_on_none_of_them(swept: Swept) -> None:
    prepared = read_prepared(swept.folder)
    assert prepared.valid_sha256 == sha256_file(swept.folder / "rows/valid.jsonl")
    valid = list(read_jsonl(swept.folder / "rows/valid.jsonl", Row))
    judging = {row.pair_id for row in valid}
    for trial in (swept.folder / "trials").glob("*.json"):
        rows = json.loads(trial.read_text(encoding="utf-8"))["rows"]
        assert [row["pair_id"] for row in rows] == [row.pair_id for row in valid]
    kinds = []
    for rows in prepared.rows.values():
        trained = list(read_jsonl(swept.folder / rows.path, Row))
        kinds.append({row.kind for row in trained})
        assert trained and judging.isdisjoint(row.pair_id for row in trained)
    assert "file" in kinds[0] and not kinds[1] & {"file", "edit"}


def test_a_second_call_shows_the_table_and_adds_nothing_to_the_log(swept: Swept) -> None:
    log = swept.log.read_text(encoding="utf-8")
    assert log.startswith(HEADER) and log.count("\n## ") == 1 and f"## {swept.folder.name}\n" in log
    assert not any(str(place) in log for place in (swept.folder.parents[1], swept.log.parent))
    again = tuner(*swept.command)
    first, log_line = swept.answer.out.split("\n  log ")
    assert again.out.startswith(f"{first}\n  log ") and "LOG.md (has it already)\n" in again.out
    assert "has it already" not in log_line
    assert swept.log.read_text(encoding="utf-8") == log


def test_a_training_that_fails_is_a_result_but_not_of_the_baseline(
    finished: Finished, swept: Swept, tmp_path: Path
) -> None:
    sweeping = opened(finished, tmp_path)
    long = [replace(row, input_ids=row.input_ids * 99) for row in read_jsonl(swept.folder / "rows/valid.jsonl", Row)]
    write_jsonl(tmp_path / "long.jsonl", long)
    dataset = read_prepared(swept.folder).rows["baseline"].dataset
    rows = Rows("long.jsonl", sha256_file(tmp_path / "long.jsonl"), dataset)
    bench = Bench(tmp_path, sweeping.repos, sweeping.repo, sweeping.base, [], "none", Progress())
    variant = sweeping.variants.all[1]
    trial = bench.attempt(variant, 3, rows, may_fail=True, kept=None)
    assert trial.failed is not None and "tokens, wanted 128 at most" in trial.failed
    assert (trial.rows, trial.adapter_sha256) == ([], None)
    with pytest.raises(TrainError):
        bench.attempt(variant, 3, rows, may_fail=False, kept=None)
    with pytest.raises(DataError, match="altered since it was made"):
        bench.attempt(sweeping.variants.baseline, 3, replace(rows, sha256="0" * 64), may_fail=True, kept=None)


def test_rows_that_judge_and_are_trained_on_are_refused_and_so_is_a_sweep_without_any(
    swept: Swept, tmp_path: Path
) -> None:
    prepared = read_prepared(swept.folder)
    folder = Path(shutil.copytree(swept.folder, tmp_path / "sweep"))
    require_apart(folder, prepared)  # the negative control: as it is, nothing is refused
    valid = folder / "rows/valid.jsonl"
    row = next(read_jsonl(valid, Row))
    leaked = folder / prepared.rows["baseline"].path
    write_jsonl(leaked, [*read_jsonl(leaked, Row), row])
    with pytest.raises(DataError) as caught:
        require_apart(folder, prepared)
    assert caught.value.message == (
        f"baseline: trains on pair {row.pair_id}, which is among the validation rows that judge all variants"
    )
    valid.write_text("", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        require_apart(folder, prepared)
    assert caught.value.message == f"{valid}: missing, or altered since it was made"
    with pytest.raises(DataError) as caught:
        require_apart(folder, replace(prepared, valid_sha256=sha256_file(valid)))
    assert str(caught.value) == (
        "the baseline's dataset has no validation rows, by which a sweep judges\n"
        'hint: SET="dataset.valid_share=0.2 dataset.valid_rows=64" keeps more later commits for it'
    )


def test_mistakes_are_said_before_anything_is_made(finished: Finished, tmp_path: Path) -> None:
    given = arguments(finished.inputs, tmp_path / "adapters")
    mistakes = {
        ("--over", "train.rank=4"): (
            'REPO is missing\nhint: for example: make sweep REPO=../your-repository OVER="train.rank=8,16"'
        ),
        (
            "--run",
            str(tmp_path),
        ): "a sweep trains anew: RUN= names nothing that it could use\nhint: name the repository: REPO=",
        (*given, "--budget", "10"): (
            "SET=sweep.max_train_tokens=10: `sweep.max_train_tokens` is 10: wanted greater than or equal to 1000\n"
            "hint: docs/recipes.md lists every setting"
        ),
    }
    for command, message in mistakes.items():
        answer = tuner("sweep", *command)
        assert (answer.status, answer.out, answer.err) == (2, "", f"error: {message}\n")
    assert list(tmp_path.iterdir()) == []
