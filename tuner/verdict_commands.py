"""Compose `--gate` of `tuner evaluate` and `tuner compare`: the verdict as an exit status, for a script to act on.

In: a run that has its verdict on the screen. Out: the exit status: 0 ship, 3 no_benefit_shown, 4 harm. 1 and 2 keep
their meaning: there is no verdict.

    tuner evaluate --gate --repo ../your-repository && deploy
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from tuner import screen_commands
from tuner.comparison import Comparison, Verdict
from tuner.rundir import Run

STATUS: dict[Verdict, int] = {"ship": 0, "no_benefit_shown": 3, "harm": 4}
Command = Callable[[argparse.Namespace], int]


def add_gate(command: argparse.ArgumentParser) -> None:
    """Add `--gate`."""
    command.add_argument(
        "--gate", action="store_true", help="end with the verdict: exit status 0 ship, 3 no_benefit_shown, 4 harm"
    )


def add_to(command: argparse.ArgumentParser, opened: Callable[[argparse.Namespace], Any], otherwise: Command) -> None:
    """Add to `evaluate` what asks for a verdict after the training, and what can be asked before it."""
    add_gate(command)
    screen_commands.add_to(command, opened, otherwise)


def ended(run: Run, options: argparse.Namespace) -> int:
    """Give the exit status of a command on `run`, whose verdict is on the screen: with `--gate` it decides."""
    return STATUS[run.record("compare", Comparison).verdict] if getattr(options, "gate", False) else 0
