"""Compose `tuner evaluate --screen`: will tuning help here? What can be said before any training.

In: a repository. Out, on stdout: what the base and plain retrieval make of its later lines, how well the base knows it
already, and a prediction of the gain. It is kept in the run, which is the one that `make train` goes on with: nothing
is done twice, and the outcome is printed beside the prediction.

    tuner evaluate --screen ../your-repository
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

from tuner import screen
from tuner.errors import RunError
from tuner.pipeline import Pipeline
from tuner.rundir import locked

Command = Callable[[argparse.Namespace], int]


def add_to(
    command: argparse.ArgumentParser, opened: Callable[[argparse.Namespace], Pipeline], otherwise: Command
) -> None:
    """Add `--screen` to `evaluate`; without it, it does what it did, which is `otherwise`."""
    command.add_argument(
        "--screen", nargs="?", const="", metavar="REPO", help="before any training: what is known, and a prediction"
    )
    command.set_defaults(
        function=lambda options: otherwise(options) if options.screen is None else screened(options, opened)
    )


def screened(options: argparse.Namespace, opened: Callable[[argparse.Namespace], Pipeline]) -> int:
    """Screen a repository and print what was found."""
    if options.run is not None or options.gate:
        raise RunError("--screen comes before any training; --run and --gate come after it", "leave them out")
    if options.screen and options.repo and options.screen != options.repo:
        raise RunError(f"--screen {options.screen} and --repo {options.repo} name two repositories", "leave one out")
    options.repo = options.screen or options.repo
    pipeline = opened(options)
    with locked(pipeline.run.folder):
        found = pipeline.screening()
    print("\n".join([*screen.screening_lines(found), f"  {'run':<14}{pipeline.run.folder}"]))
    return 0
