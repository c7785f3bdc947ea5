"""Workers say what they do, fail together, and never outlive the process that started them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tuner.errors import TrainError
from tuner.progress import Progress
from tuner.recipe import TrainSettings
from tuner.records import Base
from tuner.train import launch
from tuner.train.crew import SAYS, Crew, Failed
from tuner.train.job import JOB, Job
from tuner.train.relay import Listener, Speaker

from .examples import DATASET
from .test_resume import StopAt

SAY = "import os; say = lambda text: os.write(int(os.environ['TUNER_SAYS']), text)\n"
ENDLESS = "import sys; sys.stdin.read()"
PARENT = """
import sys
from pathlib import Path
from tuner.progress import Progress
from tuner.recipe import TrainSettings
from tuner.records import Base, Dataset
from tuner.rundir import Workspace
from tuner.train import launch

folder = Path(sys.argv[1])
dataset = Dataset("data/train.jsonl", "data/valid.jsonl", "", "", "", {}, {}, {})
work = Workspace(folder, folder, folder, Progress())
launch.run(Base("a", "a", "1", "none"), dataset, TrainSettings(processes=2), 96, "", 17, work)
"""


class Loss:
    """A view, made once: whoever is not looked at does not make it."""

    made = 0

    def short(self) -> str:
        self.made += 1
        return f"loss {self.made}"

    def lines(self) -> list[str]:
        return [f"loss {self.made}, rate 2"]


def crew(folder: Path, *programs: str) -> Crew:
    """Start programs that find what they are in an environment variable."""
    logs = [folder / f"{number}.log" for number in range(len(programs))]
    environments = [{**os.environ, "PROGRAM": program} for program in programs]
    return Crew([sys.executable, "-I", "-c", "import os; exec(os.environ['PROGRAM'])"], environments, logs)


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended; what nobody has asked after yet stays in the list."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def workers_of(pid: int) -> list[int]:
    """List the processes that a process has started."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(each) for each in listed.read_text().split()] if listed.exists() else []


def wait_until(condition: object, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.02)


def test_lines_come_with_the_number_of_their_worker_and_what_is_printed_goes_into_its_log(tmp_path: Path) -> None:
    program = SAY + "say(b'one\\ntw'); say(b'o\\n'); print('printed')"
    with crew(tmp_path, program, SAY + "say(b'other\\n')") as workers:
        assert sorted(workers.lines()) == [(0, "one"), (0, "two"), (1, "other")]
    assert (tmp_path / "0.log").read_text() == "printed\n"


def test_when_one_worker_fails_the_others_end_too(tmp_path: Path) -> None:
    with crew(tmp_path, ENDLESS, "raise SystemExit(3)") as workers:
        pids = [worker.pid for worker in workers.workers]
        with pytest.raises(Failed) as caught:
            list(workers.lines(grace=0.1))
    assert caught.value.statuses == {1: 3}
    assert all(map(is_gone, pids))


def test_an_interrupt_ends_all_workers(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt), crew(tmp_path, ENDLESS, SAY + f"say(b'on\\n')\n{ENDLESS}") as workers:
        pids = [worker.pid for worker in workers.workers]
        for _ in workers.lines():
            raise KeyboardInterrupt
    assert all(map(is_gone, pids))


@pytest.mark.skipif(sys.platform != "linux", reason="lists processes by Linux's /proc")
def test_killing_the_command_leaves_no_worker_behind(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path)])
    wait_until(lambda: len(workers_of(parent.pid)) == 2)
    pids = workers_of(parent.pid)
    assert not any(map(is_gone, pids))
    parent.kill()
    parent.wait()
    wait_until(lambda: all(map(is_gone, pids)))


class Shown(StopAt):
    """Counts, and goes on at the end."""

    def stop(self) -> None:
        pass


