"""What a training leaves to be looked at: its log, a picture of the loss, and what `train.log_to` names.

In: the figures of each step. Out: `metrics.jsonl`, `timings.jsonl`, `loss.svg`; event files in `tensorboard/` and a
database in `trackio/` where they are asked for. All are files of the run folder: no network is asked and no port is
opened. Trackio runs as a process of its own, because it reads its folder once a process and prints; what would make it
send is taken out of that process's surroundings. Dropped: the name of this machine, which TensorBoard puts into names
of files.

    tensorboard --logdir adapters
    TRACKIO_DIR=adapters/x/trackio trackio show
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NoReturn, Protocol

from tuner.errors import TrainError
from tuner.loss_curve import as_file, curve
from tuner.training_log import LOG, PICTURE, TENSORBOARD, TIMINGS, TRACKIO, read_lines, require_viewers

FLUSH_SECONDS = 5  # what a viewer sees is at most so old
FEED = Path(__file__).with_name("trackio_feed.py")


class Log(Protocol):
    """Where figures go."""

    def add(self, step: int, figures: dict[str, float]) -> None:
        """Write the figures of a step, by names such as `train/loss`."""


@contextmanager
def open_logs(names: Sequence[str], scratch: Path, run: str, done: int) -> Iterator[list[Log]]:
    """Open the logs in the scratch folder; TensorBoard hides what a killed attempt wrote beyond step `done`."""
    require_viewers(names)
    with ExitStack() as stack:
        makers = {TENSORBOARD: _tensorboard, TRACKIO: _trackio}
        yield [stack.enter_context(makers[name](scratch / name, run, done)) for name in names]


def keep_logs(names: Sequence[str], scratch: Path, out: Path) -> None:
    """Copy the log of each step, and what was written for viewers, to the stage's outcome, and draw the loss."""
    for name in (LOG, TIMINGS):
        shutil.copyfile(scratch / name, out / name)
    found = curve(read_lines(out / LOG))
    assert found is not None  # a training has a step
    (out / PICTURE).write_text(as_file(found), encoding="utf-8")
    for name in names:
        shutil.copytree(scratch / name, out / name, ignore=shutil.ignore_patterns("*.lock*"))
    for number, path in enumerate(sorted((out / TENSORBOARD).glob("events.out.tfevents.*"))):
        path.rename(path.with_name(f"events.out.tfevents.{number}"))


class _Events:
    def __init__(self, writer: Any) -> None:
        self.writer = writer

    def add(self, step: int, figures: dict[str, float]) -> None:
        for name, value in figures.items():
            self.writer.add_scalar(name, value, step)


class _Fed:
    def __init__(self, process: subprocess.Popen[bytes], said: Path) -> None:
        self.process = process
        self.said = said

    def add(self, step: int, figures: dict[str, float]) -> None:
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps([step, figures]).encode() + b"\n")
        except BrokenPipeError:
            self.refuse(self.process.wait())

    def refuse(self, status: int) -> NoReturn:
        """Say how it ended, and its last line."""
        last = ([each for each in self.said.read_text(encoding="utf-8").splitlines() if each.strip()] or ["nothing"])[
            -1
        ]
        raise TrainError(f"trackio ended with exit status {status} and said: {last}", "SET=train.log_to=[]")


@contextmanager
def _tensorboard(folder: Path, run: str, done: int) -> Iterator[Log]:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(folder), purge_step=done + 1 if done else None, flush_secs=FLUSH_SECONDS) as writer:
        yield _Events(writer)


@contextmanager
def _trackio(folder: Path, run: str, done: int) -> Iterator[Log]:
    folder.mkdir(exist_ok=True)
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith("TRACKIO_")}
    surroundings |= {"TRACKIO_DIR": str(folder), "HF_HUB_OFFLINE": "1"}
    # -P: a folder that is worked in, such as a mined repository, is not searched for modules, nor this room
    command = [sys.executable, "-P", str(FEED), run]
    said = folder.with_suffix(".said")
    with said.open("w", encoding="utf-8") as stream:
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": stream}
        with subprocess.Popen(command, env=surroundings, bufsize=0, **pipes) as process:
            log = _Fed(process, said)
            yield log
    if process.returncode:
        log.refuse(process.returncode)
