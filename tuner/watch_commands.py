"""Compose `tuner watch`: the view of a training that runs in another terminal.

In: a run folder, and in it the logs that the training writes. Out: the view on stderr until the training ends, then a
line on stdout. Nothing is written, and the training does not notice. The share of peak is there once the training
itself has measured it: two measurements at once would both be wrong.

    tuner watch adapters/shop-smollm2-135m-instruct-1234abcd
"""

from __future__ import annotations

import argparse
import fcntl
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tuner.errors import RunError
from tuner.progress import Progress, TerminalProgress, Track
from tuner.records import Adapter
from tuner.rundir import Run
from tuner.training_log import FACTS, LOG, PICTURE, TIMINGS, read_lines, steps_of
from tuner.training_view import TrainingView

EVERY = 1.0  # seconds between two looks


def add_to(commands: Any) -> None:
    """Add `watch` to the command line."""
    command = commands.add_parser("watch", help="look at a training that runs in another terminal")
    command.add_argument("run", type=Path, help="run folder")
    command.set_defaults(function=show)


def notices(run: Run, log_to: Sequence[str]) -> list[str]:
    """Say what a recipe asks for in vain, because the training is over."""
    entry = run.entry("train")
    written = {path.partition("/")[0] for path in entry["outputs"]} if entry else {*log_to}
    missing = [name for name in log_to if name not in written]
    return [f"trained before without train.log_to={', '.join(missing)}: nothing is logged now"] if missing else []


def show(options: argparse.Namespace) -> int:
    """Watch until the training ends; exit status 0 where it has finished."""
    run = Run.find(options.run)
    if run.entry("train") is None:
        watch(run, TerminalProgress(), lambda: time.sleep(EVERY))
        run = Run.find(options.run)
    if run.entry("train") is None:
        print(f"{run.folder}: the training was stopped; the same command goes on with it", file=sys.stderr)
        return 1
    metrics = run.record("train", Adapter).metrics
    print(
        f"trained {metrics['train.steps']:,.0f} steps in {metrics['train.seconds']:,.0f} s, "
        f"{metrics['train.tokens_per_second']:,.0f} tokens/s, loss {metrics['train.loss_first']:.3f} "
        f"to {metrics['train.loss_final']:.3f}: {run.folder / PICTURE}"
    )
    return 0


def watch(run: Run, progress: Progress, wait: Callable[[], None]) -> None:
    """Show the view until no command works on the training any more."""
    folder = next((path.parent for path in run.folder.glob(f".scratch-train-*/{FACTS}")), None)
    if folder is None or not _is_worked_on(run):
        raise RunError(f"{run.folder}: no training is in progress", "`make train REPO=...` begins one or goes on")
    facts = _facts(folder)
    view = TrainingView(facts["operations"], _measured_there, facts["processes"])
    with progress.track("training", total=facts["steps"], unit="step") as track:
        track.show(view)
        seen = _take(folder, view, track, -1)
        while _is_worked_on(run) and (folder / FACTS).is_file():
            wait()
            seen = _take(folder, view, track, seen)


def _take(folder: Path, view: TrainingView, track: Track, seen: int) -> int:
    """Take in the steps since step `seen`; those before the first look say nothing about the rate."""
    facts = _facts(folder)
    view.peak, view.measured_at = facts["peak"], facts["measured_at"]
    timings = {line["step"]: line for line in read_lines(folder / TIMINGS)}
    lines = [line for line in steps_of(read_lines(folder / LOG)) if line["step"] in timings]
    new = [line for line in lines if line["step"] > seen]
    for line in new:
        view.add(line, timings[line["step"]])
    (track.advance if seen >= 0 else track.skip)(len(new))
    return max([seen, 0, *(line["step"] for line in new)])


def _facts(folder: Path) -> dict[str, Any]:
    """Read what the training is; when it ends its folder goes, and nothing is known any more."""
    try:
        facts: dict[str, Any] = json.loads((folder / FACTS).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {"steps": None, "operations": None, "processes": 1, "peak": None, "measured_at": 0}
    return facts


def _is_worked_on(run: Run) -> bool:
    try:
        with (run.folder / ".lock").open(encoding="utf-8") as stream:
            fcntl.flock(stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        return False
    return False


def _measured_there() -> float:
    raise AssertionError("the training measures, not who watches it")
