"""Contestants take turns: nobody works while another does, and one that fails ends the benchmark."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest

from benchmarks.contest import ContestantError, run_once
from benchmarks.turns import run_in_turns

PLAYER = """
import json, sys, time
from benchmarks.turns import Turn
job, turn, worked = json.load(sys.stdin), Turn(), []
turn.over()
for step in range(job["steps"]):
    if step == job.get("fails_at"):
        raise SystemExit("no more")
    begun = time.monotonic()
    time.sleep(0.02)
    worked.append((begun, time.monotonic()))
    turn.over()
print(json.dumps({"seconds": 0.0, "worked": worked}))
"""


@pytest.fixture(autouse=True)
def player(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "player.py").write_text(PLAYER, encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))


def test_steps_follow_each_other_in_the_order_of_the_jobs_and_never_overlap() -> None:
    measured = run_in_turns("player", {"long": {"steps": 4}, "short": {"steps": 2}, "other": {"steps": 3}})
    worked: dict[str, list[list[float]]] = json.loads(json.dumps({name: each.said for name, each in measured.items()}))
    spans = sorted((*span, name) for name, said in worked.items() for span in said["worked"])  # type: ignore[call-overload]
    assert [name for _, _, name in spans] == [
        "long",
        "short",
        "other",
        "long",
        "short",
        "other",
        "long",
        "other",
        "long",
    ]
    assert all(end <= begun for (_, end, _), (begun, _, _) in itertools.pairwise(spans))


def test_a_contestant_alone_waits_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("TUNER_TURN", raising=False)
    assert len(run_once("player", {"steps": 3}).said["worked"]) == 3  # type: ignore[arg-type]


def test_one_that_fails_ends_all_and_says_why() -> None:
    with pytest.raises(ContestantError, match="no more"):
        run_in_turns("player", {"good": {"steps": 1000}, "bad": {"steps": 3, "fails_at": 1}})
