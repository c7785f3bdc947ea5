"""Measure the mine room beside bare git, PyDriller and GitPython, on one repository, in one run.

In: a repository. Out: a table on standard output and `benchmarks/results/mining.json`. Bars: reading costs at most
1.5 times what bare git needs for the same; it is at least 20 times as fast as PyDriller; the whole stage, with its
gates, redaction and pairs, is at least 5 times as fast as PyDriller merely reading. It runs as it comes, with pairs
from `mine.history_commits` commits, and as `mine.all`, with pairs from all. With --curve the whole stage also runs over
the newest 1,000, 2,000, 5,000 and 10,000 commits, with --curve-all so that it drafts from all: its time grows with
them, its memory does not.

    make bench ROOM=mining REPO=../some-repository
    .venv/bin/python -m benchmarks.mining --repo ../some-repository --commits 5000 --peer-commits 400 --rounds 3 --curve
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import json
import math
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.contest import ContestantError, Measured, machine, of_pairs, run_once, run_rounds
from benchmarks.mining_contestants import code_blobs
from tuner.errors import TunerError
from tuner.mine.history import Commit, read_commits
from tuner.mine.plumbing import Git
from tuner.mine.repository import open_repository
from tuner.progress import Progress
from tuner.records import Repo

CONTESTANTS = "benchmarks.mining_contestants"
RESULTS = Path(__file__).parent / "results" / "mining.json"
CURVE = (1_000, 2_000, 5_000, 10_000)
BARS = {"reading_vs_floor": 1.5, "reading_vs_pydriller": 20.0, "mine_vs_pydriller": 5.0, "peak_mib": 600.0}
AT_MOST = {"reading_vs_floor", "peak_mib"}
# Written down before the last change was measured; docs/benchmarks.md says what came of it.
PREDICTED = {"reading_vs_floor": 1.4, "reading_vs_pydriller": 31.0, "mine_vs_pydriller": 2.1, "peak_mib": 450.0}
PEERS = {"pydriller": "PyDriller", "gitpython": "GitPython"}
BAR_CHARS = 40
Rounds = dict[str, list[Measured]]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark; return the exit status."""
    options = _parser().parse_args(arguments)
    try:
        figures = run(options)
    except TunerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except ContestantError as error:
        print(f"error: a contestant failed: {error}", file=sys.stderr)
        return 1
    options.results.parent.mkdir(parents=True, exist_ok=True)
    options.results.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    print(f"\nfigures       {options.results}")
    return 0


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Measure, print and give the figures."""
    peers = [each for each in PEERS if _is_there(each)]
    for absent in sorted(set(PEERS) - set(peers)):
        print(f"{PEERS[absent]} is not installed and is left out: {_install()}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        repo = open_repository(options.repo, place / "clones", Progress())
        commits = list(read_commits(Git(repo.path), repo.revision, options.commits))
        figures: dict[str, Any] = {"repository": repo.name, "revision": repo.revision[:12], "rounds": options.rounds}
        figures |= machine()
        if options.rounds:
            jobs = _jobs(repo, commits, options.peer_commits, peers, place)
            measured = _measured({name: jobs[name] for name in jobs if name in (options.only or jobs)}, options.rounds)
            figures |= ratios(measured) | flat(measured)
            print(table(measured, figures))
        if options.curve:
            points = _curve(repo, place)
            figures |= curve_figures(points)
            print(picture(points))
        if options.curve_all:
            points = _curve(repo, place, all_history=True)
            figures |= {name.replace("curve", "curve_all", 1): each for name, each in curve_figures(points).items()}
            print(picture(points, "all history"))
    return figures


def _measured(jobs: dict[str, dict[str, Any]], rounds: int) -> Rounds:
    measured: Rounds = {name: [] for name in jobs}
    for name in ("floor", "mine"):  # for nothing: now the pack is in the page cache, and something is remembered
        if name in jobs:
            run_once(CONTESTANTS, jobs[name])
    for name, result in run_rounds(CONTESTANTS, jobs, rounds):
        print(f"  {name:<18}{result.seconds:9.3f} s", file=sys.stderr, flush=True)
        measured[name].append(result)
    return measured


# What a ratio is of: the slower side by its meaning, the other, and whether seconds for a commit are compared.
RATIOS = {
    "reading_vs_floor": ("reading", "floor", False),
    "reading_vs_pydriller": ("pydriller", "reading.newest", False),
    "mine_vs_pydriller": ("pydriller", "mine", True),
    "reading_vs_gitpython": ("gitpython", "reading.newest", False),
    "mine_vs_gitpython": ("gitpython", "mine", True),
    "mine_all_vs_pydriller": ("pydriller", "mine.all", True),
    "mine_vs_mine_all": ("mine.all", "mine", False),
    "mine_again_vs_mine": ("mine", "mine.again", False),
}


def ratios(measured: Rounds) -> dict[str, float | None]:
    """Give medians of pairs; None where one side was not run.

    Above 1 ours is faster, but for `reading_vs_floor`, which is ours over git's own.
    """

    def cost(name: str, of_a_commit: bool) -> list[float]:
        return [each.seconds / (each.said["commits"] if of_a_commit else 1) for each in measured[name]]

    found = {
        name: round(of_pairs(cost(one, of_a_commit), cost(other, of_a_commit)), 3 if other == "floor" else 2)
        if {one, other} <= set(measured)
        else None
        for name, (one, other, of_a_commit) in RATIOS.items()
    }
    peaks = [
        each.peak_mib
        for name in ("mine", "mine.all", "mine.again")
        for each in measured.get(name, ())
        if each.peak_mib is not None
    ]
    found["peak_mib"] = round(max(peaks), 1) if peaks else None
    return found


def flat(measured: Rounds) -> dict[str, float]:
    """Give every contestant's medians and spread under flat keys, with their units."""
    figures: dict[str, float] = {}
    for name, runs in measured.items():
        seconds = [each.seconds for each in runs]
        figures[f"{name}.seconds"] = round(statistics.median(seconds), 4)
        figures[f"{name}.seconds_least"] = round(min(seconds), 4)
        figures[f"{name}.seconds_most"] = round(max(seconds), 4)
        for key in ("peak_mib", "peak_with_files_mib"):
            peaks = [getattr(each, key) for each in runs]
            if None not in peaks:
                figures[f"{name}.{key}"] = round(statistics.median(peaks), 1)
        for key in sorted(set.intersection(*(set(each.said) for each in runs))):
            figures[f"{name}.{key}"] = round(statistics.median(each.said[key] for each in runs), 4)
        if commits := figures.get(f"{name}.commits"):
            figures[f"{name}.commits_per_second"] = round(commits / figures[f"{name}.seconds"], 1)
    return figures


