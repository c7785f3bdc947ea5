"""Make bugfix pairs: a fault's description and a function with it, and the same function without it.

In: a commit's change that says it mends a fault. Out: one draft, or the reason why there is none. Tests may change
beside it; nothing else may, so that what the fix needs stands in the function that is shown.

Where the message says too little of what is wrong ("fix the pager when it is empty"), an outline of the change says
what is to be done. Dropped: fixes of several functions or of code outside of any, long ones, those that change comments
or form only, those whose message names no fault (a place, a wish, a remedy) or speaks of nothing that stands in the
function, those that only call something unshown in another way, and those that no outline explains.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tuner.mine import syntax
from tuner.mine.asked import names_a_person_in_code, stems, telling_words
from tuner.mine.change_tokens import Side
from tuner.mine.drafts import ChangedFile, CommitChange, Draft, Dropped
from tuner.mine.faults import names_the_fault, only_calls_it_otherwise, sentence_with_the_fault
from tuner.mine.outline import outline
from tuner.mine.parsed import Parsed, parsed
from tuner.mine.said import NAMELESS, NOTE, OTHERS, fitting_body, moved_words, names_the_unseen
from tuner.mine.search_replace import Fault, Region, changed_regions
from tuner.mine.test_code import is_test_path, own_test_ranges

REQUEST = "{message}\n\nCorrect the function `{name}` of `{path}`{outline}. Answer with the whole function."
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
MIN_TELLING_WORDS, ENOUGH_TELLING_WORDS, MIN_SHARED, SHARE_OF_BODY = 2, 5, 2, 0.25
REMARK = re.compile(r"\s*(?://|#(?!\[|include|define|if|endif|else)|/?\*)")
MAX_CHANGED_LINES, MAX_FUNCTION_LINES = 25, 60
# The number of a ticket or a version, or an address: nobody can know it who is not told.
UNGUESSABLE = re.compile(r"\w+://[^\s\"'<>)]+|(?<![\w.])#?\d+(?:\.\d+)+|(?<![\w.])#?\d{2,}")


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
    if names_a_person_in_code(faulty) or names_a_person_in_code(corrected):
        return Dropped(file.path, "name_in_code")
    shown = f"{faulty}\n{corrected}\n{file.path}"
    asked = _asked(message, shown)
    if asked is None or only_calls_it_otherwise(asked, *_changed_lines(file, regions)):
        return Dropped(file.path, "fault_elsewhere")
    asked = _with_the_fault(asked, message, shown)
    if asked is None or len(telling_words(asked)) < MIN_TELLING_WORDS or NAMELESS.search(asked):
        return Dropped(file.path, "fault_not_named")
    lines: list[str] = []
    if not _says_enough(asked, file, regions):
        told = outline(Side(file.old, file.language), Side(file.new, file.language), regions)
        if told.reason is not None:
            return Dropped(file.path, "fault_not_named")
        lines = told.lines
    instruction = REQUEST.format(message=asked, name=before[0], path=file.path, outline=_listed(lines))
    if any(each not in f"{instruction}\n{faulty}" for each in UNGUESSABLE.findall(corrected)):
        return Dropped(file.path, "unsaid_names")
    return file.draft("bugfix", corrected, instruction=instruction, context=faulty)


def _asked(message: str, function: str) -> str | None:
    """Give what a message says of the function; None where its subject speaks of something else."""
    subject, _, body = message.partition("\n")
    told = stems(subject, of_code_too=True)
    if NOTE.search(subject) or OTHERS.search(subject) or names_the_unseen(subject, function):
        return None
    if not told & stems(function, of_code_too=True):
        return None
    return "\n\n".join(filter(None, (subject, fitting_body(body, function, function, SHARE_OF_BODY))))


def _with_the_fault(asked: str, message: str, shown: str) -> str | None:
    """Give a request that names the fault, with a sentence of the message's body where it takes one; None without."""
    if any(names_the_fault(line) for line in asked.split("\n")):
        return asked
    subject, _, body = message.partition("\n")
    said = sentence_with_the_fault(body, shown)
    return f"{subject}\n\n{said}" if said is not None else None


def _changed_lines(file: ChangedFile, regions: list[Region]) -> tuple[str, str]:
    """Give the lines that change, before and after."""
    before, after = (file.old or "").split("\n"), file.new.split("\n")
    old = [line for each in regions for line in before[each.old_start : each.old_end]]
    return "\n".join(old), "\n".join(line for each in regions for line in after[each.new_start : each.new_end])


def _says_enough(asked: str, file: ChangedFile, regions: list[Region]) -> bool:
    """Tell whether a message says what is wrong, at some length and in words of the lines that changed."""
    before, after = (file.old or "").split("\n"), file.new.split("\n")
    words: set[str] = set()
    for each in regions:
        old, new = before[each.old_start : each.old_end], after[each.new_start : each.new_end]
        words |= moved_words("\n".join(old), "\n".join(new))
    is_near = len(stems(" ".join(words), of_code_too=True) & stems(asked, of_code_too=True)) >= MIN_SHARED
    return is_near and len(telling_words(asked)) >= ENOUGH_TELLING_WORDS and SAYS_WHAT.search(asked) is not None


def _listed(lines: list[str]) -> str:
    """Write an outline's lines behind the request."""
    return ": " + "; ".join(line.partition("`: ")[2] or line for line in lines) if lines else ""


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
