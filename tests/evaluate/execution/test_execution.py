"""A made-up repository whose functions are run: which become items, and what right, empty and hostile answers give."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest

from tests.isolation import needs_isolation
from tuner.errors import EvaluateError
from tuner.evaluate import execute
from tuner.evaluate.execution import prepare
from tuner.evaluate.execution.functions import candidates
from tuner.evaluate.execution.trials import interpreter
from tuner.execution import Execution, ItemsToRun, RunItem
from tuner.progress import Progress
from tuner.recipe import EvaluateSettings
from tuner.records import Item, Prediction, Rejected, read_jsonl
from tuner.rundir import Workspace

pytestmark = needs_isolation

BEFORE = "def kept(a):\n    return a + 1\n"
TIP = '''\
def kept(a):
    return a + 1


def double(a):
    """Give twice as much."""
    result = a * 2
    return result


def idle(a):
    return None


def broken(a):
    return a - 1


def flaky():
    return open(__file__).name


def unnamed(a):
    return a


def todo():
    raise NotImplementedError


def nothing():
    ...
    return None


class Box:
    def __init__(self, size):
        self.size = size
'''
TESTS = """\
import sys

from shop import *


def test_double():
    assert double(2) == 4


def test_idle():
    try:
        idle(1)
    except NotImplementedError:
        pass


def test_nothing():
    assert nothing() is None


def test_broken():
    assert broken(1) == 2


def test_box():
    assert Box(3).size == 3


def test_kept():
    assert kept(1) == 2


if __name__ == "__main__":
    for node in sys.argv[1:]:
        globals()[node.split("::")[1]]()
    print(f"{len(sys.argv) - 1} passed")
"""
SETTINGS = EvaluateSettings(
    test_command="python -S tests/test_shop.py {tests}", test_seconds=60, test_memory_mib=256, execution_items=10
)


class Fixed:
    """A system that answers by a rule."""

    batch = 4
    times_alone = False

    def __init__(self, name: str, rule: Callable[[Item], str]) -> None:
        self.name, self.rule = name, rule
        self.about: dict[str, str] = {}

    def answer(self, items: Sequence[Item]) -> Iterator[Prediction]:
        for item in items:
            text = self.rule(item)
            yield Prediction(item.id, text, text, None, len(item.target), None, None, None)

    def complete(self, item: Item) -> str:
        return self.rule(item)

    def figures(self, items: Sequence[Item]) -> dict[str, float]:
        return {}


class Shop:
    """The made-up repository, and a run folder for what is done with it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.tip, self.before = folder, folder / "tip", folder / "before"
        for path, text in (("tip/src/shop.py", TIP), ("before/old.py", BEFORE), ("tip/tests/test_shop.py", TESTS)):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text, encoding="utf-8")

    def work(self, scratch: str) -> Workspace:
        (self.folder / scratch).mkdir(exist_ok=True)
        return Workspace(self.folder / "run", self.folder / "run", self.folder / scratch, Progress())

    def prepare(self, scratch: str = "scratch") -> ItemsToRun:
        return prepare.run({"shop": (self.tip, self.before, "c")}, SETTINGS, 17, self.work(scratch))

    def execute(self, name: str, rule: Callable[[Item], str], base: Execution | None = None) -> Execution:
        opened = nullcontext(Fixed(name, rule))
        trees = {"shop": self.tip}
        return execute.run(name, opened, False, "eval/run_items.jsonl", trees, base, SETTINGS, 17, self.work(name))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    made = Shop(tmp_path_factory.mktemp("shop"))
    made.prepare()
    return made


def test_only_functions_that_changed_and_that_a_test_names_are_tried(shop: Shop) -> None:
    found, counts = candidates(shop.tip, shop.before, "shop", "c")
    assert sorted(each.tests for each in found) == [
        ["tests/test_shop.py::test_box"],
        ["tests/test_shop.py::test_broken"],
        ["tests/test_shop.py::test_double"],
        ["tests/test_shop.py::test_idle"],
        ["tests/test_shop.py::test_nothing"],
    ]
    assert counts == {"functions": 8, "as at the cut": 1, "no test names it": 2}
    double = next(each.item for each in found if "double" in each.tests[0])
    assert double.prefix.endswith('    """Give twice as much."""\n    ') and double.kind == "body"
    assert double.prefix + double.target + double.suffix == TIP


def test_an_item_counts_if_its_truth_passes_and_an_empty_body_fails(shop: Shop) -> None:
    items = list(read_jsonl(shop.folder / "run/eval/run_items.jsonl", RunItem))
    assert sorted(each.tests[0].partition("::")[2] for each in items) == ["test_box", "test_double"]
    assert [each.passed for each in items] == [1, 1]
    rejected = list(read_jsonl(shop.folder / "run/eval/run_rejected.jsonl", Rejected))
    assert {each.source.rpartition("_")[2]: each.reason for each in rejected} == {
        "idle": "an empty body passes",
        "nothing": "an empty body passes",
        "broken": "the truth does not pass: failed",
    }


def test_truth_passes_all_an_empty_answer_none_and_the_difference_says_so(shop: Shop) -> None:
    empty = shop.execute("base", lambda item: "")
    assert empty.metrics["eval.base.pass_at_1"] == 0.0
    truth = shop.execute("tuned", lambda item: item.target, empty)
    assert truth.metrics["eval.tuned.pass_at_1"] == 1.0
    assert truth.metrics["eval.tuned_vs_base.pass_at_1.delta"] == 1.0
    assert truth.metrics["eval.tuned.pass_at_1_items"] == 2.0
    assert truth.changes["repository"].gate is None
    written = json.loads((shop.folder / "run/eval/tuned.repository.json").read_text())
    assert [each["ended"] for each in written["attempts"]] == ["passed", "passed"]


def test_an_answer_that_ends_the_run_or_never_ends_does_not_pass(shop: Shop) -> None:
    done = shop.execute("ends", lambda item: "import os\n        os._exit(0)" if "Box" in item.target else "exit(0)")
    assert done.metrics["eval.ends.pass_at_1"] == 0.0


def test_attempts_that_a_killed_run_had_made_are_kept(shop: Shop) -> None:
    first = shop.execute("again", lambda item: item.target)
    kept = shop.folder / "again/attempts.jsonl"
    kept.write_text(kept.read_text().replace('"passed"', '"memory"', 1))  # as no second run would find it
    second = shop.execute("again", lambda item: item.target)
    assert first.metrics["eval.again.pass_at_1"] == 1.0
    assert second.metrics["eval.again.pass_at_1"] == 0.5


def test_an_interpreter_that_is_missing_is_refused() -> None:
    with pytest.raises(EvaluateError) as caught:
        interpreter(EvaluateSettings(python="/nowhere/python"))
    assert str(caught.value) == (
        "`evaluate.python` is /nowhere/python: no program\n"
        "hint: give the path of an interpreter, such as .venv/bin/python"
    )
