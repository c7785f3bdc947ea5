"""Which adapters are served beside a run's own, and under which names."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.serve.runs import SETTINGS
from tuner.errors import ServeError
from tuner.records import Bundle
from tuner.rundir import Run
from tuner.serve.models import Hashes, Model, Roster, UnknownModel, find_roster


def roster(run: Run, **settings: int) -> tuple[Roster, dict[str, str]]:
    return find_roster(run.folder, run.record("export", Bundle), SETTINGS.model_copy(update=settings))


@pytest.fixture
def copies(runs: tuple[Run, Run], tmp_path: Path) -> list[Run]:
    found = []
    for run in runs:
        shutil.copytree(run.folder, tmp_path / run.folder.name)
        found.append(Run.find(tmp_path / run.folder.name))
    return found


def test_runs_of_the_same_base_are_served_beside_each_other(copies: list[Run]) -> None:
    found, left_out = roster(copies[0])
    first, second = (run.folder.name for run in copies)
    assert [run.name for run in found.runs] == [first, second] and left_out == {}
    assert found.names()[:4] == [first, "tuned", "base", second]
    assert found.model("tuned") == found.model(None) == Model("tuned", found.runs[0], True, False)
    assert found.model("base+bm25").is_retrieving and not found.model("base+bm25").is_tuned
    assert found.model(f"{second}:latest").run.name == second
    with pytest.raises(UnknownModel, match="there is no model 'tuned-x' here; known are"):
        found.model("tuned-x")


def test_the_length_of_a_prompt_is_that_of_the_run_s_evaluation(copies: list[Run]) -> None:
    found, _ = roster(copies[0])
    assert (found.runs[0].evaluate.max_prompt_tokens, found.runs[0].repo) == (512, "shop")


def test_a_run_of_another_base_is_not_looked_at(copies: list[Run]) -> None:
    altered(copies[1], lambda manifest: manifest["base"].update(revision="other"))
    found, left_out = roster(copies[0])
    assert len(found.runs) == 1 and left_out == {}


def test_a_run_without_an_export_or_with_a_failed_one_is_named(copies: list[Run]) -> None:
    altered(copies[1], lambda manifest: manifest.update(stages=[]))
    assert roster(copies[0])[1] == {copies[1].folder.name: "its export has not finished"}


def test_an_adapter_that_failed_its_check_is_named(copies: list[Run]) -> None:
    def fail(manifest: dict) -> None:
        for each in manifest["stages"][-1]["record"]["artefacts"]:
            each["passed"] = False

    altered(copies[1], fail)
    reason = roster(copies[0])[1][copies[1].folder.name]
    assert "adapter-f32.gguf: failed its parity check: log-probabilities differ by up to " in reason
    with pytest.raises(ServeError, match="failed its parity check"):  # of the run itself it is an error
        roster(Run.find(copies[1].folder))


def test_no_more_adapters_are_served_than_the_recipe_allows(copies: list[Run]) -> None:
    found, left_out = roster(copies[0], adapters=1)
    assert [run.name for run in found.runs] == [copies[0].folder.name]
    assert left_out == {copies[1].folder.name: "only 1 adapters are served at once (serve.adapters)"}


def test_a_run_without_its_files_has_no_retrieval(copies: list[Run]) -> None:
    (copies[0].folder / "mined/pairs.jsonl").unlink()
    assert "tuned+bm25" not in roster(copies[0])[0].names()


def test_a_missing_tokenizer_is_named(copies: list[Run]) -> None:
    path = copies[0].folder / "export/tokenizer/tokenizer.json"
    path.unlink()
    with pytest.raises(ServeError, match=f"{path}: no such file"):
        roster(copies[0])


def test_a_file_is_hashed_again_only_when_it_changed(tmp_path: Path) -> None:
    path, hashes = tmp_path / "x", Hashes()
    path.write_bytes(b"one")
    first = hashes(path)
    assert hashes(path) == first
    path.write_bytes(b"other")
    assert hashes(path) != first


def altered(run: Run, change: object) -> None:
    path = run.folder / "manifest.json"
    manifest = json.loads(path.read_text())
    change(manifest)  # type: ignore[operator]
    path.write_text(json.dumps(manifest))
