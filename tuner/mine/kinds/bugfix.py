"""Make bugfix pairs: a fault's description and a function with it, and the same function without it.

In: a commit's change that says it mends a fault. Out: one draft, or the reason why there is none. Tests may change
beside it; nothing else may, so that what the fix needs stands in the function that is shown.

Dropped: fixes of several functions or of code outside of any, long ones, those that change comments or form only, and
those whose message does not say what is wrong ("fix the pager"), or speaks of nothing that stands in the function.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tuner.mine import syntax
from tuner.mine.asked import names_a_person_in_code, stems, telling_words
from tuner.mine.drafts import ChangedFile, CommitChange, Draft, Dropped
from tuner.mine.parsed import Parsed, parsed
from tuner.mine.search_replace import Fault, Region, changed_regions
from tuner.mine.test_code import is_test_path, own_test_ranges

REQUEST = "{message}\n\nCorrect the function `{name}` of `{path}`. Answer with the whole function."
Function = tuple[str, int, int]
# What tells a fault from a place: "the pager" against "the pager hangs when ...".
SAYS_WHAT = re.compile(
    r"\b(?:when|while|if|unless|not|no|never|always|only|even|twice|again|instead|should|must|wrong\w*"
    r"|incorrect\w*|missing|without|fail\w*|crash\w*|panic\w*|rais\w+|thr[eo]w\w*|leak\w*|off[- ]by|null|none|empty"
    r"|duplicat\w+|los\w+|lack|unexpected\w*|invalid|hang\w*|overflow\w*|\w*exception|\w*error|prevent\w*|avoid\w*|ensur\w+|make|allow\w*"
    r"|handl\w+|respect\w*|ignor\w+|remov\w+|return\w*|caus\w+|because|due|so|too|still|longer|before|after|than|until|but"
    r"|stop\w*|check\w*|conflict\w*|regress\w*|deadlock\w*|race|unused|uninitiali[sz]ed|out[- ]of[- ]bounds)\b"
    r"|\w+n't\b|cannot",
    re.IGNORECASE,
)
MIN_TELLING_WORDS, ENOUGH_TELLING_WORDS = 2, 5
REMARK = re.compile(r"\s*(?://|#(?!\[|include|define|if|endif|else)|/?\*)")
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
    faulty, corrected = _with_remarks(old, before), _with_remarks(new, after)
    if max(faulty.count("\n"), corrected.count("\n")) >= MAX_FUNCTION_LINES:
        return Dropped(file.path, "too_long_function")
    if _tokens(old, before) == _tokens(new, after):
        return Dropped(file.path, "format_only_fix")
    if reason := _reason(message, faulty, corrected):
        return Dropped(file.path, reason)
    asked = REQUEST.format(message=message, name=before[0], path=file.path)
    return file.draft("bugfix", corrected, instruction=asked, context=faulty)


def _reason(message: str, faulty: str, corrected: str) -> str | None:
    """Say why a reader of the message would not find the fault in the function."""
    told = len(telling_words(message))
    if told < ENOUGH_TELLING_WORDS and not (told >= MIN_TELLING_WORDS and SAYS_WHAT.search(message)):
        return "fault_not_named"
    if not stems(message, of_code_too=True) & stems(faulty + corrected, of_code_too=True):
        return "fault_elsewhere"
    return "name_in_code" if names_a_person_in_code(faulty) or names_a_person_in_code(corrected) else None


def _with_remarks(side: Parsed, function: Function) -> str:
    """Give a function with the remark that stands right above it, which often says how it should be."""
    above = side.text(0, function[1]).split("\n")
    start = len(above) - 1
    while start > 0 and REMARK.match(above[start - 1]):
        start -= 1
    remark = "".join(f"{line}\n" for line in above[start:-1])
    return remark + side.text(*function[1:])


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
