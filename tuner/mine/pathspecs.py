"""Tell git which files' patches are wanted of some commits: by their own names, which it finds faster than endings.

In: commits with their changed files. Out: pathspecs that match the changed code files of each of these commits and none
else. Where names could match more than themselves, or are too many for a command line, `languages.code_globs`, which
match every code file there is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from tuner.mine.history import Commit
from tuner.mine.languages import code_globs, is_globbed

MOST_NAMES, MOST_CHARS = 1_000, 60_000  # a command line holds 128 KiB at least
NO_NAMES = frozenset({"", ".", ".."})  # parts of a path that git would not take as they are


def code_pathspecs(commits: Iterable[Commit]) -> list[str]:
    """Give pathspecs for the code files that commits changed."""
    changed = {path for each in commits for change in each.changes for path in (change.path, change.old_path)}
    names = sorted(filter(is_globbed, changed))
    if not names or len(names) > MOST_NAMES or sum(map(len, names)) > MOST_CHARS or not _are_plain(names, changed):
        return code_globs()
    return [f":(literal){name}" for name in names]


def _are_plain(names: list[str], changed: set[str]) -> bool:
    """Tell whether each name stands for one file: none is the folder of another changed one as well."""
    known = set(names)
    for path in changed:
        parts = path.split("/")
        if not NO_NAMES.isdisjoint(parts):
            return False
        if any("/".join(parts[:depth]) in known for depth in range(1, len(parts))):
            return False
    return sys.getfilesystemencoding() == "utf-8" or all(map(str.isascii, names))
