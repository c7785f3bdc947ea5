"""A stage that is stopped, by an error, a full disk, a kill or a second command, leaves the finished stages or nothing.

The kills are real: a second process sends SIGKILL to itself, inside the stage's function or at the n-th file that it
moves. An audit hook of Python's own says when a file is about to be moved, so nothing of ours is replaced.
"""

from __future__ import annotations

import errno
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runs import Chain, Words, write_words
from tuner.errors import MachineError, RunError
from tuner.progress import Progress
from tuner.rundir import Workspace, locked, runs_in

ROOT = Path(__file__).parent.parent
# A process that runs the first stage and is killed: in its function, or just before the n-th `os.replace` or `rmtree`.
KILLED = """
import os, signal, sys
from pathlib import Path
from tests.runs import Chain, write_words
adapters, event, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])

def kill():
    os.kill(os.getpid(), signal.SIGKILL)

def work(workspace):
    (workspace.scratch / "half.txt").write_text("half of the work")
    if event == "function":
        (workspace.out / "log.txt").write_text("log.txt: one")
        kill()
    return write_words(workspace)

def hook(name, arguments):
    global count
    if name == event:
        count -= 1
        if count < 0:
            kill()

chain = Chain(adapters)
sys.addaudithook(hook)
print(chain.words(work))
"""
HOLDS = """
import sys
from pathlib import Path
from tuner.rundir import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def start(program: str, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.Popen(command, cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)


def killed(adapters: Path, event: str, count: int) -> int:
    """Run the first stage in a process that is killed, and give its exit status."""
    with start(KILLED, adapters, event, count) as process:
        process.communicate(timeout=60)
    return process.returncode


def leftovers(folder: Path) -> list[str]:
    """Name what is there only while a stage works."""
    return sorted(path.name.rpartition("-")[0] for path in folder.glob(".*-*"))


# The stage moves two files, then metrics.json and manifest.json into place; then it removes what only it needed.
@pytest.mark.parametrize(
    ("event", "count", "state"),
    [
        ("function", 0, "done"),
        ("os.rename", 0, "done"),
        ("os.rename", 1, "done"),
        ("os.rename", 2, "done"),
        ("os.rename", 3, "done"),
        ("shutil.rmtree", 1, "kept"),
        ("shutil.rmtree", 2, "kept"),
    ],
)
def test_a_kill_at_any_instant_leaves_the_finished_stage_or_none(
    tmp_path: Path, event: str, count: int, state: str
) -> None:
    whole = Chain(tmp_path / "whole")
    whole.go()
    assert killed(tmp_path / "cut", event, count) == -signal.SIGKILL
    cut = Chain(tmp_path / "cut")
    assert [entry["name"] for entry in cut.run.stages] == (["words"] if state == "kept" else [])
    assert cut.go() == [state, "done", "done"]
    assert cut.files() == whole.files()
    assert cut.reopened().verify() == []
    assert leftovers(cut.folder) == []


def test_without_a_kill_the_same_process_finishes(tmp_path: Path) -> None:
    assert killed(tmp_path, "no such event", 0) == 0
    assert Chain(tmp_path).words() == "kept"


def test_scratch_outlives_a_kill_and_goes_when_the_stage_finishes(tmp_path: Path) -> None:
    def resumed(work: Workspace) -> Words:
        assert (work.scratch / "half.txt").read_text(encoding="utf-8") == "half of the work"
        assert not list(work.out.iterdir())
        return write_words(work)

    assert killed(tmp_path, "function", 0) == -signal.SIGKILL
    chain = Chain(tmp_path)
    assert leftovers(chain.folder) == [".partial", ".scratch-words"]
    assert chain.words(resumed) == "done"
    assert leftovers(chain.folder) == []


def test_scratch_of_other_work_is_not_handed_on(tmp_path: Path) -> None:
    def fresh(work: Workspace) -> Words:
        assert not list(work.scratch.iterdir())
        return write_words(work)

    killed(tmp_path, "function", 0)
    chain = Chain(tmp_path)
    assert chain.words(fresh, size=4) == "done"
    assert leftovers(chain.folder) == []


@pytest.mark.parametrize("error", [ValueError("a bug"), KeyboardInterrupt(), OSError(errno.EACCES, "no")])
def test_a_stage_that_raises_leaves_nothing_but_its_scratch(tmp_path: Path, error: BaseException) -> None:
    def failing(work: Workspace) -> Words:
        write_words(work)
        (work.scratch / "half.txt").write_text("half", encoding="utf-8")
        raise error

    chain = Chain(tmp_path)
    before = chain.files()
    with pytest.raises(type(error)) as caught:
        chain.words(failing)
    assert caught.value is error
    (scratch,) = set(chain.files()) - set(before)
    assert scratch.startswith(".scratch-words-") and scratch.endswith("/half.txt")
    assert leftovers(chain.folder) == [".scratch-words"]
    assert chain.reopened().stages == []
    assert chain.words() == "done"
    assert leftovers(chain.folder) == []


def test_a_stage_that_raises_keeps_the_stages_before_it(tmp_path: Path) -> None:
    def failing(work: Workspace) -> Words:
        raise ValueError("a bug")

    chain = Chain(tmp_path)
    chain.words()
    with pytest.raises(ValueError, match="a bug"):
        chain.run.stage("count", Words, failing, settings={}, inputs=["mined/words.txt"], progress=Progress())
    assert Chain(tmp_path).go() == ["kept", "done", "done"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_is_named_and_what_had_finished_stays(tmp_path: Path, number: int) -> None:
    def full(work: Workspace) -> Words:
        raise OSError(number, "No space left on device", str(work.out / "log.txt"))

    chain = Chain(tmp_path)
    with pytest.raises(MachineError) as caught:
        chain.words(full)
    assert caught.value.message == f"words: the disk is full at {chain.folder}/.partial-words/log.txt"
    assert caught.value.hint == "free some space and repeat the command; finished stages are kept"
    assert chain.words() == "done"


def test_a_second_command_on_the_same_run_is_refused(tmp_path: Path) -> None:
    folder = Chain(tmp_path).folder
    with start(HOLDS, folder) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        with pytest.raises(RunError) as caught, locked(folder):
            pytest.fail("both hold the run")
        process.communicate("", timeout=60)
    assert str(caught.value) == f"{folder}: another command is working on this run\nhint: wait for it, or stop it"
    with locked(folder):
        assert [run.folder for run in runs_in(tmp_path)] == [folder]


def test_a_killed_command_holds_its_run_no_longer(tmp_path: Path) -> None:
    folder = Chain(tmp_path).folder
    with start(HOLDS, folder) as process:
        assert process.stdout is not None and process.stdout.readline() == "held\n"
        process.kill()
        process.wait(timeout=60)
        with locked(folder):
            pass
    assert json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["stages"] == []
