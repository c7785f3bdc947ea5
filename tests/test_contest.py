"""`tuner compare`: other systems answer the items of a run, and its adapter, items and verdict stay as they are."""

from __future__ import annotations

import json
import shutil
import socket
from pathlib import Path

import pytest

from tests.pipelines import ROOT, Answer, Finished, finished_run, hashes, tuner
from tuner.comparison import Contest
from tuner.records import Item, from_json, read_jsonl
from tuner.rundir import Run

DOWN = (
    "--set=compare.endpoints.down={protocol: openai_completions, model: m, url: 'http://127.0.0.1:%d/v1', retries: 0}"
)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return finished_run(tmp_path_factory.getbasetemp())


@pytest.fixture
def folder(finished: Finished, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished.folder, tmp_path / finished.folder.name))


def contest(folder: Path) -> Contest:
    values = json.loads((folder / "eval/comparison.json").read_text(encoding="utf-8"))
    return from_json(Contest, values, "comparison.json")


def states(answer: Answer) -> dict[str, str]:
    rows = [line for line in answer.err.splitlines() if line.startswith(("evaluate-", "compare ", "report "))]
    return {row.split()[0]: "kept" if "kept" in row else "done" for row in rows}


def collected(folder: Path, path: Path) -> Path:
    items = list(read_jsonl(folder / "data/eval_items.jsonl", Item))
    lines = [json.dumps({"item_id": each.id, "text": each.target}) for each in items[1:]]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def test_retrieval_is_added_to_a_finished_run_which_stays_what_it_was(finished: Finished, folder: Path) -> None:
    before = hashes(folder)
    answer = tuner("compare", "--run", folder)
    assert answer.status == 0, answer.err
    asked = ("evaluate-base+bm25", "evaluate-tuned+bm25", "evaluate-copier", "compare", "report")
    assert states(answer) == dict.fromkeys(asked, "done")
    found = contest(folder)
    assert [each.name for each in found.systems] == ["base", "tuned", "base+bm25", "tuned+bm25", "copier"]
    assert found.verdict == finished.run.entry("compare")["record"]["verdict"]
    after = hashes(folder)
    fixed = [name for name in before if name.startswith(("mined/", "data/", "adapter/", "export/", "eval/base."))]
    assert fixed and all(after[name] == before[name] for name in fixed)
    assert tuner("runs", "verify", folder).status == 0
    assert f"report        {folder}/report/index.html" in answer.out
    again = tuner("compare", "--run", folder)
    assert set(states(again).values()) == {"kept"}
    assert again.out == answer.out


def test_answers_collected_by_hand_are_a_system_and_its_gaps_are_voids(folder: Path, tmp_path: Path) -> None:
    answer = tuner("compare", "--run", folder, "--import", f"colleagues={collected(folder, tmp_path / 'a.jsonl')}")
    assert answer.status == 0, answer.err
    by_name = {each.name: each for each in contest(folder).systems}
    assert list(by_name) == ["base", "tuned", "colleagues"]
    assert by_name["colleagues"].voids == {"not_asked": 1}
    assert by_name["colleagues"].scores["all"]["exact_match"].value == 1.0
    assert by_name["colleagues"].latency_p50_ms is None
    assert "colleagues" in (folder / "report/index.html").read_text(encoding="utf-8")


def test_a_recording_of_copilot_is_replayed_without_asking_anybody(finished: Finished, folder: Path) -> None:
    recording = finished.folder / "eval/base.predictions.jsonl"
    answer = tuner("compare", "--run", folder, "--from-recording", recording)
    assert answer.status == 0, answer.err
    found = {(each.a, each.b): each for each in contest(folder).pairings}
    assert {each.delta for each in found["base", "copilot"].differences} == {0.0}
    assert "off this machine" not in answer.err


def test_an_endpoint_that_is_down_stops_with_a_word_and_loses_nothing(folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    answer = tuner("compare", "--run", folder, DOWN % port, "--set=compare.systems=[base+bm25, down]")
    assert answer.status == 1
    assert f"127.0.0.1:{port}" in answer.err
    assert "hint:" in answer.err
    names = [entry["name"] for entry in Run.find(folder).stages]
    assert "evaluate-base+bm25" in names and "evaluate-down" not in names
    assert tuner("runs", "verify", folder).status == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (
            ["--set", "train.epochs=2"],
            "error: `train.epochs` (SET=train.epochs=2) would make another run than {run}\n"
            "hint: with RUN= only compare.systems, control, endpoints, copilot, imported, prices and team can be set; "
            "for the rest, REPO= in place of RUN=\n",
        ),
        (
            ["--set", "compare.systems=[gpt]"],
            "error: SET=compare.systems=[gpt]: `compare`: compare.systems: `gpt` is not one of base+bm25, tuned+bm25, "
            "control, copier, copilot\nhint: docs/recipes.md lists every setting\n",
        ),
        (
            ["--import", "answers.jsonl"],
            "error: --import answers.jsonl: wanted NAME=FILE\nhint: for example --import colleagues=answers.jsonl\n",
        ),
        (
            ["--import", "us=missing.jsonl"],
            "error: missing.jsonl: no such file\nhint: `compare.imported.us` names a file of answers\n",
        ),
        (
            ["--repo", "x"],
            "error: RUN= names the repository and the base; REPO= and BASE= would change nothing\n"
            "hint: leave them out\n",
        ),
    ],
)
def test_what_cannot_be_done_is_said(folder: Path, given: list[str], said: str) -> None:
    before = hashes(folder)
    answer = tuner("compare", "--run", folder, *given)
    assert answer.status in (1, 2)
    shown = answer.err[answer.err.index("error: ") :]
    assert shown == said.format(run=folder)
    assert {name: each for name, each in hashes(folder).items() if name in before} == before


def test_nothing_is_asked_before_everything_that_will_be_asked_is_allowed(folder: Path) -> None:
    before = hashes(folder)
    for systems, setting in (("copilot", "compare.copilot"), ("gpt", "compare.endpoints.gpt")):
        recipe = ["--recipe", ROOT / "recipes/rivals.yaml", "--set", f"compare.systems=[base+bm25, {systems}]"]
        answer = tuner("compare", "--run", folder, *recipe)
        assert answer.status == 2
        assert f"{setting}.send_code" in answer.err
        assert hashes(folder) == before
