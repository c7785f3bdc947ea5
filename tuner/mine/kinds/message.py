"""Make message pairs: a commit's diff, and the subject that its author gave it.

In: a commit's change. Out: one draft, or the reason why there is none. The diff is written from the redacted texts with
git's headers and three lines of context, so that it reads like `git diff --cached` of the same change.

Dropped: commits whose message says too little, with more than three code files, or with a long diff.
"""

from __future__ import annotations

from collections.abc import Iterator

from tuner.mine.drafts import ChangedFile, CommitChange, Draft, Dropped
from tuner.mine.search_replace import Fault, Region, changed_regions

REQUEST = "Write the subject line of the commit message for this change."
MAX_FILES, MAX_DIFF_CHARS, CONTEXT_LINES = 3, 4_000, 3
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
        if len(diff) > MAX_DIFF_CHARS:
            yield Dropped(first.path, "too_long_diff")
        else:
            subject = change.message.split("\n", 1)[0]
            yield first.draft("message", subject, instruction=REQUEST, context=diff)


def unified_diff(file: ChangedFile) -> str:
    """Write a file's change in the unified format, three lines of context, without a newline at the end."""
    old, new = _marked(file.old or ""), _marked(file.new)
    regions = changed_regions(old, new, file.hunks)
    if not regions:
        raise Fault("no_change")
    before, after = old.split("\n")[:-1], new.split("\n")[:-1]
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
