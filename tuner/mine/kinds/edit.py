"""Make edit pairs: what a commit did to a file as the request, the code around it, and SEARCH/REPLACE blocks as answer.

In: a commit's change. Out: one draft a file, or the reason why it gives none. The request is the commit's message, as
far as it speaks of this file, and an outline computed from the change, which names each place and what comes or goes
there: a message alone seldom leads to a change. Every answer was applied to the old text and gave the new one byte for
byte before it is given. The code that is shown holds every SEARCH text, ten lines more on each side, and a line of its
own where lines were left out.

Dropped: added and emptied files, regions or texts that are too long, changes of form only, and what `search_replace`
cannot say (ambiguous places, lines that look like markers, texts that differ outside the hunks). Further files of tests
(what they expect follows from other code), messages that speak of something else, and changes of which the outline
would have to say too much.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from tuner.mine.asked import names_a_person_in_code, stems
from tuner.mine.change_tokens import Side
from tuner.mine.drafts import ChangedFile, CommitChange, Draft, Dropped
from tuner.mine.outline import outline
from tuner.mine.said import (
    MIN_SHARE,
    SCRATCH,
    fitting_body,
    moved_words,
    own_reason,
    speaks_of_others,
    subject_reason,
    without_verb,
)
from tuner.mine.search_replace import Fault, Region, answer, apply, blocks_of, changed_regions, lines_of
from tuner.mine.test_code import is_test_path

REQUEST = "{message}\n\nChange `{path}`:\n{outline}\n\nAnswer with SEARCH/REPLACE blocks."
GAP = "⋮..."  # as in aider's repository map; three dots alone are code in Python
CONTEXT_LINES = 10
MAX_CHARS = 6_000
MAX_BLOCKS, MAX_SHOWN_NAMES = 4, 6
SHARE_OF_MANY, MIN_SHARED_OF_MANY = 0.6, 2  # of the subject's words, where the commit changed other files as well
VERSION = re.compile(r"(?:^|[\W_])versions?(?:__)?[\"']?\s*[=:(,]|(?:^|/)(?:_?version|__about__)\.\w+$", re.IGNORECASE)
VALUE = re.compile(r"\b(?=\w*\d)[0-9a-fA-F]{7,}\b|\d+\.\d+\.\d+|https?://\S+")  # hashes, versions, addresses
WORD = re.compile(r"[A-Za-z_$][\w$]*")
NAME = re.compile(
    r"[a-z0-9][A-Z]|[A-Za-z0-9]_[A-Za-z0-9]"
)  # words of more than one part; others stand in prose as well
REMARK = re.compile(r"//|#(?!include|define|if|endif|else)|/?\*|--|;|\"{3}|'{3}")
HEAD = re.compile(r"^[^=:(\n]{1,60}(?=[=:(])", re.MULTILINE)  # what a line assigns, declares or calls
KEYWORDS = "def|class|func|fn|function|interface|type|struct|enum|trait|mod|const|let|var|val|static|#define"
NO_TYPES = "return|else|new|await|throw|case|goto|raise|yield|delete|not|in|and|or|import|from|use|using"


def drafts(change: CommitChange) -> Iterator[Draft | Dropped]:
    """Give one edit a changed file, or the reason why there is none."""
    added = {file.path: _added(file) for file in change.files} if len(change.files) > 1 else {}
    is_one_of_many = sum(not is_test_path(file.path) for file in change.files) > 1
    for file in change.files:
        if change.message is None:
            yield Dropped(file.path, "poor_message")
            continue
        found = _edit(file, change.message, change.settings.max_edit_lines, is_one_of_many)
        if isinstance(found, Draft) and _is_copy(file, added):
            found = Dropped(file.path, "copy_in_commit")
        if isinstance(found, Draft) and _leans_on_others(file, added, change.message):
            found = Dropped(file.path, "names_of_other_files")
        yield found


def request(message: str, path: str, lines: Iterable[str]) -> str:
    """Write the request for a change of one file: what it is for, and what is to be done at each place."""
    return REQUEST.format(message=message, path=path, outline="\n".join(f"- {line}" for line in lines))


def format_only(old: str, new: str) -> bool:
    """Tell whether two texts differ in nothing but space, the kind of quotes, and commas before a closing bracket."""
    return _form(old) == _form(new)


def _edit(file: ChangedFile, message: str, max_lines: int, is_one_of_many: bool) -> Draft | Dropped:
    old, new = file.old, file.new
    if is_test_path(file.path):
        return Dropped(file.path, "edit_of_tests")
    if old is None or not old.strip() or not new.strip():
        return Dropped(file.path, "whole_file_edit")
    try:
        regions = changed_regions(old, new, file.hunks)
        if file.language.name == "rust" and _is_in_tests(old, new, regions):
            return Dropped(file.path, "edit_of_tests")
        reason = _reason(old, new, regions, max_lines)
        if reason is not None:
            return Dropped(file.path, reason)
        found = blocks_of(old, new, file.hunks)
        if len(found) > MAX_BLOCKS:
            return Dropped(file.path, "many_blocks")
        response = answer(block for _, block in found)
        if apply(old, response) != new:
            return Dropped(file.path, "not_reproduced")
    except Fault as fault:
        return Dropped(file.path, fault.reason)
    change = _Change(file.path, old, new, regions)
    subject, _, body = message.partition("\n")
    if reason := change.reason(subject):
        return Dropped(file.path, reason)
    told = outline(Side(old, file.language), Side(new, file.language), regions)
    if told.reason is not None:
        return Dropped(file.path, told.reason)
    lines = old.split("\n")
    beside = _first_lines(old, change.names_to_show(_shown(lines, [region for region, _ in found]) or ""))
    context = _shown(lines, [region for region, _ in found], beside)
    if context is None:
        return Dropped(file.path, "marker_in_text")
    seen = "\n".join((context, response, file.path, *told.lines))
    here = "\n".join((change.changed, file.path, *told.lines))
    asked = stems(without_verb(subject), of_code_too=True)
    if is_one_of_many and len(asked & stems(here, of_code_too=True)) < min(MIN_SHARED_OF_MANY, len(asked)):
        return Dropped(file.path, "not_named_by_message")
    if reason := subject_reason(subject, change.changed, seen, SHARE_OF_MANY if is_one_of_many else MIN_SHARE):
        return Dropped(file.path, reason)
    said = "\n\n".join(filter(None, (subject, fitting_body(body, change.changed, seen))))
    instruction = request(said, file.old_path, told.lines)
    if len(beside) > MAX_SHOWN_NAMES or change.new_values(context + instruction):
        return Dropped(file.path, "unsaid_names")
    if names_a_person_in_code(context) or names_a_person_in_code(response):
        return Dropped(file.path, "name_in_code")
    if len(context) + len(response) > MAX_CHARS:
        return Dropped(file.path, "too_long_edit")
    return file.draft("edit", response, instruction=instruction, context=context)


def _added(file: ChangedFile) -> str:
    try:
        regions = changed_regions(file.old or "", file.new, file.hunks)
    except Fault:  # this file gives no edit, and says why
        return ""
    lines = lines_of(file.new)
    return "\n".join(line for each in regions for line in lines[each.new_start : each.new_end])


def _is_copy(file: ChangedFile, added: dict[str, str]) -> bool:
    """Tell whether a file of the same name gets most of the same lines in the same commit, under a shorter path."""
    name, own = PurePosixPath(file.path).name, set(added.get(file.path, "").split("\n"))
    return any(
        PurePosixPath(path).name == name
        and (len(path), path) < (len(file.path), file.path)
        and 2 * len(own & set(text.split("\n"))) >= len(own)
        for path, text in added.items()
    )


def _leans_on_others(file: ChangedFile, added: dict[str, str], message: str) -> bool:
    """Tell whether a change uses names that are new in another file too, and that it does not define itself."""
    if file.path not in added:
        return False
    names = {word for word in WORD.findall(added[file.path]) if NAME.search(word)} - set(WORD.findall(message))
    others = {word for path, text in added.items() if path != file.path and names for word in WORD.findall(text)}
    names &= others
    if names:  # the whole file is looked through last: most changes share no name
        names -= set(WORD.findall(file.old or ""))
    return any(not _defines(added[file.path], name) for name in names)


def _defines(text: str, name: str) -> bool:
    """Tell a definition from a use or a prototype, roughly and for all languages alike."""
    word = re.escape(name)
    by_keyword = rf"(?:\b|(?=#))(?:{KEYWORDS})\s+(?:\([^)]*\)\s*)?{word}(?!\w)"
    by_type = rf"^[ \t]*(?!(?:{NO_TYPES})\b)[A-Za-z_][\w<>\[\],:&* \t]*[\s*&]{word}\s*(?:\([^;]*$|[;=:,]|$)"
    return re.search(f"{by_keyword}|{by_type}", text, re.MULTILINE) is not None


def _reason(old: str, new: str, regions: list[Region], max_lines: int) -> str | None:
    if any(max(each.old_end - each.old_start, each.new_end - each.new_start) > max_lines for each in regions):
        return "too_long_edit"
    before, after = lines_of(old), lines_of(new)
    removed = "\n".join(line for each in regions for line in before[each.old_start : each.old_end])
    added = "\n".join(line for each in regions for line in after[each.new_start : each.new_end])
    return "format_only_edit" if format_only(removed, added) else None


def _is_in_tests(old: str, new: str, regions: list[Region]) -> bool:
    """Tell whether a change of a Rust file touches the tests that it ends in."""
    starts = [
        next((at for at, line in enumerate(lines_of(text)) if line == "#[cfg(test)]"), None) for text in (old, new)
    ]
    return any(
        (starts[0] is not None and each.old_end > starts[0]) or (starts[1] is not None and each.new_end > starts[1])
        for each in regions
    )


class _Change:
    """What a change removed and added, beside the file that it is made in."""

    def __init__(self, path: str, old: str, new: str, regions: list[Region]) -> None:
        before, after = old.split("\n"), new.split("\n")
        self.path, self.old = path, old
        self.sides = [
            ("\n".join(before[each.old_start : each.old_end]), "\n".join(after[each.new_start : each.new_end]))
            for each in regions
        ]
        self.added = "\n".join(side for _, side in self.sides)
        self.changed = "\n".join(
            (
                *(" ".join((*sorted(moved_words(*side)), *HEAD.findall("\n".join(side)))) for side in self.sides),
                PurePosixPath(path).stem,
            )
        )

    def reason(self, subject: str) -> str | None:
        """Say what is wrong with a change that no request can make good."""
        if SCRATCH.search(self.path):
            return "scratch_file"
        if VERSION.search(self.path) or all(VERSION.search(f"{old}{new}") for old, new in self.sides):
            return "version_bump"
        if any(map(_form_beside, self.sides)) or (len(self.sides) > 1 and any(_is_form(*side) for side in self.sides)):
            return "mixed_with_format"
        if not stems(subject) & stems(self.changed):
            return "not_named_by_message"
        return "asks_for_more" if speaks_of_others(subject, self.path) else own_reason(subject)

    def names_to_show(self, context: str) -> list[str]:
        """List the names that the added lines use and that stand in the file, but not in what is shown of it."""
        known = set(WORD.findall(self.old)) - set(WORD.findall(context))
        return sorted({name for name in WORD.findall(self.added) if name in known and NAME.search(name)})

    def new_values(self, said: str) -> set[str]:
        """Give the hashes, versions and addresses in the added lines that are said nowhere."""
        return {value for value in VALUE.findall(self.added) if value not in said}


def _is_form(old: str, new: str) -> bool:
    """Tell a change of form, or one of nothing but signs and capitals in remarks."""
    if format_only(old, new):
        return True
    lines = [line.strip() for line in f"{old}\n{new}".split("\n") if line.strip()]
    return all(REMARK.match(line) for line in lines) and _letters(old) == _letters(new)


def _form_beside(side: tuple[str, str]) -> bool:
    """Tell whether some of the lines changed only in capitals, or in the signs of a remark."""
    old, new = ({line.strip() for line in text.split("\n") if _letters(line)} for text in side)
    capitals = {line.lower() for line in old - new} & {line.lower() for line in new - old}
    remarks = [{_letters(line) for line in lines if REMARK.match(line)} for lines in (old - new, new - old)]
    return len(old | new) > 2 and bool(capitals or remarks[0] & remarks[1])


def _letters(text: str) -> str:
    return re.sub(r"[\W_]+", "", text).lower()


def _first_lines(text: str, names: Iterable[str]) -> list[int]:
    """Give for each name the line that defines it, else the first that has it; from 0."""
    lines = lines_of(text)
    found = []
    for name in names:
        having = [at for at, line in enumerate(lines) if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", line)]
        found += [next((at for at in having if _defines(lines[at], name)), having[0])] if having else []
    return found


def _shown(lines: list[str], regions: Iterable[Region], beside: Iterable[int] = ()) -> str | None:
    """Give the regions with the lines around them, and single lines beside them.

    None where a line of code looks like the mark of a gap.
    """
    ranges: list[tuple[int, int]] = []
    around = [(max(0, each.old_start - CONTEXT_LINES), each.old_end + CONTEXT_LINES) for each in regions]
    for start, stop in sorted([*around, *((line, line + 1) for line in beside)]):
        end = min(len(lines), stop)
        if ranges and start <= ranges[-1][1]:
            ranges[-1] = ranges[-1][0], max(end, ranges[-1][1])
        else:
            ranges.append((start, end))
    parts = ["\n".join(lines[start:end]).rstrip("\n") for start, end in ranges]
    if any(line.strip() == GAP for part in parts for line in part.split("\n")):
        return None
    return f"\n{GAP}\n".join(parts)


def _form(text: str) -> str:
    return re.sub(r",(?=[)\]}])", "", "".join(text.split()).replace("'", '"'))
