"""Find functions whose bodies were written or changed after the cut, and the tests that name them.

In: the Python files of a checkout at the tip and of one at the cut. Out: an item for each function, its hole all that
follows the docstring, with the node ids of the tests whose source names the function (of `__init__` and its like, the
class); those that name it in their own name come first. Counted as dropped: functions in tests, bodies as at the cut,
bodies that say nothing or too much, and functions that no test names.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tuner.execution import RunItem
from tuner.records import Item, content_id
from tuner.truncation import cut

TEST_PATH = re.compile(r"(^|/)tests?/|(^|/)(test_[^/]*|conftest)\.py$|_test\.py$")
MOST_TESTS = 20
MOST_BYTES = 400_000
_WORD = re.compile(r"[^\W\d]\w*")
Definition = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class Function:
    """A function with a body worth asking for; `named` is the word that a test of it must hold."""

    qualified: str
    named: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Test:
    """A test function and the words of its source."""

    node: str
    words: frozenset[str]


def candidates(tip: Path, before: Path, repo: str, revision: str) -> tuple[list[RunItem], Counter[str]]:
    """Give the items of one repository, and how many functions were dropped for which reason."""
    old = {
        (function.qualified, text[function.start : function.end])
        for _, text in python_files(before)
        for function in functions(text)
    }
    tests = [test for path, text in python_files(tip) if TEST_PATH.search(path) for test in tests_of(path, text)]
    found, counts = [], Counter[str]()
    for path, text in python_files(tip):
        if TEST_PATH.search(path):
            continue
        for function in functions(text):
            counts["functions"] += 1
            target = text[function.start : function.end]
            if (function.qualified, target) in old:
                counts["as at the cut"] += 1
                continue
            item = Item(
                id=content_id("run", repo, path, function.qualified, text),
                repo=repo,
                path=path,
                language="python",
                commit=revision,
                committed_at=0,
                cursor="boundary",
                prefix=text[: function.start],
                suffix=text[function.end :],
                target=target,
                novel=True,
                kind="body",
            )
            if cut(item, target + item.suffix) != target:
                counts["longer than an answer may be"] += 1
                continue
            touching = [test for test in tests if function.named in test.words]
            touching.sort(key=lambda test: (function.named not in test.node.rpartition("::")[2], test.node))
            if touching:
                found.append(RunItem(item, [test.node for test in touching[:MOST_TESTS]], None))
            else:
                counts["no test names it"] += 1
    return found, counts


def python_files(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield the path and text of each Python file; links are not followed, and what is no UTF-8 is left out."""
    for path in sorted(folder.rglob("*.py")):
        if path.is_symlink() or not path.is_file() or path.stat().st_size > MOST_BYTES:
            continue
        try:
            text = path.read_bytes().decode("utf-8")
        except UnicodeDecodeError:
            continue
        if "\r" not in text and "\f" not in text:  # places are counted in lines that end with a newline
            yield path.relative_to(folder).as_posix(), text


def functions(text: str) -> Iterator[Function]:
    """Yield the functions and methods of a module that say more than `pass`; those inside functions are left out."""
    lines = text.split("\n")
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line) + 1)

    def place(line: int, column: int) -> int:
        return starts[line - 1] + len(lines[line - 1].encode("utf-8")[:column].decode("utf-8"))

    for qualified, node in _definitions(text):
        body = node.body[1:] if ast.get_docstring(node, clean=False) is not None else node.body
        if all(_says_nothing(each) for each in body):
            continue
        first = min([body[0].lineno, *(each.lineno for each in getattr(body[0], "decorator_list", []))])
        start = place(first, body[0].col_offset)
        if text[starts[first - 1] : start].strip():  # on the line of its `def`
            continue
        owner = qualified.split(".")[-2] if "." in qualified else ""
        named = owner if node.name.startswith("__") and owner else node.name
        yield Function(qualified, named, start, place(body[-1].end_lineno or 0, body[-1].end_col_offset or 0))


def tests_of(path: str, text: str) -> Iterator[Test]:
    """Yield the tests of a file as pytest names them."""
    lines = text.split("\n")
    for qualified, node in _definitions(text):
        if node.name.startswith("test"):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            source = "\n".join(lines[first - 1 : node.end_lineno])
            yield Test("::".join([path, *qualified.split(".")]), frozenset(_WORD.findall(source)))


def _definitions(text: str) -> Iterator[tuple[str, Definition]]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):  # of another Python, or no Python at all
        return
    waiting: list[tuple[str, ast.stmt]] = [("", each) for each in reversed(tree.body)]
    while waiting:
        owner, node = waiting.pop()
        if isinstance(node, Definition):
            yield f"{owner}{node.name}", node
        elif isinstance(node, ast.ClassDef):
            waiting += [(f"{owner}{node.name}.", each) for each in reversed(node.body)]


def _says_nothing(node: ast.stmt) -> bool:
    if isinstance(node, ast.Raise):
        return "NotImplementedError" in ast.unparse(node)
    return isinstance(node, ast.Pass) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
