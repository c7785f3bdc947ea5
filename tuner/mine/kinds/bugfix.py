"""Make bugfix pairs: a fault's description and a function with it, and the same function without it.

In: a commit's change that says it mends a fault. Out: one draft, or the reason why there is none. Tests may change
beside it; nothing else may, so that what the fix needs stands in the function that is shown.

Dropped: fixes of several functions or of code outside of any, long ones, and those that change comments or form only.
"""

from __future__ import annotations

from collections.abc import Iterator

from tuner.mine import syntax
from tuner.mine.drafts import ChangedFile, CommitChange, Draft, Dropped
from tuner.mine.parsed import Parsed, parsed
from tuner.mine.search_replace import Fault, Region, changed_regions
from tuner.mine.test_code import is_test_path, own_test_ranges

REQUEST = "{message}\n\nCorrect the function `{name}` of `{path}`. Answer with the whole function."
Function = tuple[str, int, int]
MAX_CHANGED_LINES, MAX_FUNCTION_LINES = 25, 60


def drafts(change: CommitChange) -> Iterator[Draft | Dropped]:
    """Give the corrected function of a fix, or the reason why there is none."""
    files = [file for file in change.files if not is_test_path(file.path)]
    if not change.is_fix or not files:
        return
    if change.message is None:
        yield Dropped(files[0].path, "poor_message")
    elif len(files) > 1:
        yield Dropped(files[0].path, "fix_of_several_files")
    else:
        yield _fix(files[0], change.message)


def _fix(file: ChangedFile, message: str) -> Draft | Dropped:
    if file.language.grammar is None:
        return Dropped(file.path, "no_grammar")
    if file.old is None:
        return Dropped(file.path, "fix_outside_a_function")
    try:
        regions = changed_regions(file.old, file.new, file.hunks)
    except Fault as fault:
        return Dropped(file.path, fault.reason)
    if file.language.name != "rust" and _length(regions) > MAX_CHANGED_LINES:
        return Dropped(file.path, "too_long_fix")
    old, new = parsed(file.old, file.language), parsed(file.new, file.language)
    regions = _without_tests(regions, old, new)
    if not regions:
        return Dropped(file.path, "fix_of_tests_only")
    if _length(regions) > MAX_CHANGED_LINES:
        return Dropped(file.path, "too_long_fix")
    before = _around(old, [(each.old_start, each.old_end) for each in regions])
    after = _around(new, [(each.new_start, each.new_end) for each in regions])
    if before is None or after is None or before[0] != after[0]:
        return Dropped(file.path, "fix_outside_a_function")
    faulty, corrected = old.text(*before[1:]), new.text(*after[1:])
    if max(faulty.count("\n"), corrected.count("\n")) >= MAX_FUNCTION_LINES:
        return Dropped(file.path, "too_long_function")
    if _tokens(old, before) == _tokens(new, after):
        return Dropped(file.path, "format_only_fix")
    asked = REQUEST.format(message=message, name=before[0], path=file.path)
    return file.draft("bugfix", corrected, instruction=asked, context=faulty)


def _length(regions: list[Region]) -> int:
    return sum(each.old_end - each.old_start + each.new_end - each.new_start for each in regions)


def _without_tests(regions: list[Region], old: Parsed, new: Parsed) -> list[Region]:
    """Leave out what changed inside a Rust file's own tests."""
    before, after = own_test_ranges(old), own_test_ranges(new)
    return [
        each
        for each in regions
        if not any(start <= each.old_start and each.old_end <= end for start, end in before)
        and not any(start <= each.new_start and each.new_end <= end for start, end in after)
    ]


def _around(side: Parsed, runs: list[tuple[int, int]]) -> Function | None:
    """Give the innermost function that holds all these runs of lines."""
    holding = [each for each in side.functions if all(_holds(side, each, *run) for run in runs)]
    return max(holding, key=lambda each: (each[1], -each[2]), default=None)


def _holds(side: Parsed, function: Function, start: int, end: int) -> bool:
    first, last = side.line_at(function[1]), side.line_at(function[2])
    return first <= start and end <= last + 1 if start < end else first < start <= last


def _tokens(side: Parsed, function: Function) -> list[tuple[int, bytes]]:
    return syntax.code_tokens(side.tree, side.language, function[1], function[2])
