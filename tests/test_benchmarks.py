"""The mining benchmark runs all of its contestants, and its ratios say what their names say."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path

import pytest

from benchmarks import contest, mining
from benchmarks.contest import ContestantError, Measured
from tests.tiny_repo import build_tiny_repo, git

ALWAYS = ("floor", "reading", "reading.newest", "gitpython", "mine.all", "mine", "mine.again")
PROMISED = ("reading_vs_floor", "reading_vs_pydriller", "mine_vs_pydriller", "peak_mib")


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_repo(tmp_path_factory.mktemp("tiny") / "ledger")


def test_a_run_measures_every_contestant_and_writes_the_promised_figures(
    tiny: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mining, "CURVE", (10, 20, 10_000))
    results = tmp_path / "results" / "mining.json"
    arguments = [
        "--repo",
        str(tiny),
        "--rounds",
        "1",
        "--peer-commits",
        "8",
        "--curve",
        "--curve-all",
        "--results",
        str(results),
    ]
    assert mining.main(arguments) == 0
    figures = json.loads(results.read_text(encoding="utf-8"))
    peers = [each for each in ("pydriller",) if importlib.util.find_spec(each)]
    shown = capsys.readouterr()
    for name in (*ALWAYS, *peers):
        assert figures[f"{name}.seconds"] > 0
        assert name in shown.out
    assert all(name in figures and name in shown.out for name in PROMISED)
    assert (figures["reading_vs_pydriller"] is None) == (not peers)
    assert peers or "PyDriller is not installed and is left out" in shown.err
    plain = git(tiny, "rev-list", "--no-merges", "--count", "HEAD")
    assert figures["reading.commits"] == figures["mine.commits"] == int(plain)
    assert figures["reading.newest.commits"] == figures["gitpython.commits"] == 8
    assert figures["mine.again.remembered"] > 0 and figures["mine.remembered"] == 0
    assert figures["curve.10.seconds"] > 0 and "curve.10000.seconds" not in figures and "curve.exponent" in figures
    assert figures["curve_all.10.seconds"] > 0 and "curve_all.exponent" in figures
    assert not any(isinstance(value, (dict, list)) for value in figures.values())
    assert str(tiny.parent) not in results.read_text(encoding="utf-8")


@pytest.mark.skipif(importlib.util.find_spec("pydriller") is None, reason="the extra `bench` is not installed")
def test_pydriller_reads_the_commits_that_ours_reads(tiny: Path, tmp_path: Path) -> None:
    results = tmp_path / "mining.json"
    arguments = ["--repo", str(tiny), "--rounds", "1", "--peer-commits", "8", "--results", str(results)]
    assert mining.main(arguments) == 0
    figures = json.loads(results.read_text(encoding="utf-8"))
    assert figures["pydriller.commits"] == figures["gitpython.commits"] == 8
    assert figures["pydriller.bytes"] == figures["gitpython.bytes"]


def runs(*seconds: float, commits: int = 100, peak: float | None = 10.0) -> list[Measured]:
    return [Measured(each, peak, peak, {"commits": commits}) for each in seconds]


def test_ratios_are_medians_of_pairs() -> None:
    measured = {
        "floor": runs(1.0, 2.0, 4.0),
        "reading": runs(1.5, 2.0, 8.0),  # 1.5, 1 and 2 times the floor of their own round
        "reading.newest": runs(0.1, 0.1, 0.2, commits=20),
        "pydriller": runs(2.0, 4.0, 4.0, commits=20),  # 20, 40, 20 times; 0.1, 0.2, 0.2 s a commit
        "mine": runs(5.0, 2.0, 5.0, peak=300.0),  # 0.05, 0.02, 0.05 s a commit
        "mine.all": runs(10.0, 10.0, 10.0, peak=500.0),  # 0.1 s a commit
        "mine.again": runs(1.0, 1.0, 1.0, peak=400.0),
    }
    assert mining.ratios(measured) == {
        "reading_vs_floor": 1.5,
        "reading_vs_pydriller": 20.0,
        "mine_vs_pydriller": 4.0,
        "reading_vs_gitpython": None,
        "mine_vs_gitpython": None,
        "mine_all_vs_pydriller": 2.0,
        "mine_vs_mine_all": 2.0,
        "mine_again_vs_mine": 5.0,
        "peak_mib": 500.0,
    }


def test_what_was_not_run_has_no_ratio() -> None:
    found = mining.ratios({"pydriller": runs(2.0, commits=20), "mine": runs(2.0, peak=None)})
    assert {name: each for name, each in found.items() if each is not None} == {"mine_vs_pydriller": 5.0}
    assert list(found) == [*mining.RATIOS, "peak_mib"]


def test_a_bar_that_is_missed_is_called_missed() -> None:
    measured = {
        name: runs(1.0)
        for name in ("floor", "reading", "reading.newest", "pydriller", "mine", "mine.all", "mine.again")
    } | {"floor": runs(0.5)}
    figures = {"repository": "x", "revision": "y", "rounds": 1} | contest.machine() | mining.ratios(measured)
    said = mining.table(measured, figures | mining.flat(measured)).splitlines()
    verdicts = {line.split()[0]: line.split()[-1] for line in said if line.startswith(tuple(mining.BARS))}
    assert verdicts == {
        "reading_vs_floor": "missed",
        "reading_vs_pydriller": "missed",
        "mine_vs_pydriller": "missed",
        "peak_mib": "met",
    }


def test_the_exponent_of_a_linear_cost_is_one() -> None:
    linear = {count: Measured(count / 100, 50.0, 60.0, {"cpu_seconds": count / 50}) for count in (1_000, 2_000, 5_000)}
    square = {count: Measured(count**2 / 1e6, None, None, {}) for count in (1_000, 2_000, 5_000)}
    assert mining.curve_figures(linear)["curve.exponent"] == 1
    assert mining.curve_figures(square)["curve.exponent"] == 2
    assert mining.picture(linear).splitlines()[-1].endswith("#" * mining.BAR_CHARS)


def test_the_memory_of_a_contestant_is_that_of_all_its_processes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/proc/self/task").is_dir():
        pytest.skip("no /proc on this system")
    child = "import time; held = bytearray(64 << 20); time.sleep(1)"
    (tmp_path / "hungry.py").write_text(
        "import json, subprocess, sys\n"
        f"subprocess.run([sys.executable, '-c', {child!r}], check=True)\n"
        "print(json.dumps({'seconds': 1.0}))\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    measured = contest.run_once("hungry", {})
    assert measured.peak_mib is not None and 64 < measured.peak_mib < 200


def test_a_child_that_still_runs_in_its_parents_memory_does_not_count_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contest, "PROCESSES", tmp_path)
    for number, resident, children in ((1, 40_000, "2 3 4"), (2, 40_000, ""), (3, 40_001, ""), (4, 100, "")):
        task = tmp_path / str(number) / "task" / str(number)
        task.mkdir(parents=True)
        (task.parent.parent / "statm").write_text(f"90000 {resident} 0 1 0 30000 0\n")
        (task.parent.parent / "stat").write_text(f"{number} (a program) S {' '.join(['0'] * 20)}\n")
        (task / "children").write_text(children)
    pages = contest.tree_use(1).own_mib * contest.MIB / os.sysconf("SC_PAGE_SIZE")
    assert pages == pytest.approx(40_000 + 40_001 + 100)


def test_a_contestant_that_fails_is_no_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "failing.py").write_text("raise SystemExit('no such thing')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ContestantError, match="no such thing"):
        contest.run_once("failing", {})


def test_a_repository_that_is_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert mining.main(["--repo", str(tmp_path / "nothing")]) == 2
    assert "no such folder" in capsys.readouterr().err