def table(measured: Rounds, figures: dict[str, Any]) -> str:
    """Show contestants, then the ratios with their bars and what was predicted."""
    lines = [
        f"{figures['repository']} at {figures['revision']}, {figures['rounds']} rounds; "
        f"{figures['machine.cores']} cores, {figures['machine.cpu']}, git {figures['machine.git']}, "
        f"Python {figures['machine.python']}, load {figures['machine.load_before']} before",
        "",
        f"{'':<18}{'commits':>9}{'blobs':>9}{'median s':>11}{'least':>9}{'most':>9}{'cpu s':>9}"
        f"{'commits/s':>11}{'peak MiB':>10}",
    ]
    for name in measured:
        shown = [figures.get(f"{name}.{key}", "") for key in ("commits", "blobs")]
        times = [figures[f"{name}.{key}"] for key in ("seconds", "seconds_least", "seconds_most")]
        rate, peak = (figures.get(f"{name}.{key}", "") for key in ("commits_per_second", "peak_mib"))
        cpu = f"{figures[f'{name}.cpu_seconds']:.2f}" if f"{name}.cpu_seconds" in figures else ""
        counts = "".join(f"{int(each) if each != '' else '':>9}" for each in shown)
        lines.append(f"{name:<18}{counts}{times[0]:>11.3f}{times[1]:>9.3f}{times[2]:>9.3f}{cpu:>9}{rate:>11}{peak:>10}")
    lines.append(f"\n{'':<22}{'measured':>10}{'bar':>10}{'predicted':>11}")
    for name, bar in BARS.items():
        value, wanted = figures[name], f"{'<=' if name in AT_MOST else '>='} {bar:g}"
        said = "" if value is None else "  met" if (value <= bar) == (name in AT_MOST) else "  missed"
        shown_value = "not measured" if value is None else f"{value:g}"
        lines.append(f"{name:<22}{shown_value:>10}{wanted:>10}{PREDICTED[name]:>11g}{said}")
    value = figures["mine_all_vs_pydriller"]
    lines.append(f"{'mine_all_vs_pydriller':<22}{'not measured' if value is None else f'{value:g}':>10}")
    return "\n".join(lines)


def curve_figures(points: dict[int, Measured]) -> dict[str, float]:
    """Give the curve flat; the exponent is the slope of log cost over log commits, 1 for a linear cost."""
    figures: dict[str, float] = {}
    for count, each in points.items():
        figures[f"curve.{count}.seconds"] = round(each.seconds, 3)
        figures[f"curve.{count}.milliseconds_per_commit"] = round(1000 * each.seconds / count, 3)
        if each.peak_mib is not None and each.peak_with_files_mib is not None:
            figures[f"curve.{count}.peak_mib"] = round(each.peak_mib, 1)
            figures[f"curve.{count}.peak_with_files_mib"] = round(each.peak_with_files_mib, 1)
            figures[f"curve.{count}.cpu_seconds"] = round(each.said["cpu_seconds"], 1)
    if len(points) > 1:
        costs = (each.said.get("cpu_seconds", each.seconds) for each in points.values())
        logs = [math.log(count) for count in points], list(map(math.log, costs))
        figures["curve.exponent"] = round(statistics.linear_regression(*logs).slope, 3)
    return figures


