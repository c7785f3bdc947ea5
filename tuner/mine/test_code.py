"""Tell tests from what they test, and find the test functions of a file.

In: a path, or a file's tree. Out: whether a path is that of a test file; the test functions with the names that they
call; the ranges of a file that hold its own tests (Rust). The rules are those of each language's usual test runner.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from tree_sitter import Node

from tuner.mine import syntax
from tuner.mine.history import Hunk
from tuner.mine.languages import Language
from tuner.mine.parsed import Parsed, parsed

TEST_PATH = re.compile(
    r"(^|/)(tests?|testing|__tests__|testsuites?|specs?|e2e)/"
    r"|(^|/)src/(?:test\w*|\w+Test\w*)/"
    r"|(^|/)(test_[^/]*|conftest)\.py$|_test\.(py|go|cc|cpp|c|rs|dart|exs)$|-test\.(cc|cpp|c)$|_unittest\.(cc|cpp)$"
    r"|\.(test|spec)\.[cm]?[jt]sx?$|(Test|Tests|TestCase|IT)\.(java|kt|scala|cs|swift|php)$|_spec\.rb$|\.tcl$"
)
SCRIPTS = ("javascript", "typescript", "tsx")
RUST_TEST = re.compile(r"#\[\s*(?:\w+::)*test\b")
JAVA_TEST = re.compile(r"@(?:\w+\.)*(?:\w*Test|Theory)\b")
MACRO_TEST = re.compile(r"(?:TYPED_)?TEST(?:_F|_P|_CASE|_CASE_METHOD)?")
CALLED = re.compile(rb"\b([A-Za-z_]\w*)\s?\(")
CALLABLE = re.compile(rb"[A-Za-z_$][\w$]*")
MAYBE_TEST = re.compile(  # the line that begins a test, in any of the languages
    rb"\b(?:def|func)\s+\(?[Tt]est|@\w*Test|\bvoid\s+\w+\s*\(|\b(?:test|it)\b[.\w]*\(|#\[[\w:]*test|\bTEST\w*\s*\(|\bfn\s"
)
TEST_HEAD = {  # where the line that begins a test also names it
    "python": re.compile(rb"\bdef\s+(test\w*)"),
    "go": re.compile(rb"\bfunc\s+((?:Test|Fuzz)\w*)"),
}
DEFINED = re.compile(r"\b(?:def|func)\s+(\w+)")


@dataclass(frozen=True, slots=True)
class TestFunction:
    """One test: its name (or title), and its bytes from the start of its first line."""

    name: str
    start: int
    end: int


def is_test_path(path: str) -> bool:
    """Tell a test file by its path."""
    return TEST_PATH.search(path) is not None


def may_hold_tests(path: str, language: Language) -> bool:
    """Tell whether a file may hold tests: by its path, or because its language has them beside the code."""
    return is_test_path(path) or language.name == "rust"


def heads_of_tests(path: str, language: Language, hunks: Iterable[Hunk]) -> list[bytes]:
    """Give the added lines that may begin a test; a look at them is cheap, and most commits have none."""
    if not may_hold_tests(path, language):
        return []
    return [line for hunk in hunks for line in hunk.added() if MAYBE_TEST.search(line)]


def may_add_tests(path: str, language: Language, old: str | None, hunks: Iterable[Hunk]) -> bool:
    """Look at the added lines, and for the names on them at the old text, before anything is parsed."""
    heads = heads_of_tests(path, language, hunks)
    head = TEST_HEAD.get(language.name)
    if not heads or head is None or old is None:
        return bool(heads)
    names = {match[1].decode("utf-8", "replace") for line in heads if (match := head.search(line))}
    return not names <= names_of_tests(old, language)


def names_of_tests(text: str | None, language: Language) -> set[str]:
    """Give the names of a file's tests, perhaps among others; where their first lines name them, it is not parsed."""
    if text is None:
        return set()
    if language.name in TEST_HEAD:
        return set(DEFINED.findall(text))
    return {each.name for each in test_functions(parsed(text, language))}


def test_functions(file: Parsed) -> list[TestFunction]:
    """List a file's tests in order."""
    if file.language.name in SCRIPTS:
        return _script_tests(file)
    named = ((_title(each[0], file.text(*each[1:]), file.language), *each[1:]) for each in file.functions)
    return [TestFunction(title, start, end) for title, start, end in named if title is not None]


def called_names(file: Parsed, test: TestFunction) -> set[str]:
    """Collect the names that a test calls, without the functions that it defines.

    A call is a name before an opening bracket: inside Rust macros too, where the tree knows no calls. A constructor is
    none: nearly every test makes its objects by one.
    """
    first = next(at for at in range(test.start, test.end) if file.data[at : at + 1].strip())
    tokens = [token for _, token in syntax.code_tokens(file.tree, file.language, first, test.end)]
    called = {
        name.decode("utf-8", "replace")
        for before, (name, following) in zip([b"", *tokens], pairwise(tokens), strict=False)
        if following == b"(" and before != b"new" and CALLABLE.fullmatch(name)
    }
    return called - {name for name, start, end in file.functions if test.start <= start and end <= test.end}


def roughly_called(file: Parsed, test: TestFunction) -> set[str]:
    """Collect the names before an opening bracket without a look at the tree: for counting over all tests of a file."""
    return {name.decode("utf-8", "replace") for name in CALLED.findall(file.data, test.start, test.end)}


def own_test_ranges(file: Parsed) -> list[tuple[int, int]]:
    """List the half-open ranges of lines, from 0, in which a Rust file holds its own tests."""
    if file.language.name != "rust":
        return []
    ranges = []
    for node in file.tree.root_node.children:
        before = node.prev_named_sibling
        if node.type != "mod_item" or before is None or before.type != "attribute_item":
            continue
        if b"test" in (before.text or b""):
            ranges.append((before.start_point.row, node.end_point.row + 1))
    return ranges


def _title(name: str, text: str, language: Language) -> str | None:
    """Give the name of a function that is a test; None for others."""
    if language.name == "python":
        return name if name.startswith("test") else None
    if language.name == "go":
        return name if re.match(r"(?:Test|Fuzz)(?![a-z])", name) else None
    if language.name == "java":
        return name if name.startswith("test") or JAVA_TEST.search(text.split(name, 1)[0]) else None
    if language.name == "rust":
        return name if RUST_TEST.search(text.split("fn ", 1)[0]) else None
    if language.name in ("c", "cpp"):
        return text.split("{", 1)[0].strip() if MACRO_TEST.fullmatch(name) else None
    return None


def _script_tests(file: Parsed) -> list[TestFunction]:
    """List the statements `test("title", ...)` and `it("title", ...)`, inside `describe` as well."""
    found: list[TestFunction] = []
    waiting: list[Node] = [file.tree.root_node]
    while waiting:
        node = waiting.pop()
        if node.type == "expression_statement" and node.named_children[:1]:
            call = node.named_children[0]
            called, given = call.child_by_field_name("function"), call.child_by_field_name("arguments")
            title = given.named_children[0] if given is not None and given.named_children else None
            is_title = title is not None and title.type in ("string", "template_string")
            if called is not None and called.text in (b"test", b"it") and is_title and not node.has_error:
                assert title is not None and title.text is not None
                start = file.data.rfind(b"\n", 0, node.start_byte) + 1
                found.append(TestFunction(title.text.decode("utf-8", "replace").strip("\"'`"), start, node.end_byte))
                continue
        waiting.extend(node.children)
    return sorted(found, key=lambda each: each.start)
