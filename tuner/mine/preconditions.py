"""Tell tests that need what nothing shown brings: fixtures named in strings, files of other tests, Python 2.

In: the text of a test, its language and what is shown beside it; for methods in assertions its tree as well. Out: the
reason why it is dropped, or None; the names of fixtures and methods that must be shown. Paths are judged by how a file
is opened, so a file that is expected to be missing, or that the test or its set-up makes, is no reason.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tree_sitter import Node

from tuner.mine.parsed import Parsed
from tuner.mine.test_code import TestFunction

ASKED = re.compile(r"\busefixtures\(([^()]*)\)")
QUOTED = re.compile(r"[\"']([A-Za-z_]\w*)[\"']")
# What pytest itself brings along.
_OF_PYTEST = (
    "cache capfd capfdbinary caplog capsys capsysbinary doctest_namespace monkeypatch pytestconfig pytester "
    "record_property record_testsuite_property recwarn request testdir tmp_path tmp_path_factory tmpdir "
    "tmpdir_factory"
)
OF_PYTEST = frozenset(_OF_PYTEST.split())
PYTHON_2 = re.compile(r"(?<![\w\"'\\])u(?:\"|'(?!\s))|\bPY2\b|\bunicode\(|\bsys\.version_info\s*(?:\[0\]|<\s*\(3,?\))")
BRANCH_OF_2 = re.compile(r"\b(?:if|elif|else|skipif)\b[^\n]*\bPY[23]\b|\bPY[23]\s+(?:and|or|else)\b")
OPENS = re.compile(
    r"\b(?:buffered_file|file|ifstream|fopen|open|FileReader|FileInputStream|read_to_string|ReadFile|readFile(?:Sync)?|Open)"
    r"(?:\s+\w+)?\s*[({]\s*[frb]?([\"'])(?!/dev/)(?P<path>[^\"'\n{}%]+)\1(?P<rest>[^()\n]*)"
)
MAKES = re.compile(
    r"CREAT|\b(?:mkdir|touch|isolated\w*|output_file|tmp\w*|temp\w*|write_(?:text|bytes)|[wW]riteFile\w*)\b|\b[cC]reate\w*\(|mk[sd]?temp|[tT]emp(?:Dir|File)"
    r"|,\s*(?:mode\s*=\s*)?[\"'][wax]b?\+?[\"']|\bofstream\b|\b[mM]ock|\bpatch"
)
MISSING = re.compile(
    r"ENOENT|non[-_ ]?exist|no[-_ ]?such|missing|not?[-_ ]?(?:found|exist)|FileNotFound|NotExist", re.IGNORECASE
)


def asked_fixtures(text: str) -> set[str]:
    """Give the fixtures that a Python test asks for by name, in strings."""
    return {name for given in ASKED.findall(text) for name in QUOTED.findall(given)} - OF_PYTEST


def unmet(text: str, language: str, fixtures: Iterable[str], shown: str) -> str | None:
    """Say what a test needs and nothing shown brings."""
    if language == "python":
        if PYTHON_2.search(text) or BRANCH_OF_2.search(text) or BRANCH_OF_2.search(shown):
            return "python_2"
        if any(re.search(rf"\bdef {name}\b|name=[\"']{name}[\"']", shown) is None for name in asked_fixtures(text)):
            return "fixtures_not_shown"
    made = "\n".join([text, *fixtures])
    opened = any(not MAKES.search(found["rest"]) for found in OPENS.finditer(text))
    return "fixtures_not_shown" if opened and not MAKES.search(made) and not MISSING.search(text) else None


def asserted_methods(file: Parsed, test: TestFunction, tested: str) -> frozenset[str]:
    """Give the methods that a Python test calls in its assertions, where none of these calls what is tested."""
    if file.language.name != "python":
        return frozenset()
    names: set[str] = set()
    around = file.tree.root_node.descendant_for_byte_range(test.start, max(test.start, test.end - 1))
    waiting: list[tuple[Node, bool]] = [(around, False)] if around is not None else []
    while waiting:
        node, is_asserted = waiting.pop()
        if node.end_byte <= test.start or node.start_byte >= test.end:
            continue
        is_asserted = is_asserted or node.type == "assert_statement"
        called = node.child_by_field_name("function") if is_asserted and node.type == "call" else None
        if called is not None:
            name = called.child_by_field_name("attribute") or called
            names.add((name.text or b"").decode("utf-8", "replace"))
        waiting.extend((child, is_asserted) for child in node.named_children)
    return frozenset() if tested in names else frozenset(names)
