"""A command that is killed in the middle of any stage goes on, and ends as if nothing had happened.

The kills are real. A host process loads all that the stages need once, torch above all, and starts each command by a
fork of its own; an audit hook of Python's own kills the command's whole process group, with -9, when a stage opens the
file that it is to die at.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pipelines import ROOT, TIMED, Finished, Inputs, arguments, differing, finished_run, hashes, untimed
from tests.tiny_repo import build_tiny_repo, git
from tuner.rundir import Run

# Where each stage dies: when it opens this file. The training dies in its second checkpoint, with steps left to do.
DEATHS = {
    "mine": "/.partial-mine/mined/rejected.jsonl",
    "dataset": "/.partial-dataset/data/split.json",
    "train": "/checkpoint-2/trainer_state.json",
    "evaluate-base": "/.partial-evaluate-base/eval/base.predictions.jsonl",
    "evaluate-tuned": "/.partial-evaluate-tuned/eval/tuned.scores.json",
    "probe-base": "/.partial-probe-base/eval/base.probes.json",
    "probe-tuned": "/.partial-probe-tuned/eval/tuned.probes.json",
    "recall": "/.partial-recall/eval/recall.json",
    "compare": "/.partial-compare/eval/examples.json",
    "export": "/.partial-export/export/gguf/base-f16.gguf",
    "report": "/.partial-report/report/report.md",
}
# One command a line: the file to die at, where the output goes, the arguments. Answers with the exit status.
HOST = """
import json, os, signal, sys
import openai, scipy.stats
import tuner.compare.stage, tuner.dataset.stage, tuner.evaluate.local, tuner.evaluate.open_system, tuner.evaluate.stage
import tuner.export.stage, tuner.mine.stage, tuner.pipeline, tuner.report.stage, tuner.train.stage
from tuner.cli import main

def command(death, printed, arguments):
    os.setsid()
    with open(printed, "w") as stream:
        os.dup2(stream.fileno(), 1)
        os.dup2(stream.fileno(), 2)
    def hook(name, details):
        if name == "open" and death and str(details[0]).endswith(death):
            os.killpg(0, signal.SIGKILL)
    sys.addaudithook(hook)
    status = main(arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)

for line in sys.stdin:
    process = os.fork()
    if process == 0:
        command(*json.loads(line))
    print(process, os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
"""
# Times, and what follows from them, are the only figures that may differ.
MEASURED = re.compile(r"seconds$|_per_second$|latency_p\d+_ms$|within_500_ms$|peak_memory_gib$|resumed_at_step$")
MEASURED_ON_SCREEN = re.compile(r"[\d,]+ tokens/s, peak memory [\d.]+ GiB")


class Host:
    """The process that starts commands; `run` gives a command's group and its exit status."""

    def __init__(self, process: subprocess.Popen[str], printed: Path) -> None:
        self.process = process
        self.printed = printed

    def run(self, death: str, given: list[str]) -> tuple[int, int]:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps([death, str(self.printed), given]) + "\n")
        self.process.stdin.flush()
        group, status = self.process.stdout.readline().split()
        return int(group), int(status)


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    command = [sys.executable, "-c", HOST]
    with subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        yield Host(process, tmp_path / "printed")
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(timeout=60) == 0


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    return finished_run(tmp_path_factory.getbasetemp())


def alive(group: int) -> list[int]:
    """List the processes of a group; one that has ended and waits to be fetched is not alive."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it ended while we looked
            state, _, its_group = (folder / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[:3]
            if int(its_group) == group and state != "Z":
                found.append(int(folder.name))
    return found


def wait_until(what: str, reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.005)


def figures(run: Run) -> dict[str, object]:
    metrics = json.loads((run.folder / "metrics.json").read_text(encoding="utf-8"))
    return {name: value for name, value in metrics.items() if not MEASURED.search(name)}


def screen(text: str, adapters: Path) -> str:
    """Take the last screen out of what a command printed, without times and folders."""
    whole = text[text.index("  repository    ") :]
    return MEASURED_ON_SCREEN.sub("", whole.replace(str(adapters), "adapters"))


def test_killed_in_every_stage_in_turn_it_ends_like_an_undisturbed_run(
    finished: Finished, host: Host, tmp_path: Path
) -> None:
    adapters = tmp_path / "adapters"
    given = ["train", *arguments(finished.inputs, adapters)]
    folder = adapters / finished.folder.name
    for number, (stage, death) in enumerate(DEATHS.items()):
        group, status = host.run(death, given)
        assert (stage, status) == (stage, -signal.SIGKILL), host.printed.read_text(encoding="utf-8")
        assert [entry["name"] for entry in Run.find(folder).stages] == list(DEATHS)[:number]
        assert (folder / f".partial-{stage}").is_dir()
        wait_until("the end of its group", lambda group=group: not alive(group))
    assert host.run("", given)[1] == 0

    run = Run.find(folder)
    assert run.verify() == []
    assert differing(folder, finished.folder) - TIMED == {"manifest.json", "metrics.json"}
    assert untimed(folder) == untimed(finished.folder)
    assert figures(run) == figures(finished.run)
    assert run.entry("train")["record"]["metrics"]["train.resumed_at_step"] == 1
    shown = host.printed.read_text(encoding="utf-8")
    assert screen(shown, adapters) == screen(finished.answer.out, finished.adapters)


def test_a_changed_output_would_be_seen(finished: Finished, tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").write_text("another", encoding="utf-8")
    assert set(hashes(finished.folder)) == differing(tmp_path, finished.folder)
    assert "train.loss_final" in figures(finished.run) and "train.seconds" not in figures(finished.run)
    other = finished.answer.out.replace("no_benefit_shown", "ship")
    assert screen(other, finished.adapters) != screen(finished.answer.out, finished.adapters)


def test_a_kill_of_the_command_alone_takes_its_workers_along(finished: Finished, tmp_path: Path) -> None:
    repo = build_tiny_repo(tmp_path / "many", commits=16)
    for number in range(600):  # so many that worker processes mine them
        (repo / f"part_{number}.py").write_text(f"def part_{number}(cents):\n    return cents + {number}\n" * 5)
    who = ["-c", "user.name=a", "-c", "user.email=a@b.test"]
    git(repo, "add", ".")
    git(repo, *who, "commit", "--quiet", "-m", "Add the parts of the ledger")
    git(repo, *who, "commit", "--quiet", "--allow-empty", "-m", "Say that it is done")
    inputs = Inputs(repo, finished.inputs.base)
    command = [sys.executable, "-m", "tuner.cli", "mine", *arguments(inputs, tmp_path / "adapters", mine__cut="main~1")]
    with subprocess.Popen(command, cwd=ROOT, start_new_session=True, stderr=subprocess.DEVNULL) as process:
        # On one core git is its only helper; on more there are two of multiprocessing's own, and workers besides.
        others = 1 if os.cpu_count() == 1 else 4
        wait_until("its workers", lambda: len(alive(process.pid)) > others)
        process.kill()
        process.wait(timeout=60)
        wait_until("the end of its workers", lambda: not alive(process.pid))
    (folder,) = (path for path in (tmp_path / "adapters").iterdir() if path.name != ".mined")
    assert Run.find(folder).stages == [] and (folder / ".partial-mine").is_dir()
