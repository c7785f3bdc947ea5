"""Make test pairs: a function that a commit changed or added, and a test of it that the same commit added.

In: a commit's change. Out: one draft an added test, or the reason why it gives none. What is shown is the function
(with the line of its class) and the imports of the test file; the answer is the whole test.

Dropped: tests that call no changed function by name, or several without naming one in their own name; functions that
every test calls (a fixture's `invoke`) or that anything could have (`create`), unless the test or its file names them;
long tests and long functions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tuner.mine import syntax
from tuner.mine.drafts import ChangedFile, CommitChange, Draft, Dropped
from tuner.mine.parsed import parsed
from tuner.mine.search_replace import Fault, changed_regions
from tuner.mine.test_code import SCRIPTS, called_names, is_test_path, own_test_ranges, test_functions

REQUEST = "Write the test `{title}` of `{name}` (`{path}`) for `{test_path}`. Answer with the whole test."
MAX_TEST_LINES, MAX_FUNCTION_LINES, MAX_IMPORT_LINES = 60, 80, 40
MIN_TEST_LINES = 2
COMMON_CALLS, COMMON_SHARE = 3, 0.2  # a name that so many other tests call is a tool of theirs
MIN_NAME_CHARS = 3
COMPOUND = re.compile(r"[a-z0-9][A-Z]|\w_\w")
MAYBE_TEST = re.compile(rb"test|\bit\(", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Tested:
    """A changed function: the name that a call of it shows, and its source."""

    name: str
    path: str
    family: str
    source: str
    is_long: bool


def drafts(change: CommitChange) -> Iterator[Draft | Dropped]:
    """Give the tests that a commit added for the functions that it changed, or why they give nothing."""
    with_grammar = [file for file in change.files if file.language.grammar is not None]
    tests = [file for file in with_grammar if _may_add_tests(file)]
    if not tests:
        return
    families = {_family(file) for file in tests}
    code = [file for file in with_grammar if not is_test_path(file.path) and _family(file) in families]
    changed = [each for file in code for each in _changed(file)]
    for file in tests:
        near = [each for each in changed if each.family == _family(file)]
        if near:
            yield from _tests(file, near)
        else:
            yield Dropped(file.path, "no_function_tested")


def _may_add_tests(file: ChangedFile) -> bool:
    """Look at the added lines before anything is parsed."""
    if not is_test_path(file.path) and file.language.name != "rust":
        return False
    return any(MAYBE_TEST.search(line) for hunk in file.hunks for line in hunk.added())


def _tests(file: ChangedFile, changed: list[_Tested]) -> Iterator[Draft | Dropped]:
    new = parsed(file.new, file.language)
    old = parsed(file.old, file.language) if file.old is not None else None
    known = {each.name for each in test_functions(old)} if old is not None else set()
    found = test_functions(new)
    before = [new.text(each.start, each.end) for each in found if each.name in known]
    head = "\n".join(syntax.imports(new.tree, new.data, file.language))
    for test in found:
        if test.name in known:
            continue
        text = new.text(test.start, test.end)
        tested = _tested(f"{file.path} {test.name}", called_names(new, test), changed, before)
        if isinstance(tested, str):
            yield Dropped(file.path, tested)
        elif not MIN_TEST_LINES <= text.count("\n") + 1 <= MAX_TEST_LINES:
            yield Dropped(file.path, "too_long_test" if text.count("\n") >= MAX_TEST_LINES else "too_short_test")
        elif tested.is_long or head.count("\n") >= MAX_IMPORT_LINES:
            yield Dropped(file.path, "too_long_function")
        else:
            mark = "#" if file.language.name == "python" else "//"
            parts = [f"{mark} {tested.path}\n{tested.source}"]
            if head:
                parts.append(f"{mark} {file.path}\n{head}")
            asked = REQUEST.format(title=test.name, name=tested.name, path=tested.path, test_path=file.path)
            yield file.draft("test", text, instruction=asked, context="\n\n".join(parts))


def _tested(title: str, calls: set[str], changed: list[_Tested], before: list[str]) -> _Tested | str:
    """Choose the function that a test is about, or say why none can be named."""
    called = [each for each in changed if each.name in calls]
    if not called:
        return "no_function_tested"
    special = [each for each in called if not _is_tool(each.name, before)]
    if not special:
        return "function_of_all_tests"
    words = _plain(title)
    special = [each for each in special if COMPOUND.search(each.name) or _plain(each.name) in words]
    if not special:
        return "function_not_named"  # `create` may be anybody's
    if len(special) > 1:
        special = [each for each in special if _plain(each.name) in words]
    return special[0] if len(special) == 1 else "several_functions_tested"


def _is_tool(name: str, tests: list[str]) -> bool:
    """Tell a function that many other tests call from one that is under test."""
    call = re.compile(rf"\b{re.escape(name)}\s*\(")
    return sum(call.search(text) is not None for text in tests) > max(COMMON_CALLS, COMMON_SHARE * len(tests))


def _changed(file: ChangedFile) -> Iterator[_Tested]:
    """Yield the functions of a file that the commit changed or added, without its own tests."""
    try:
        regions = changed_regions(file.old or "", file.new, file.hunks)
    except Fault:  # the edit of this file is dropped for it, with the reason
        return
    new = parsed(file.new, file.language)
    own_tests = own_test_ranges(new)
    for name, start, end in new.functions:
        first, last = new.line_at(start), new.line_at(end)
        name = re.split(r"::|\.", name)[-1]
        is_touched = any(each.new_start <= last and first < max(each.new_end, each.new_start + 1) for each in regions)
        is_test = any(from_ <= first < to for from_, to in own_tests)
        if not is_touched or is_test or len(name) < MIN_NAME_CHARS or name.startswith("__"):
            continue
        source = new.text(start, end)
        above = syntax.class_line(new.tree, new.data, start + len(source) - len(source.lstrip()))
        is_long = last - first >= MAX_FUNCTION_LINES
        yield _Tested(name, file.path, _family(file), f"{above}\n{source}" if above else source, is_long)


def _family(file: ChangedFile) -> str:
    """Name the languages whose files call each other by one name."""
    name = file.language.name
    return "script" if name in SCRIPTS else "c" if name == "cpp" else name


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())
