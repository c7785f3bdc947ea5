"""Apply the edit that the server proposes, and say what it puts after the cursor.

In: a text, a cursor in it, and `insertText` with its range. Out: what is new after the cursor, up to the text that was
there before. Positions are lines and UTF-16 units, as LSP has them: a character beyond U+FFFF counts twice, and lines
end with CRLF, LF or CR. The range usually begins in column 0, so that `insertText` repeats what was typed; it may reach
beyond the cursor, over brackets that the editor has closed.

An edit that changes what stands before the cursor is no completion of it. On a line that is blank up to the cursor this
is a move to another indent, which editors show; what follows the common beginning is scored, and the failure counted.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from itertools import takewhile
from typing import Any

LINE_END = re.compile(r"\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a text: both are counted from 0, `character` in UTF-16 units."""

    line: int
    character: int


@dataclass(frozen=True, slots=True)
class Edit:
    """Text that takes the place of what stands from `start` to `end`."""

    start: Position
    end: Position
    text: str

    @staticmethod
    def of(item: dict[str, Any]) -> Edit:
        """Read an item of the server's answer."""
        start, end = (item["range"][side] for side in ("start", "end"))
        return Edit(
            Position(start["line"], start["character"]), Position(end["line"], end["character"]), item["insertText"]
        )


@dataclass(frozen=True, slots=True)
class Completion:
    """What is new after the cursor; `failure` names what the edit does beside completing."""

    text: str
    failure: str | None


class Text:
    """A text whose places can be given as LSP positions."""

    def __init__(self, text: str) -> None:
        self.text = text
        ends = [found.span() for found in LINE_END.finditer(text)]
        self._starts = [0, *(end for _, end in ends)]
        self._stops = [*(start for start, _ in ends), len(text)]

    def position(self, offset: int) -> Position:
        """Give the position of a character; within CRLF that of the line's end."""
        line = bisect_right(self._starts, offset) - 1
        return Position(line, units(self.text[self._starts[line] : min(offset, self._stops[line])]))

    def offset(self, position: Position) -> int:
        """Find a position's character; a position beyond the line or the text is its end."""
        if position.line >= len(self._starts):
            return len(self.text)
        start, stop = self._starts[position.line], self._stops[position.line]
        line = self.text[start:stop].encode("utf-16-le", "surrogatepass")
        return start + len(line[: 2 * position.character].decode("utf-16-le", "surrogatepass"))


def units(text: str) -> int:
    """Count UTF-16 units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def completed(prefix: str, suffix: str, edit: Edit) -> Completion:
    """Apply the edit to the text around the cursor, and give what is new after it."""
    text = Text(prefix + suffix)
    start, end = text.offset(edit.start), text.offset(edit.end)
    if not start <= len(prefix) <= end:
        return Completion("", "edit_elsewhere")
    kept, typed = prefix[:start], prefix[start:]
    rest = (prefix + suffix)[end:]
    if edit.text.startswith(typed):
        new = edit.text[len(typed) :]
        return Completion(_without(new, suffix[: len(suffix) - len(rest)]), None)
    same = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(typed, edit.text, strict=False)))
    line = (kept + typed).rpartition("\n")[2]
    return Completion(edit.text[same:], "rewrites_line" if line.strip() else "moves_indent")


def _without(new: str, replaced: str) -> str:
    """Take off what the edit puts back: text behind the cursor that it replaces by itself."""
    return new[: len(new) - len(replaced)] if replaced and new.endswith(replaced) else new
