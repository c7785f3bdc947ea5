"""Read the general tasks that come with the program: what a base can do that has nothing to do with the repository.

In: the text files beside this module, written for this purpose. Out: items, and the program that checks an answer. A
task is a function or class with one hole between « and », then a line of three hyphens, then assertions:

    === average
    def average(numbers):
        \"\"\"Return the mean of the numbers, or 0.0 for an empty list.\"\"\"
        «if not numbers:
            return 0.0
        return sum(numbers) / len(numbers)»
    ---
    assert average([]) == 0.0 and average([2, 4]) == 3

In `bodies_*.txt` the hole is all that follows the docstring, in `lines_*.txt` the rest of one line. A faulty file stops
with the task's name: nothing is left out.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib.resources import files

from tuner.errors import DataError
from tuner.records import Item, ItemKind, content_id

_TASK = re.compile(r"(?ms)^=== (\w+)\n(.*?)(?=^=== |\Z)")
_PARTS = re.compile(r"(?s)([^«»]*)«([^«»]+)»([^«»]*?)\n---\n([^«»]+)")
KINDS: dict[str, ItemKind] = {"bodies": "body", "lines": "line"}


@dataclass(frozen=True, slots=True)
class Task:
    """A function with a hole, as an item, and the assertions that the whole function must satisfy."""

    name: str
    item: Item
    check: str

    def program(self, answer: str) -> str:
        """Write the function with an answer in its hole, and its assertions."""
        return f"{self.item.prefix}{answer}{self.item.suffix}\n\n\n{self.check}"

    @property
    def empty(self) -> str:
        """Give the answer that says nothing, and must fail."""
        return "pass" if self.item.kind == "body" else ""


def read_tasks() -> list[Task]:
    """Give all tasks, in the order of their files and places."""
    found: list[Task] = []
    for path in sorted(files(__package__).iterdir(), key=lambda path: path.name):
        kind = KINDS.get(path.name.partition("_")[0])
        if kind is not None:
            found += parse_tasks(path.read_text(encoding="utf-8"), kind, path.name)
    return found


def parse_tasks(text: str, kind: ItemKind, where: str) -> list[Task]:
    """Read the tasks of one file."""
    tasks = []
    for name, body in _TASK.findall(text):
        parts = _PARTS.fullmatch(body)
        if parts is None:
            raise DataError(f"{where}: task `{name}` is not code with one hole « », a line ---, and assertions")
        prefix, target, suffix, check = parts.groups()
        item = Item(
            id=content_id("task", kind, prefix, target, suffix, check),
            repo="tasks",
            path=f"{name.removeprefix('line_')}.py",
            language="python",
            commit=name,
            committed_at=0,
            cursor="boundary",
            prefix=prefix,
            suffix=suffix,
            target=target,
            novel=True,
            kind=kind,
        )
        tasks.append(Task(name, item, check))
    return tasks
