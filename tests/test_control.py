"""`compare.control`: the adapter of another finished run answers the items; one that proves nothing is refused."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.pipelines import Finished, finished_run, hashes, tuner
from tuner.comparison import Contest
from tuner.records import from_json, sha256_file
from tuner.rundir import MANIFEST


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return finished_run(tmp_path_factory.getbasetemp())


@pytest.fixture
def folder(finished: Finished, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished.folder, tmp_path / finished.folder.name))


def other_run(finished: Finished, place: Path, base: str | None = None, foreign: bool = True) -> Path:
    """Copy the finished run as if it were of a repository with other commits, and of another base if one is given."""
    shutil.copytree(finished.folder, place)
    manifest: dict[str, Any] = json.loads((place / MANIFEST).read_text(encoding="utf-8"))
    if base is not None:
        manifest["base"]["revision"] = base
    if foreign:
        manifest["repo"]["name"] = "zoo"
        for each in (manifest["repo"], *manifest["repos"]):
            each["revision"] = turned(each["revision"])
        for name in ("mined/pairs.jsonl", "mined/additions.jsonl"):
            path = place / name
            lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
            changed = [json.dumps({**line, "commit": turned(line["commit"])}) + "\n" for line in lines]
            path.write_text("".join(changed), encoding="utf-8")
            for entry in manifest["stages"]:
                if name in entry["outputs"]:
                    entry["outputs"][name] = {"sha256": sha256_file(path), "bytes": path.stat().st_size}
    (place / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    return place


def turned(commit: str) -> str:
    return commit.translate(str.maketrans("0123456789abcdef", "fedcba9876543210"))


def test_the_same_adapter_under_another_repositorys_name_takes_ship_away(
    finished: Finished, folder: Path, tmp_path: Path
) -> None:
    control = other_run(finished, tmp_path / "zoo-tiny-1")
    given = ["--set=compare.systems=[]", f"--set=compare.control={control}"]
    answer = tuner("compare", "--run", folder, *given)
    assert answer.status == 0, answer.err
    values = json.loads((folder / "eval/comparison.json").read_text(encoding="utf-8"))
    contest = from_json(Contest, values, "comparison.json")
    assert [each.name for each in contest.systems] == ["base", "tuned", "control"]
    (pairing,) = (each for each in contest.pairings if (each.a, each.b) == ("tuned", "control"))
    assert {each.delta for each in pairing.differences} == {0.0}
    gates = {each.name: each.passed for each in contest.gates}
    assert gates["stdlib_bits_per_byte"] and not gates["wrong_repository"]
    tokens = finished.run.entry("train")["record"]["metrics"]["train.tokens"]
    about = contest.systems[2].about
    assert about["repository"] == "zoo" and about["run"] == "zoo-tiny-1"
    assert about["training_tokens"] == about["tuned_training_tokens"] == f"{tokens:.0f}"
    assert (
        f"  control       Against an adapter of zoo ({tokens:,.0f} training tokens, tuned {tokens:,.0f})" in answer.out
    )
    assert "wrong_repository" in (folder / "report/index.html").read_text(encoding="utf-8")
    again = tuner("compare", "--run", folder, *given)
    assert again.out == answer.out and again.err.count("(done before, kept)") == 3


def test_a_control_that_proves_nothing_is_refused_before_anything_is_asked(
    finished: Finished, folder: Path, tmp_path: Path
) -> None:
    before = hashes(folder)
    base = finished.run.manifest["base"]
    cases = {
        finished.folder: "of its commits are commits of this run's repository too, such as ",
        other_run(finished, tmp_path / "based", base="b" * 64): (
            f"its base is {base['name']} at bbbbbbbbbbbb, this run's is {base['name']} at {base['revision'][:12]}\n"
            "hint: train the control on the same base\n"
        ),
        tmp_path / "none": "not a run, it has no manifest.json\nhint: `make runs` lists the runs\n",
    }
    for control, said in cases.items():
        answer = tuner("compare", "--run", folder, f"--set=compare.control={control}")
        assert answer.status == 2
        assert said in answer.err
        assert hashes(folder) == before


def test_control_without_a_run_is_a_mistake_in_the_recipe(folder: Path) -> None:
    answer = tuner("compare", "--run", folder, "--set=compare.systems=[control]")
    assert answer.status == 2
    assert "compare.systems: `control` wants compare.control, a finished run on another repository" in answer.err
