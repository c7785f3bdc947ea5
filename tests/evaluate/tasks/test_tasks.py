"""Every task is sound: its truth passes, an empty hole fails, and the answer rule keeps the truth whole."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.isolation import needs_isolation
from tuner.errors import DataError
from tuner.evaluate.tasks.reading import parse_tasks, read_tasks
from tuner.evaluate.tasks.running import run_programs
from tuner.truncation import cut

pytestmark = needs_isolation

TASKS = read_tasks()
TRUE = "assert True"


def test_there_are_many_tasks_and_none_twice() -> None:
    kinds = Counter(task.item.kind for task in TASKS)
    assert kinds["body"] >= 100 and kinds["line"] >= 35
    assert len({task.name for task in TASKS}) == len(TASKS) == len({task.item.id for task in TASKS})
    assert len({task.item.target for task in TASKS}) > 140


def test_the_truth_of_every_task_passes_and_an_empty_hole_fails() -> None:
    truths = run_programs([task.program(task.item.target) for task in TASKS])
    assert [task.name for task, ended in zip(TASKS, truths, strict=True) if ended != "passed"] == []
    empties = run_programs([task.program(task.empty) for task in TASKS])
    assert [task.name for task, ended in zip(TASKS, empties, strict=True) if ended == "passed"] == []


def test_an_answer_that_goes_on_is_cut_where_the_truth_ends() -> None:
    for task in TASKS:
        assert cut(task.item, task.item.target + "\n\n\ndef other():\n    return 1\n") == task.item.target, task.name


def test_a_hostile_answer_stops_itself_alone() -> None:
    hostile = {
        "import os\nos._exit(0)": "failed",
        "raise SystemExit(0)": "failed",
        "while True: pass": "timeout",
        "held = []\nwhile True: held.append(b'x' * 2**22)": "memory",
        "import os\nos.kill(os.getppid(), 9)": "failed",
        "input()": "failed",
        "print('passed', flush=True)\nassert False": "failed",
        "open('/tmp/left', 'w').close()": "passed",
        "def broken(:": "failed",
    }
    programs = [each for program in hostile for each in (program, TRUE)]
    expected = [each for ended in hostile.values() for each in (ended, "passed")]
    assert run_programs(programs) == expected


@pytest.mark.parametrize(
    "text", ["=== a\nx = 1\n---\nassert x\n", "=== a\nx = «1»\n", "=== a\n«x» = «1»\n---\nassert x\n"]
)
def test_a_faulty_task_is_named(text: str) -> None:
    message = "mine.txt: task `a` is not code with one hole « », a line ---, and assertions"
    with pytest.raises(DataError) as caught:
        parse_tasks(text, "body", "mine.txt")
    assert caught.value.message == message
