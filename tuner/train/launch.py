"""The train stage's face: train here, or in processes that share each batch, on this machine or on several.

In and out: what `stage.run` takes and gives. With one process the stage runs right here. With several on this machine
they are started, what the first says is shown as if it were said here, and when one fails all end: what it said of its
error becomes the error here. They meet by a file and talk over the loopback device, so that no port is open to others
(torchrun's own store listens at every address). With several machines a job is left for a launcher of the user's,
and the same command takes up what that leaves. A repeated command goes on from the last whole checkpoint in any case.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

import tuner
from tuner.errors import TrainError
from tuner.machine import usable_cores
from tuner.recipe import TrainSettings
from tuner.records import Adapter, Base, Dataset
from tuner.replayed import Replay
from tuner.rundir import Workspace
from tuner.train.crew import Crew, Failed
from tuner.train.job import FINISHED, JOB, OUTCOME, Job, read_outcome
from tuner.train.relay import Listener

STORE = "store"
GOES_ON = "the same command goes on from the last checkpoint"


def run(
    base: Base,
    dataset: Dataset,
    settings: TrainSettings,
    max_tokens: int,
    end_token: str,
    seed: int,
    work: Workspace,
    replay: Replay | None = None,
) -> Adapter:
    """Train and save one adapter in as many processes as the settings want."""
    adapter = read_outcome(work.scratch)
    if adapter is None and settings.processes == 1:
        from tuner.train import stage

        return stage.run(base, dataset, settings, max_tokens, end_token, seed, work, replay)
    if adapter is None:
        job = work.scratch / JOB
        Job(str(work.run.resolve()), base, dataset, settings, max_tokens, end_token, seed, replay).write(job)
        if settings.nodes > 1:
            raise _wanting_launcher(settings, work.run)
        _train_here(job, settings.processes, work)
        adapter = read_outcome(work.scratch)
    if adapter is None:
        raise TrainError(f"{work.scratch / OUTCOME}: the processes ended without it", GOES_ON)
    shutil.copytree(work.scratch / FINISHED, work.out, dirs_exist_ok=True)
    return adapter


def environments(processes: int, outer: dict[str, str]) -> list[dict[str, str]]:
    """Give each process its number, its part of the cores, and the loopback device to talk over."""
    threads = outer.get("OMP_NUM_THREADS", "")
    cores = int(threads) if threads.isdigit() else usable_cores()
    loopback = "lo0" if sys.platform == "darwin" else "lo"
    paths = [str(Path(tuner.__file__).parent.parent), outer.get("PYTHONPATH", "")]
    return [
        {
            **outer,
            "RANK": str(number),
            "LOCAL_RANK": str(number),
            "WORLD_SIZE": str(processes),
            "LOCAL_WORLD_SIZE": str(processes),
            "OMP_NUM_THREADS": str(max(1, cores // processes)),
            "GLOO_SOCKET_IFNAME": loopback,
            "NCCL_SOCKET_IFNAME": loopback,
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        }
        for number in range(processes)
    ]


def _train_here(job: Path, processes: int, work: Workspace) -> None:
    store = work.scratch / STORE
    store.unlink(missing_ok=True)  # of processes that are gone
    # -P: a folder that is worked in, such as a mined repository, is not searched for modules
    command = [sys.executable, "-P", "-m", "tuner.train.worker", str(job), "--store", str(store)]
    logs = [work.scratch / f"process-{number}.log" for number in range(processes)]
    with Crew(command, environments(processes, dict(os.environ)), logs) as crew:
        listeners = [Listener(work.progress, lambda: crew.nudge(0)) for _ in range(processes)]
        with listeners[0]:
            try:
                for number, line in crew.lines():
                    listeners[number].hear(line)
            except Failed as failure:
                raise _cause(failure.statuses, listeners, logs) from None


def _cause(statuses: dict[int, int], listeners: list[Listener], logs: list[Path]) -> Exception:
    """Choose what the others failed of: a message first, then a kill; the rest lost their connection to it."""
    told = next((each.error for each in listeners if each.error is not None), None)
    if told is not None:
        return told
    count = len(listeners)
    killed = next((number for number, status in statuses.items() if status < 0), None)
    if killed is not None:
        name = signal.Signals(-statuses[killed]).name
        return TrainError(
            f"process {killed} of {count} was ended from outside by {name}, most likely for want of memory",
            f'{GOES_ON}; SET="train.processes=1" takes less memory',
        )
    number = next(number for number, status in statuses.items() if status != 0)
    lines = logs[number].read_text(encoding="utf-8", errors="replace").split("\n")
    last = next((line for line in reversed(lines) if line.strip()), "it said nothing")
    return TrainError(
        f"process {number} of {count} ended with status {statuses[number]}: {last}", f"see {logs[number]}"
    )


def _wanting_launcher(settings: TrainSettings, run: Path) -> TrainError:
    each = settings.processes // settings.nodes
    return TrainError(
        f"{run}: {settings.processes} processes on {settings.nodes} machines have not trained yet",
        f"on each machine: torchrun --nnodes={settings.nodes} --nproc-per-node={each} --rdzv-backend=c10d "
        f"--rdzv-endpoint=HOST:29500 -m tuner.train.worker {run}; then repeat this command (docs/launch.md)",
    )