def picture(points: dict[int, Measured], title: str = "whole stage") -> str:
    """Draw seconds over the number of commits; on a busy machine the processor's seconds say more."""
    lines = [f"\n{title}{'seconds':>14}{'cpu s':>9}{'peak MiB':>10}"]
    costs = {count: each.said.get("cpu_seconds", each.seconds) for count, each in points.items()}
    for count, each in points.items():
        peak = "" if each.peak_mib is None else f"{each.peak_mib:.0f}"
        drawn = "#" * max(1, round(BAR_CHARS * costs[count] / max(costs.values())))
        lines.append(f"{count:>11,}{each.seconds:>14.1f}{costs[count]:>9.1f}{peak:>10}  {drawn}")
    return "\n".join(lines)


def _jobs(
    repo: Repo, commits: list[Commit], peer_commits: int, peers: list[str], place: Path
) -> dict[str, dict[str, Any]]:
    """Write the lists that the contestants work on: all commits, and the newest few for the slow peers."""
    few = list(itertools.islice((each for each in commits if len(each.parents) < 2), peer_commits))
    newest = commits[: commits.index(few[-1]) + 1]
    whole, part = (_job(repo, some, place / name) for some, name in ((commits, "all"), (newest, "newest")))
    jobs = {"floor": {**whole, "contestant": "floor"}, "reading": {**whole, "contestant": "reading"}}
    jobs["reading.newest"] = {**part, "contestant": "reading"}
    jobs |= {peer: {**part, "contestant": peer} for peer in peers}
    memory = {"memory": str(place / "memory"), "forget": True}
    jobs["mine.all"] = {**whole, "contestant": "mine", **memory, "all_history": True}
    jobs["mine"] = {**jobs["mine.all"], "all_history": False}
    jobs["mine.again"] = {**jobs["mine"], "forget": False}
    return jobs


def _job(repo: Repo, commits: list[Commit], folder: Path) -> dict[str, Any]:
    folder.mkdir()
    plain = [each for each in commits if len(each.parents) < 2]
    (folder / "commits").write_text("".join(f"{each.sha}\n" for each in plain))
    (folder / "blobs").write_text("".join(f"{sha}\n" for sha in code_blobs(commits)))
    return {
        "path": repo.path,
        "revision": repo.revision,
        "newest": len(commits),
        "count": len(plain),
        "oldest_at": min(each.committed_at for each in plain),
        "commits": str(folder / "commits"),
        "blobs": str(folder / "blobs"),
    }


def _curve(repo: Repo, place: Path, *, all_history: bool = False) -> dict[int, Measured]:
    """Run the whole stage over more and more commits, each time with nothing remembered."""
    commits = list(read_commits(Git(repo.path), repo.revision, CURVE[-1]))
    points = {}
    for count in CURVE:
        if count <= len(commits):
            job = _job(repo, commits[:count], place / f"curve-{count}-{all_history}")
            memory = {"memory": str(place / "curve-memory"), "forget": True, "all_history": all_history}
            points[count] = run_once(CONTESTANTS, {**job, **memory, "contestant": "mine"})
            print(f"  {count:<18,}{points[count].seconds:9.3f} s", file=sys.stderr, flush=True)
    return points


def _is_there(module: str) -> bool:
    return importlib.util.find_spec({"gitpython": "git"}.get(module, module)) is not None


def _install() -> str:
    return f"{sys.executable} -m pip install -c constraints.txt -e '.[bench]' installs it"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mining", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--repo", default=".", help="path or URL of a git repository")
    parser.add_argument("--commits", type=int, default=2_000, help="newest commits, merges among them")
    parser.add_argument(
        "--peer-commits", type=int, default=400, help="newest commits without merges, for the slow peers"
    )
    parser.add_argument("--rounds", type=int, default=3, help="runs of each contestant; 0 leaves only curves")
    parser.add_argument("--only", action="append", help="a contestant, such as pydriller or mine; all without it")
    parser.add_argument("--curve", action="store_true", help="run the whole stage over up to 10,000 commits as well")
    parser.add_argument("--curve-all", action="store_true", help="the same with pairs drafted from all of history")
    parser.add_argument("--results", type=Path, default=RESULTS, help="file for the figures")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
