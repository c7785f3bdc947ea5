"""Tell files that say of themselves that they were copied from elsewhere: somebody else's code under another licence.

In: a file's text and language. Out: yes or no; the file is dropped as `foreign_licence`. A remark at the top speaks of
the file; further down only one that says "code from" an address or a source file, with most of the file below it. A
single function or expression that was copied leaves the file the team's own.
"""

from __future__ import annotations

import re

from tuner.mine.gates.contents import HEAD_LINES, MAX_LINE, comment_lines
from tuner.mine.languages import Language

ANY_SIGN = re.compile(r"\b(?:code|adapted|copied|taken|borrowed|ported|lifted) from\b|\bbased on\b", re.IGNORECASE)
OF_FILE = re.compile(
    r"\b(?:code|adapted|copied|taken|borrowed|ported|lifted) from\b[^.]{0,60}?[^.]?\bhttps?://"
    r"|\bbased on\W{0,3}(?:the \w+ (?:in|at|of|from) )?<?https?://",
    re.IGNORECASE,
)
OF_CODE = re.compile(
    r"^[ \t]*(?://+|#|/?\*+)[^\n]*\bcode (?:(?:adapted|copied|taken|borrowed|ported|lifted) )?from\b[^\n]*"
    r"(?:https?://|\w\.(?:java|kt|py|c|cc|cpp|h|hpp|go|rs|js|ts|rb|cs)\b)",
    re.IGNORECASE | re.MULTILINE,
)


def copied_from(text: str, language: Language) -> bool:
    """Tell whether a file's comments say that most of it was taken from elsewhere."""
    if ANY_SIGN.search(text) is None:
        return False
    head = text[: HEAD_LINES * MAX_LINE].split("\n", HEAD_LINES)[:HEAD_LINES]
    if OF_FILE.search(" ".join(comment_lines(head, language))):
        return True
    place = OF_CODE.search(text)
    return place is not None and place.start() < len(text) / 2
