"""Let contestants take turns, a step each, so that a machine whose speed wanders slows all of them alike.

In: a module with contestants, and a job for each. Out: what each measured; steps of the same number lie next to each
other in time, so that their ratio says more than that of two runs. All are loaded, one after another, before the first
step; who waits holds its memory and uses no core. A contestant is written as for `contest.run_once`, and calls
`Turn.over` when it is ready and after each step; alone, it never waits.
"""

from __future__ import annotations

import contextlib
import os
import select
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from benchmarks.contest import LOOKS_PER_SECOND, Contestant, Measured
from tuner.progress import TerminalProgress

ENDS = "TUNER_TURN"  # the two pipe ends of a contestant: where it is asked, and where it answers
Together = Callable[[str, Mapping[str, dict[str, Any]]], dict[str, Measured]]


class Turn:
    """A contestant's side of it."""

    def __init__(self) -> None:
        given = os.environ.pop(ENDS, "")  # what the contestant starts has no turns of its own
        self._ends = tuple(map(int, given.split(","))) if given else None

    def over(self) -> None:
        """Say that a step is done, and wait until the next one is asked for."""
        if self._ends is None:
            return
        asked, answers = self._ends
        os.write(answers, b".")
        if not os.read(asked, 1):
            raise SystemExit("who gave the turns has ended")


class _Player:
    """The other side: a contestant that is asked for one step at a time, until it has `measured`."""

    measured: Measured | None = None

    def __init__(self, module: str, job: dict[str, Any]) -> None:
        asked, self._ask = os.pipe()
        self._answers, answer = os.pipe()
        self.contestant = Contestant(module, job, (asked, answer), **{ENDS: f"{asked},{answer}"})
        os.close(asked)
        os.close(answer)

    def load(self) -> None:
        """Wait until it is ready for its first step."""
        self._wait()

    def step(self) -> None:
        """Ask for a step, and wait for its end."""
        with contextlib.suppress(BrokenPipeError):  # it was ended while it waited
            os.write(self._ask, b".")
        self._wait()

    def close(self) -> None:
        os.close(self._ask)
        os.close(self._answers)

    def _wait(self) -> None:
        while not select.select([self._answers], [], [], 1 / LOOKS_PER_SECOND)[0]:
            self.contestant.look()
        if not os.read(self._answers, 1):
            self.measured = self.contestant.measured()


def run_in_turns(module: str, jobs: Mapping[str, dict[str, Any]]) -> dict[str, Measured]:
    """Run contestants step by step in the order of `jobs`, and give what each measured; one that fails ends all."""
    with TerminalProgress().track("taking turns", total=None, unit="step") as track, ExitStack() as stack:
        players: dict[str, _Player] = {}
        for name, job in jobs.items():
            players[name] = player = _Player(module, job)
            stack.callback(player.close)
            stack.enter_context(player.contestant)
            player.load()
        measured: dict[str, Measured] = {}
        while len(measured) < len(players):
            for name, player in players.items():
                if player.measured is None:
                    player.step()
                    track.advance(1)
                if player.measured is not None:
                    measured[name] = player.measured
        return measured
