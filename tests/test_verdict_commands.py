"""`--gate`: the verdict as an exit status, for a script to act on."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.pipelines import Finished, arguments, finished_run, tuner
from tuner.rundir import MANIFEST


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return finished_run(tmp_path_factory.getbasetemp())


def test_a_run_that_shows_no_benefit_fails_the_gate_and_only_the_gate(finished: Finished) -> None:
    answer = tuner("evaluate", "--gate", *arguments(finished.inputs, finished.adapters))
    assert answer.status == 3, answer.err
    assert "  verdict       no_benefit_shown: nothing can be concluded from " in answer.out
    assert "compare " in answer.err and "export " not in answer.err
    without = tuner("evaluate", *arguments(finished.inputs, finished.adapters))
    assert (without.status, without.out) == (0, answer.out)


@pytest.mark.parametrize(("verdict", "status"), [("ship", 0), ("no_benefit_shown", 3), ("harm", 4)])
def test_each_verdict_of_a_finished_run_has_its_own_status(
    finished: Finished, tmp_path: Path, verdict: str, status: int
) -> None:
    folder = tmp_path / finished.folder.name
    folder.mkdir()
    manifest = json.loads((finished.folder / MANIFEST).read_text(encoding="utf-8"))
    for entry in manifest["stages"]:
        if entry["name"] == "compare":
            entry["record"] |= {"verdict": verdict, "reason": "as written"}
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    answer = tuner("evaluate", "--gate", "--run", folder)
    assert answer.status == status
    assert f"  verdict       {verdict}: as written\n" in answer.out
    assert tuner("evaluate", "--run", folder).status == 0


def test_a_run_without_a_verdict_is_a_mistake_and_no_verdict(finished: Finished, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(finished.folder, tmp_path / finished.folder.name))
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    manifest["stages"] = [each for each in manifest["stages"] if each["name"] not in ("compare", "export", "report")]
    (folder / MANIFEST).write_text(json.dumps(manifest), encoding="utf-8")
    answer = tuner("evaluate", "--gate", "--run", folder)
    assert answer.status == 2
    assert "stage `compare` has not finished" in answer.err
