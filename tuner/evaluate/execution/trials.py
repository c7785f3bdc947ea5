"""Run a function's tests in the sandbox with a given body in its place, and say how they ended.

In: a checkout, an item with its tests, and a body. Out: `passed`, `failed`, or what stopped the run, and how many tests
passed where the runner says so, as pytest does. A body passes when the command ends with 0 and, where the truth's run
named a number of passed tests, as many have passed: a body that ends the whole run early is no pass.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from tuner.errors import EvaluateError
from tuner.execution import RunItem
from tuner.recipe_execution import ExecutionSettings
from tuner.sandbox import TREE, Limits, folders_of, run

EMPTY = ("raise NotImplementedError", "pass")  # tests that expect an error tell the first, others the second
REPEATS = 3
_PASSED = re.compile(r"\b(\d+) passed\b")
T = TypeVar("T")
R = TypeVar("R")


class Trials:
    """The checkouts by repository, and how their tests are run."""

    def __init__(self, trees: dict[str, Path], settings: ExecutionSettings) -> None:
        self.trees = trees
        self.settings = settings
        self.python = interpreter(settings)
        self.limits = Limits(settings.test_seconds, settings.test_memory_mib)

    def attempt(self, question: RunItem, body: str) -> tuple[str, int | None]:
        """Say how the tests ended with this body, and how many passed."""
        item = question.item
        words = []
        for word in shlex.split(self.settings.test_command):
            words += question.tests if word == "{tests}" else [word]
        if words[0] == "python":
            words[0] = str(self.python)
        outcome = run(
            words,
            self.limits,
            tree=self.trees[item.repo],
            files={item.path: item.prefix + body + item.suffix},
            readable=folders_of(self.python),
            environment={
                "PATH": f"{self.python.parent}:/usr/local/bin:/usr/bin:/bin",
                "PYTHONPATH": ":".join(os.path.normpath(f"{TREE}/{each}") for each in self.settings.python_path),
                "PYTHONDONTWRITEBYTECODE": "1",
                "PYTHONHASHSEED": "0",
            },
        )
        counted = _PASSED.findall(outcome.output)
        passed = int(counted[-1]) if counted else None
        if outcome.passed and question.passed in (None, passed):
            return "passed", passed
        return ("failed" if outcome.ended == "exited" else outcome.ended), passed

    def reason_against(self, question: RunItem) -> tuple[str | None, int | None]:
        """Say why an item tells nothing, None where it does, and how many tests pass with the truth."""
        ended, passed = self.attempt(question, question.item.target)
        if ended != "passed":
            return f"the truth does not pass: {ended}", None
        known = RunItem(question.item, question.tests, passed)
        if any(self.attempt(known, body)[0] == "passed" for body in EMPTY):
            return "an empty body passes", None
        for _ in range(REPEATS - 1):
            if self.attempt(known, question.item.target)[0] != "passed":
                return "repeats do not agree", None
        return None, passed


def interpreter(settings: ExecutionSettings) -> Path:
    """Give the interpreter that runs the tests; one that is missing is refused."""
    path = Path(settings.python).expanduser() if settings.python else Path(sys.executable)
    if not path.is_file() or not os.access(path, os.X_OK):
        raise EvaluateError(
            f"`evaluate.python` is {path}: no program", "give the path of an interpreter, such as .venv/bin/python"
        )
    return path


def on_all_cores(function: Callable[[T], R], values: Iterable[T]) -> Iterator[R]:
    """Apply a function to values, one for each core at a time, and yield the answers in order."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        yield from pool.map(function, values)
