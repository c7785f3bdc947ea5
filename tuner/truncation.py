"""Say where the answer to an item ends: one rule for every system, told from what stands before the cursor alone.

In: an item, and an answer as it came. Out: the text that is scored, or whether an answer that is still coming has gone
beyond its end. The target is never looked at.

    line, call    the first line
    block, body   Python: before the first line that says something and is indented less than the cursor. Elsewhere:
                  before the brace that closes the block around the cursor; braces in strings, characters and comments
                  do not count. `MOST_LINES` lines at most.

The rule reads no grammar: it does not know regular expression literals, strings inside a template string, or Python's
strings whose lines are indented less. What an author wrote makes an item only if the rule ends it where it ends.
"""

from __future__ import annotations

import re

from tuner.records import ONE_LINE_KINDS, Item

MOST_LINES = 20
_LINE_COMMENT, _COMMENT, _STRING = r"//[^\n]*", r"/\*.*?(?:\*/|\Z)", r'"(?:\\.|[^"\\\n])*"?'
# A character that is not closed yet may still become one; `'a` alone is a lifetime.
_CHARACTER = r"'(?:\\[^\n']*|[^\\\n'])(?:'|\Z)"
_QUOTED, _TEMPLATE, _RAW = r"'(?:\\.|[^'\\\n])*'?", r"`(?:\\.|[^`\\])*`?", r"`[^`]*`?"
_SCRIPT = re.compile("|".join([_LINE_COMMENT, _COMMENT, _STRING, _QUOTED, _TEMPLATE, "[{}]"]), re.DOTALL)
_OTHER = re.compile("|".join([_LINE_COMMENT, _COMMENT, _STRING, _CHARACTER, _RAW, "[{}]"]), re.DOTALL)
_SCRIPTS = ("javascript", "typescript", "tsx")


def first_line(raw: str) -> str:
    """Cut an answer at the end of the line, without trailing blanks."""
    return raw.partition("\n")[0].rstrip()


def cut(item: Item, raw: str) -> str:
    """Cut an answer where every system's answers to this item are cut, without blanks at its end."""
    if item.kind in ONE_LINE_KINDS:
        return first_line(raw)
    text = raw.replace("\r\n", "\n")
    return text[: _end(item, text)].rstrip()


def is_over(item: Item, raw: str) -> bool:
    """Tell whether an answer has gone beyond its end, so that nothing that still comes can matter."""
    if item.kind in ONE_LINE_KINDS:
        return "\n" in raw.lstrip()
    return _end(item, raw.replace("\r\n", "\n")) is not None


def _end(item: Item, text: str) -> int | None:
    find = _dedent if item.language == "python" else _closing_brace
    ends = [end for end in (find(item, text), _last_line_end(text)) if end is not None]
    return min(ends, default=None)


def _dedent(item: Item, text: str) -> int | None:
    indent = _width(item.prefix.rpartition("\n")[2])
    start = text.find("\n") + 1
    while start:
        end = text.find("\n", start)
        line = text[start : end if end >= 0 else len(text)]
        if line.strip() and _width(line) < indent:
            return start
        start = end + 1
    return None


def _closing_brace(item: Item, text: str) -> int | None:
    depth = 0
    for found in (_SCRIPT if item.language in _SCRIPTS else _OTHER).finditer(text):
        if found.group() == "{":
            depth += 1
        elif found.group() == "}":
            if not depth:
                return found.start()
            depth -= 1
    return None


def _last_line_end(text: str) -> int | None:
    end = -1
    for _ in range(MOST_LINES):
        end = text.find("\n", end + 1)
        if end < 0:
            return None
    return end


def _width(line: str) -> int:
    """Measure how far a line is indented."""
    return len((line[: len(line) - len(line.lstrip())]).expandtabs())
