"""Calls and bodies are found in what a commit added, and only where all of them was added."""

from __future__ import annotations

import pytest

from tuner.mine.languages import language_of
from tuner.mine.parsed import Parsed
from tuner.mine.spans import spans
from tuner.records import Item, Span
from tuner.truncation import cut

PYTHON = '''\
class Counter(Base):
    def count(self, rows):
        """Count the rows."""
        for row in rows:
            total = self.size(row)
            self.total += total

        return self.total
'''
SOURCES = {
    "a.py": (
        PYTHON,
        ["total = self.size(row)\n            self.total += total"],
        ["for row in rows:", "self.total"],
    ),
    "a.ts": (
        "test('counts', () => {\n  const found = new Counter(rows);\n"
        "  if (found.size) {\n    a();\n    b();\n  }\n});\n",
        ["a();\n    b();"],
        ["const found", "}"],
    ),
    "a.go": (
        "func Count(rows []int) int {\n\ttotal := 0\n\tfor _, row := range rows {\n\t\tlog.Print(row)\n"
        "\t\ttotal += row\n\t}\n\treturn total\n}\n",
        ["log.Print(row)\n\t\ttotal += row"],
        ["total := 0", "return total"],
    ),
    "A.java": (
        "class A {\n  int count(List rows) {\n    int total = 0;\n    while (rows.isEmpty()) {\n      total++;\n"
        "      rows.pop();\n    }\n    return total;\n  }\n}\n",
        ["total++;\n      rows.pop();"],
        ["int total", "return total;"],
    ),
    "a.rs": (
        "fn count(rows: &[u8]) -> usize {\n    match rows.first() {\n        Some(_) => one(),\n"
        "        None => 0,\n    }\n}\n",
        ["Some(_) => one(),\n        None => 0,"],
        ["match rows", "}"],
    ),
    "a.cpp": (
        "int count(Rows& rows) {\n  for (auto& row : rows) {\n    row->mark(1);\n    total += row.size();\n  }\n"
        "  return total;\n}\n",
        ["row->mark(1);\n    total += row.size();"],
        ["for (auto", "return total;"],
    ),
}


def found(text: str, path: str = "a.py", first: int = 0, last: int | None = None) -> list[Span]:
    language = language_of(path)
    assert language is not None
    return spans(Parsed(text, language), first, text.count("\n") if last is None else last)


def texts(text: str, path: str, kind: str) -> list[str]:
    return [text[each.start : each.end] for each in found(text, path) if each.kind == kind]


@pytest.mark.parametrize("path", SOURCES)
def test_each_language_has_bodies_of_statements_and_of_functions(path: str) -> None:
    text, blocks, (begin, end) = SOURCES[path]
    assert texts(text, path, "block") == blocks
    (body,) = texts(text, path, "body")
    assert body.startswith(begin) and body.endswith(end)
    assert '"""' not in body


@pytest.mark.parametrize("path", SOURCES)
def test_the_rule_that_cuts_answers_ends_a_body_where_the_tree_does(path: str) -> None:
    text, language = SOURCES[path][0], language_of(path)
    assert language is not None
    for each in found(text, path):
        if each.kind != "call":
            fields = ("i", "r", path, language.name, "c", 0, "boundary", text[: each.start], "", "", True, each.kind)
            assert cut(Item(*fields), text[each.start :]) == text[each.start : each.end]  # type: ignore[arg-type]


def test_a_call_is_asked_from_its_bracket_and_from_its_dot_on() -> None:
    assert texts(PYTHON, "a.py", "call") == ["size(row)", "row)", "total += total", "total"]
    assert "rows);" in texts(SOURCES["a.ts"][0], "a.ts", "call")
    assert "mark(1);" in texts(SOURCES["a.cpp"][0], "a.cpp", "call")


def test_the_bases_of_a_class_and_the_name_of_a_module_are_no_call() -> None:
    assert found("import os.path\n\n\nclass Counter(Base, metaclass=Meta):\n    pass\n") == []


def test_a_body_that_was_added_only_in_part_is_left_out() -> None:
    kinds = [each.kind for each in found(PYTHON, first=2) if each.kind != "call"]
    assert kinds == ["block"]  # the head of the function is older
    assert [each.kind for each in found(PYTHON, last=5) if each.kind != "call"] == []


def test_offsets_are_characters_of_the_added_lines() -> None:
    text = "größe = 1\nnaïve = größe.maß(größe)\n"
    (member, arguments) = found(text, first=1)
    added = text[text.index("\n") + 1 :]
    assert added[member.start : member.end] == "maß(größe)"
    assert added[arguments.start : arguments.end] == "größe)"


@pytest.mark.parametrize(
    "body",
    [
        "    return 1\n",  # one line: that is a line's item
        "".join(f"    x{n} = {n}\n" for n in range(16)),
        "".join(f"    {'x' * 90} = {n}\n" for n in range(10)),
    ],
    ids=["one line", "many lines", "long lines"],
)
def test_a_body_that_nobody_types_at_once_is_left_out(body: str) -> None:
    assert [each for each in found(f"def f():\n{body}") if each.kind != "call"] == []


def test_a_body_with_text_beside_its_brackets_is_left_out() -> None:
    for text in ("void f() { a();\n  b();\n  c();\n}\n", "void f() {\n  a();\n  b(); }\n"):
        assert [each for each in found(text, "a.c") if each.kind != "call"] == []
    assert [each.kind for each in found("void f() {  // why\n  a();\n  b();\n}\n", "a.c") if each.kind != "call"] == [
        "body"
    ]
