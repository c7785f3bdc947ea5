from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from tests.evaluate.copilot.conftest import item
from tuner.errors import DataError, EvaluateError
from tuner.evaluate.copilot.recording import Recorded
from tuner.evaluate.stage import answer_all
from tuner.progress import Progress
from tuner.records import Item, Prediction, write_jsonl
from tuner.rundir import Workspace

HINT = "hint: replay a run over the same items, or leave compare.copilot.recording out to ask again"


def stored(items: list[Item]) -> list[Prediction]:
    return [Prediction(each.id, "x\n", "x", None, 3, None, 210.5, None) for each in items]


def record(folder: Path, predictions: list[Prediction]) -> Path:
    path = folder / "copilot.predictions.jsonl"
    write_jsonl(path, predictions)
    return path


def test_a_run_is_replayed_as_it_was_voids_included(tmp_path: Path) -> None:
    items = [item(), item(), item()]
    was = stored(items)
    was[1] = dataclasses.replace(was[1], raw="", text="", latency_ms=None, void="server")
    recorded = Recorded("copilot", record(tmp_path, was))
    assert recorded.name == "copilot"
    assert list(recorded.answer(items[::-1])) == was[::-1]
    assert recorded.complete(items[0]) == "x"
    with pytest.raises(EvaluateError, match=rf"^copilot: no answer to item {items[1].id}: server$"):
        recorded.complete(items[1])


def test_a_replay_that_was_killed_at_any_moment_goes_on(tmp_path: Path) -> None:
    items = [item(), item(), item()]
    work = Workspace(tmp_path, tmp_path, tmp_path, Progress())
    kept = tmp_path / "copilot.answered.jsonl"
    path = record(tmp_path, stored(items))
    for done in range(4):
        write_jsonl(kept, stored(items)[:done])
        recorded = Recorded("copilot", path)
        assert answer_all(recorded, items, recorded.batch, work) == stored(items)


def test_an_item_that_was_not_recorded_is_void(tmp_path: Path) -> None:
    items = [item(), item()]
    found = list(Recorded("copilot", record(tmp_path, stored(items[:1]))).answer(items))
    assert [each.void for each in found] == [None, "not_asked"]


def test_what_answered_is_read_from_the_scores_beside_it(tmp_path: Path) -> None:
    path = record(tmp_path, [])
    assert Recorded("copilot", path).about == {"replayed": "copilot.predictions.jsonl"}
    (tmp_path / "copilot.scores.json").write_text(
        json.dumps({"about": {"model": "gpt-41-copilot", "day": "2026-11-23"}})
    )
    assert Recorded("copilot", path).about == {
        "model": "gpt-41-copilot",
        "day": "2026-11-23",
        "replayed": "copilot.predictions.jsonl",
    }


def refusal(tmp_path: Path, predictions: list[Prediction], items: list[Item]) -> str:
    with pytest.raises(DataError) as caught:
        list(Recorded("copilot", record(tmp_path, predictions)).answer(items))
    return str(caught.value).replace(f"{tmp_path}/", "")


def test_predictions_of_other_items_are_refused(tmp_path: Path) -> None:
    mine, other = item(), item()
    assert refusal(tmp_path, stored([mine, other]), [mine]) == (
        f"copilot.predictions.jsonl:2: item {other.id} is none of the 1 frozen items\n{HINT}"
    )


def test_two_predictions_of_one_item_are_refused(tmp_path: Path) -> None:
    mine = item()
    assert refusal(tmp_path, stored([mine, mine]), [mine]) == (
        f"copilot.predictions.jsonl:2: item {mine.id} has a prediction already\n{HINT}"
    )


def test_another_target_is_refused(tmp_path: Path) -> None:
    mine = item()
    was = [dataclasses.replace(stored([mine])[0], target_bytes=9)]
    assert refusal(tmp_path, was, [mine]) == (
        f"copilot.predictions.jsonl:1: item {mine.id}: its target had 9 bytes, the frozen one has 3\n{HINT}"
    )


def test_an_unknown_void_class_is_refused(tmp_path: Path) -> None:
    mine = item()
    was = [dataclasses.replace(stored([mine])[0], void="tired")]
    assert refusal(tmp_path, was, [mine]).startswith(
        "copilot.predictions.jsonl:1: void is 'tired', wanted one of auth, no_access, quota, rate, "
    )


def test_a_recording_that_is_not_there_or_torn_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.jsonl: no such file\n"):
        list(Recorded("copilot", tmp_path / "none.jsonl").answer([item()]))
    path = tmp_path / "torn.jsonl"
    path.write_text('{"item_id": "a"')
    with pytest.raises(DataError, match=r"torn\.jsonl:1: not JSON: "):
        list(Recorded("copilot", path).answer([item()]))
