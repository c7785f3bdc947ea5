"""Changes between two texts, as git would give them."""

from __future__ import annotations

import difflib

from tuner.mine.drafts import ChangedFile, CommitChange
from tuner.mine.history import Hunk
from tuner.mine.languages import language_of
from tuner.recipe import MineSettings


def hunks_between(old: str, new: str, context: int = 3) -> list[Hunk]:
    """Give hunks with the numbers that git's headers would have."""
    before, after = old.encode().splitlines(True), new.encode().splitlines(True)
    found = []
    for group in difflib.SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(context):
        lines = []
        for tag, old_from, old_to, new_from, new_to in group:
            if tag == "equal":
                lines += [b" " + line.rstrip(b"\n") for line in before[old_from:old_to]]
            else:
                lines += [b"-" + line.rstrip(b"\n") for line in before[old_from:old_to]]
                lines += [b"+" + line.rstrip(b"\n") for line in after[new_from:new_to]]
        old_from, new_from = group[0][1], group[0][3]
        has_old, has_new = group[-1][2] > old_from, group[-1][4] > new_from
        found.append(Hunk(old_from + has_old, new_from + has_new, lines))
    return found


def changed(path: str, old: str | None, new: str, old_path: str | None = None) -> ChangedFile:
    language = language_of(path)
    assert language is not None
    return ChangedFile(path, old_path or path, language, old, new, hunks_between(old or "", new))


def commit(*files: ChangedFile, message: str | None = "Keep the balance", is_fix: bool = False) -> CommitChange:
    return CommitChange(message, is_fix, list(files), MineSettings())
