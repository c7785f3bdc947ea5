"""Make message pairs: a commit's diff, and the subject that its author gave it.

In: a commit's change. Out: one draft, or the reason why there is none. The diff is written from the redacted texts with
git's headers and three lines of context, so that it reads like `git diff --cached` of the same change.

Only the subject is asked for: bodies speak of tickets, talks and other files. Dropped: commits whose message says too
little, with more than three code files, or with a long diff; those of which code is not shown; subjects that are
working notes, that do not speak of the lines that changed, or name what does not stand in the diff; diffs most of which
the subject does not lead to, and those that only count up a number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from tuner.mine.asked import names_a_person_in_code, stems, telling_words
from tuner.mine.drafts import ChangedFile, CommitChange, Draft, Dropped
from tuner.mine.said import NAMELESS, SCRATCH, moved_words, reached, subject_reason, without_verb
from tuner.mine.search_replace import Fault, Region, changed_regions, lines_of
from tuner.mine.test_code import is_test_path

REQUEST = "Write the subject line of the commit message for this change."
MAX_FILES, MAX_DIFF_CHARS, CONTEXT_LINES = 3, 4_000, 3
LOG = re.compile(r"(?:^|/)(?:change|news|history|release|author|contributor|lock)|\.lock$|lock\.\w+$", re.IGNORECASE)
TESTS = re.compile(r"\b(?:tests?|test cases?)\b(?!\s+(?:runner|suite|helper|util))", re.IGNORECASE)
OF_LOGS = re.compile(r"\bchange[- ]?log|\bchange entr|\brelease notes", re.IGNORECASE)
MIN_WORDS, MIN_WORDS_WITHOUT_VERB = 2, 4
MIN_SHARE, HIGH_SHARE, MIN_REACHED = 0.6, 0.8, 0.7
NO_CODE = re.compile(r"\.(?:md|mdx|rst|txt|adoc)$|(?:^|/)docs?/|\.lock$", re.IGNORECASE)
DIGITS = re.compile(r"\b[0-9a-f]{16,}\b|\d+(?:\.\d+)*")
NAMED = re.compile(r"`([^`]+)`|\b(r\d{2,}|[A-Z]{2,}-\d+)\b|#?\b(\d{2,})\b")
OPEN_END = "\0"  # stands in no text: files with it are binary


def drafts(change: CommitChange) -> Iterator[Draft | Dropped]:
    """Give the commit's subject for its diff, or the reason why not."""
    if not change.files:
        return
    first = change.files[0]
    if change.message is None:
        yield Dropped(first.path, "poor_message")
    elif len(change.files) > MAX_FILES:
        yield Dropped(first.path, "diff_of_many_files")
    else:
        try:
            diff = "\n".join(unified_diff(file) for file in change.files)
        except Fault as fault:
            yield Dropped(first.path, fault.reason)
            return
        subject = change.message.split("\n", 1)[0]
        if len(diff) > MAX_DIFF_CHARS:
            yield Dropped(first.path, "too_long_diff")
        elif reason := _reason(subject, diff, change):
            yield Dropped(first.path, reason)
        else:
            yield first.draft("message", subject, instruction=REQUEST, context=diff)


