"""Running answers is added to a finished run, from the command line to the report, and changes nothing else in it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.isolation import needs_isolation
from tests.pipelines import Finished, arguments, finished_run, tuner
from tuner.execution import RunItem
from tuner.recipe_execution import ExecutionSettings
from tuner.records import read_jsonl

pytestmark = needs_isolation


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return finished_run(tmp_path_factory.getbasetemp())


def test_functions_of_the_repository_are_run_only_when_asked_for_and_said_so(
    finished: Finished, tmp_path: Path
) -> None:
    assert not [entry for entry in finished.run.stages if "execut" in entry["name"]]
    adapters = tmp_path / "adapters"
    shutil.copytree(finished.adapters, adapters)
    # The default, without the plugins of this suite, which take most of the time of fourteen starts of pytest.
    plain = ExecutionSettings().test_command.replace("{tests}", "--disable-plugin-autoload {tests}")
    asked = {"evaluate__execution": "sandbox", "evaluate__execution_items": 2, "evaluate__test_command": plain}
    answer = tuner("train", *arguments(finished.inputs, adapters, **asked))
    assert answer.status == 0, answer.err
    assert "note       `evaluate.execution: sandbox` RUNS CODE OF THE REPOSITORY" in answer.err
    folder = adapters / finished.folder.name
    assert [path.name for path in adapters.iterdir() if not path.name.startswith(".")] == [folder.name]
    manifest = json.loads((folder / "manifest.json").read_text())
    names = [entry["name"] for entry in manifest["stages"]]
    assert [name for name in names if "execut" in name] == ["prepare-execution", "execute-base", "execute-tuned"]
    before = {entry["name"]: entry["key"] for entry in finished.run.stages}
    after = {entry["name"]: entry["key"] for entry in manifest["stages"]}
    assert {name for name in before if before[name] != after[name]} <= {"report"}
    items = list(read_jsonl(folder / "eval/run_items.jsonl", RunItem))
    assert items and all(each.passed for each in items)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["eval.tuned.pass_at_1_items"] == len(items)
    assert "eval.tuned_vs_base.pass_at_1.low" in metrics
    assert "functions of this repository" in (folder / "report/report.md").read_text()
