"""One process of a training that several share: join the others, run the train stage, leave what it made.

In: a job file, or the run folder in which one waits, and the environment by which every launcher tells a process its
number (RANK, WORLD_SIZE, LOCAL_RANK, LOCAL_WORLD_SIZE). Out: from the first process `finished/` and then `outcome.json`
beside the job; what the others write lies in folders of their own and is thrown away.

    torchrun --nnodes=2 --nproc-per-node=8 --rdzv-backend=c10d --rdzv-endpoint=HOST:29500 -m tuner.train.worker RUN

`--store` names a file by which the processes find each other, in place of the address that torchrun gives. Started by
`launch`, which wants to hear of its progress, a process ends as soon as its standard input does.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import threading
import traceback
from contextlib import nullcontext
from pathlib import Path

from tuner.errors import RunError, TrainError, TunerError
from tuner.machine import usable_cores
from tuner.progress import Progress, TerminalProgress
from tuner.rundir import Workspace, locked
from tuner.train.crew import SAYS
from tuner.train.job import FINISHED, Job, job_of_run, write_outcome
from tuner.train.relay import Speaker

TOLD = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE")
FOUND = "the launcher's numbers of machines and of processes on each, multiplied, are train.processes"


def main(arguments: list[str] | None = None) -> int:
    """Take part in a training and return the exit status."""
    parser = argparse.ArgumentParser(prog="tuner.train.worker", description="One process of a training of several.")
    parser.add_argument("job", type=Path, help="run folder, or the job file in it")
    parser.add_argument("--store", type=Path, help="file by which the processes find each other")
    options = parser.parse_args(arguments)
    says = os.environ.pop(SAYS, None)
    progress = TerminalProgress() if says is None else Speaker(int(says))
    if isinstance(progress, Speaker):
        threading.Thread(target=_end_with_parent, args=(progress,), daemon=True).start()
    try:
        _work(job_of_run(options.job), options.store, progress)
    except TunerError as error:
        print(f"error: {error}", file=sys.stderr)
        if isinstance(progress, Speaker):
            progress.error(error)
        return error.exit_status
    return 0


def _work(path: Path, store: Path | None, progress: Progress) -> None:
    missing = [name for name in TOLD if name not in os.environ]
    if missing:
        raise RunError(f"{', '.join(missing)} not set: no launcher started this process", "docs/launch.md shows how to")
    rank, found, _, here = (int(os.environ[name]) for name in TOLD)
    job, scratch = Job.read(path), path.parent
    processes, is_outside = job.settings.processes, not isinstance(progress, Speaker)
    if found != processes:
        raise TrainError(f"train.processes is {processes}, the launcher started {found}", FOUND)
    if is_outside:  # torchrun sets 1 where nothing is set
        os.environ["OMP_NUM_THREADS"] = str(max(1, usable_cores() // here))
    shown = progress if rank == 0 else Progress()
    with shown.track("starting the processes", total=processes, unit="process") as track:
        from tuner.train import stage, together  # torch reads the number of threads when it is imported

        together.join(processes, store)
        track.advance(processes)
    own = scratch if rank == 0 else scratch / f"process-{rank}"
    out = own / FINISHED
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    work = Workspace(Path(job.run), out, own, shown)
    # the command that started the processes holds the run already
    with locked(work.run) if is_outside and rank == 0 else nullcontext():
        settings = job.settings if rank == 0 else job.settings.model_copy(update={"log_to": []})
        adapter = stage.run(job.base, job.dataset, settings, job.max_tokens, job.end_token, job.seed, work, job.replay)
        if rank == 0:
            write_outcome(scratch, adapter)


def _end_with_parent(progress: Speaker) -> None:
    """End this process as soon as the one that started it is gone: a kill gives that one no time to say so.

    A byte says that somebody there looks at what this process shows.
    """
    while os.read(sys.stdin.fileno(), 1):
        progress.is_watched = True
    os._exit(1)


if __name__ == "__main__":
    try:
        status = main()
    except BaseException:
        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)  # an ordinary end waits for processes that have failed
