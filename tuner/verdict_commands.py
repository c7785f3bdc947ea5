"""Compose `--gate` of `tuner evaluate` and `tuner compare`: the verdict as an exit status, for a script to act on.

In: a run that is brought up to its verdict, or a finished one (`--run`). Out: the verdict with its reason and its gates
on stdout, and the exit status: 0 ship, 3 no_benefit_shown, 4 harm. 1 and 2 keep their meaning: there is no verdict.

    tuner evaluate --gate --repo ../your-repository && deploy
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from tuner import screen, screen_commands
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


def last_stage(options: argparse.Namespace, otherwise: str) -> str:
    """Name the stage to stop at: a verdict needs the comparison."""
    return "compare" if getattr(options, "gate", False) else otherwise


def ended(run: Run, options: argparse.Namespace) -> int:
    """Give the exit status of a command on `run`; with `--gate`, print the verdict and let it decide."""
    if not getattr(options, "gate", False):
        return 0
    comparison = run.record("compare", Comparison)
    print("\n".join([*screen.verdict_lines(comparison), *screen.forecast_lines(run, comparison)]))
    return STATUS[comparison.verdict]