def _reason(subject: str, diff: str, change: CommitChange) -> str | None:
    """Say why a reader of the diff could not write the subject."""
    if any(SCRATCH.search(file.path) for file in change.files):
        return "scratch_file"
    has_verb = without_verb(subject) != subject
    if len(telling_words(subject)) < (MIN_WORDS if has_verb else MIN_WORDS_WITHOUT_VERB) or NAMELESS.search(subject):
        return "vague_subject"
    hidden = [path for path in change.hidden if not LOG.search(path)]
    said, shown = stems(subject, of_code_too=True), stems(diff, of_code_too=True)
    names = stems(" ".join(PurePosixPath(path).name for path in hidden))
    is_hidden = any(not NO_CODE.search(path) and not is_test_path(path) for path in hidden)
    if is_hidden or len(hidden) > len(change.files) or OF_LOGS.search(subject) or names & said - shown:
        return "diff_of_a_part"
    if TESTS.search(subject) and not all(is_test_path(file.path) for file in change.files):
        return "subject_not_in_diff"
    if any("".join(groups) not in diff for groups in NAMED.findall(subject)):
        return "subject_names_the_unseen"
    sides = [side for file in change.files for side in _sides(file)]
    moved = [(stems(" ".join(moved_words(*side)), of_code_too=True), "\n".join(side).count("\n")) for side in sides]
    changed = "\n".join("\n".join(side) for side in sides)
    paths = " ".join(file.path for file in change.files)
    share = MIN_SHARE if has_verb and not hidden else HIGH_SHARE
    if not (has_verb or _begins_in(subject, diff)):
        return "subject_not_in_diff"
    if reason := subject_reason(subject, f"{changed}\n{paths}", diff, share):
        return {"working_note": "working_note", "vague_request": "vague_subject"}.get(reason, "subject_not_in_diff")
    if reached(moved, said) < MIN_REACHED:
        return "diff_says_more"
    if not re.search(r"\d", subject) and all(DIGITS.sub("0", old) == DIGITS.sub("0", new) for old, new in sides):
        return "only_numbers"
    return "name_in_code" if names_a_person_in_code(diff) else None


def _begins_in(subject: str, diff: str) -> bool:
    """Tell whether the first word of a subject stands in the diff: else it may be a misspelt verb."""
    first = re.search(r"\w+", re.sub(r"^[\w/.*-]+:\s+", "", subject))
    return first is not None and re.search(rf"\b{first.group()}\b", diff, re.IGNORECASE) is not None


def _sides(file: ChangedFile) -> Iterator[tuple[str, str]]:
    """Give the old and the new text of each changed region of a file."""
    old, new = file.old or "", file.new
    before, after = old.split("\n"), new.split("\n")
    for each in changed_regions(old, new, file.hunks):
        yield "\n".join(before[each.old_start : each.old_end]), "\n".join(after[each.new_start : each.new_end])


def unified_diff(file: ChangedFile) -> str:
    """Write a file's change in the unified format, three lines of context, without a newline at the end."""
    old, new = _marked(file.old or ""), _marked(file.new)
    regions = changed_regions(old, new, file.hunks)
    if not regions:
        raise Fault("no_change")
    before, after = lines_of(old)[:-1], lines_of(new)[:-1]
    head = [f"--- a/{file.old_path}" if file.old is not None else "--- /dev/null", f"+++ b/{file.path}"]
    body = (line for group in _groups(regions) for line in _hunk(group, before, after))
    return "\n".join([*head, *body]).replace(OPEN_END, "\n\\ No newline at end of file")


def _marked(text: str) -> str:
    """End every line with a newline, as git counts them, and mark the one that has none."""
    return text if not text or text.endswith("\n") else f"{text}{OPEN_END}\n"


def _groups(regions: list[Region]) -> list[list[Region]]:
    """Put regions into one hunk where the lines between them would be shown twice."""
    groups: list[list[Region]] = []
    for region in regions:
        if groups and region.old_start - groups[-1][-1].old_end <= 2 * CONTEXT_LINES:
            groups[-1].append(region)
        else:
            groups.append([region])
    return groups


def _hunk(group: list[Region], before: list[str], after: list[str]) -> Iterator[str]:
    above = min(CONTEXT_LINES, group[0].old_start)
    old_from, new_from = group[0].old_start - above, group[0].new_start - above
    old_to = min(len(before), group[-1].old_end + CONTEXT_LINES)
    new_to = min(len(after), group[-1].new_end + CONTEXT_LINES)
    yield f"@@ -{_range(old_from, old_to)} +{_range(new_from, new_to)} @@"
    at = old_from
    for region in group:
        yield from (f" {line}" for line in before[at : region.old_start])
        yield from (f"-{line}" for line in before[region.old_start : region.old_end])
        yield from (f"+{line}" for line in after[region.new_start : region.new_end])
        at = region.old_end
    yield from (f" {line}" for line in before[at:old_to])


def _range(start: int, end: int) -> str:
    """Count as git does: from 1, a single line without its count, an empty side by the line before it."""
    length = end - start
    return f"{start + (length > 0)}" + ("" if length == 1 else f",{length}")
