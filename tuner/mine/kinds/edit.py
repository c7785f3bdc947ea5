"""Make edit pairs: a commit's message as the request, the code around the change, and SEARCH/REPLACE blocks as answer.

In: a commit's change. Out: one draft a file, or the reason why it gives none. Every answer was applied to the old text
and gave the new one byte for byte before it is given. The code that is shown holds every SEARCH text, ten lines more on
each side, and a line of its own where lines were left out.

Dropped: added and emptied files, regions or texts that are too long, changes of form only, changes that lean on names
which the same commit introduces in another file (nobody could guess them), and what `search_replace` cannot say
(ambiguous places, lines that look like markers, texts that differ outside the hunks).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from tuner.mine.drafts import ChangedFile, CommitChange, Draft, Dropped
from tuner.mine.search_replace import Fault, Region, answer, apply, blocks_of, changed_regions

REQUEST = "{message}\n\nChange `{path}`. Answer with SEARCH/REPLACE blocks."
GAP = "⋮..."  # as in aider's repository map; three dots alone are code in Python
CONTEXT_LINES = 10
MAX_CHARS = 6_000
WORD = re.compile(r"[A-Za-z_$][\w$]*")
NAME = re.compile(
    r"[a-z0-9][A-Z]|[A-Za-z0-9]_[A-Za-z0-9]"
)  # words of more than one part; others stand in prose as well
KEYWORDS = "def|class|func|fn|function|interface|type|struct|enum|trait|mod|const|let|var|val|static|#define"
NO_TYPES = "return|else|new|await|throw|case|goto|raise|yield|delete|not|in|and|or|import|from|use|using"


def drafts(change: CommitChange) -> Iterator[Draft | Dropped]:
    """Give one edit a changed file, or the reason why there is none."""
    added = {file.path: _added(file) for file in change.files} if len(change.files) > 1 else {}
    for file in change.files:
        if change.message is None:
            yield Dropped(file.path, "poor_message")
            continue
        found = _edit(file, change.message, change.settings.max_edit_lines)
        if isinstance(found, Draft) and _leans_on_others(file, added, change.message):
            found = Dropped(file.path, "names_of_other_files")
        yield found


def request(message: str, path: str) -> str:
    """Write the request for a change of one file, the way a user would."""
    return REQUEST.format(message=message, path=path)


def format_only(old: str, new: str) -> bool:
    """Tell whether two texts differ in nothing but space, the kind of quotes, and commas before a closing bracket."""
    return _form(old) == _form(new)


def _edit(file: ChangedFile, message: str, max_lines: int) -> Draft | Dropped:
    old, new = file.old, file.new
    if old is None or not old.strip() or not new.strip():
        return Dropped(file.path, "whole_file_edit")
    try:
        reason = _reason(old, new, changed_regions(old, new, file.hunks), max_lines)
        if reason is not None:
            return Dropped(file.path, reason)
        found = blocks_of(old, new, file.hunks)
        response = answer(block for _, block in found)
        if apply(old, response) != new:
            return Dropped(file.path, "not_reproduced")
    except Fault as fault:
        return Dropped(file.path, fault.reason)
    context = _shown(old.split("\n"), (region for region, _ in found))
    if context is None:
        return Dropped(file.path, "marker_in_text")
    if len(context) + len(response) > MAX_CHARS:
        return Dropped(file.path, "too_long_edit")
    return file.draft("edit", response, instruction=request(message, file.old_path), context=context)


def _added(file: ChangedFile) -> str:
    try:
        regions = changed_regions(file.old or "", file.new, file.hunks)
    except Fault:  # this file gives no edit, and says why
        return ""
    lines = file.new.split("\n")
    return "\n".join(line for each in regions for line in lines[each.new_start : each.new_end])


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
    before, after = old.split("\n"), new.split("\n")
    removed = "\n".join(line for each in regions for line in before[each.old_start : each.old_end])
    added = "\n".join(line for each in regions for line in after[each.new_start : each.new_end])
    return "format_only_edit" if format_only(removed, added) else None


def _shown(lines: list[str], regions: Iterable[Region]) -> str | None:
    """Give the regions with the lines around them; None where a line of code looks like the mark of a gap."""
    ranges: list[tuple[int, int]] = []
    for each in regions:
        start, end = max(0, each.old_start - CONTEXT_LINES), min(len(lines), each.old_end + CONTEXT_LINES)
        if ranges and start <= ranges[-1][1]:
            ranges[-1] = ranges[-1][0], end
        else:
            ranges.append((start, end))
    parts = ["\n".join(lines[start:end]).rstrip("\n") for start, end in ranges]
    if any(line.strip() == GAP for part in parts for line in part.split("\n")):
        return None
    return f"\n{GAP}\n".join(parts)


def _form(text: str) -> str:
    return re.sub(r",(?=[)\]}])", "", "".join(text.split()).replace("'", '"'))