def test_progress_and_errors_of_a_worker_are_those_of_the_command() -> None:
    ear, mouth = os.pipe()
    speaker = Speaker(mouth)
    with speaker.track("training", 9, "step") as track:
        track.skip(4)
        track.show(Loss())
        track.advance(2)
        speaker.is_watched = True
        track.advance(1)
        track.note("slow")
    speaker.error(TrainError("the loss is nan", "another base"))
    speaker.stream.close()
    shown, looked = Shown("training", 99), []
    with os.fdopen(ear) as lines, Listener(shown, lambda: looked.append(True)) as listener:
        for line in lines:
            listener.hear(line)
    assert shown.counted == [4, 2, 1] and not shown.active
    assert (listener.seen.short(), listener.seen.lines(), looked) == ("loss 1", ["loss 1, rate 2"], [True])
    assert (type(listener.error), str(listener.error)) == (TrainError, "the loss is nan\nhint: another base")
    with pytest.raises(ValueError, match="which nobody understands"):
        listener.hear('["hum"]')


def test_the_cause_of_a_failure_is_a_message_first_then_a_kill_then_what_was_said_last(tmp_path: Path) -> None:
    logs = [tmp_path / "0.log", tmp_path / "1.log"]
    logs[0].write_text("Traceback\nRuntimeError: Connection closed by peer\n\n")
    listeners = [Listener(Progress()), Listener(Progress())]

    def cause(statuses: dict[int, int]) -> str:
        return str(launch._cause(statuses, listeners, logs))

    assert cause({0: 1}) == (
        f"process 0 of 2 ended with status 1: RuntimeError: Connection closed by peer\nhint: see {logs[0]}"
    )
    assert cause({0: 1, 1: -signal.SIGKILL}) == (
        "process 1 of 2 was ended from outside by SIGKILL, most likely for want of memory\n"
        'hint: the same command goes on from the last checkpoint; SET="train.processes=1" takes less memory'
    )
    listeners[1].error = TrainError("out of memory")
    assert cause({0: 1, 1: -signal.SIGKILL}) == "out of memory"


def test_a_job_is_read_as_it_was_written(tmp_path: Path) -> None:
    base = Base("a", "/a", "1", "none")
    job = Job(str(tmp_path), base, DATASET, TrainSettings(rank=3), 96, "end", 17, None)
    job.write(tmp_path / JOB)
    assert Job.read(tmp_path / JOB) == job


def test_a_launcher_that_started_another_number_of_processes_is_refused(tmp_path: Path) -> None:
    settings = TrainSettings(processes=2)
    Job(str(tmp_path), Base("a", "/a", "1", "none"), DATASET, settings, 96, "", 17, None).write(tmp_path / JOB)
    command = [sys.executable, "-m", "tuner.train.worker", str(tmp_path / JOB)]
    plain = {name: value for name, value in os.environ.items() if name != SAYS}
    told = dict.fromkeys(("WORLD_SIZE", "LOCAL_WORLD_SIZE"), "3") | dict.fromkeys(("RANK", "LOCAL_RANK"), "0")
    wanted = {
        json.dumps({}): (
            2,
            "error: RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE not set: no launcher started this process\n"
            "hint: docs/launch.md shows how to\n",
        ),
        json.dumps(told): (
            1,
            "error: train.processes is 2, the launcher started 3\n"
            "hint: the launcher's numbers of machines and of processes on each, multiplied, are train.processes\n",
        ),
    }
    for environment, (status, message) in wanted.items():
        ended = subprocess.run(command, env=plain | json.loads(environment), capture_output=True, text=True)
        assert (ended.returncode, ended.stdout, ended.stderr) == (status, "", message)


def test_the_cores_are_divided_and_only_the_loopback_device_is_used() -> None:
    found = launch.environments(3, {"OMP_NUM_THREADS": "8", "PYTHONPATH": "/elsewhere"})
    assert [each["RANK"] for each in found] == ["0", "1", "2"]
    assert {each["OMP_NUM_THREADS"] for each in found} == {"2"}
    assert {each[name] for each in found for name in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")} <= {"lo", "lo0"}
    assert all(each["PYTHONPATH"].endswith(f"{os.pathsep}/elsewhere") for each in found)
    assert {each["OMP_NUM_THREADS"] for each in launch.environments(3, {"OMP_NUM_THREADS": "2"})} == {"1"}
