"""Say where a completion ends: the one place that cuts what a model goes on to write.

In: the text around the cursor, and the answer in pieces. Out: the pieces up to the boundary.

    line    the answer ends with its line, as in evaluation
    block   further lines belong to it while they stand at least as deep as the cursor's line. It ends before a line
            that stands less deep, before one as deep that follows a blank line, before two blank lines, and before the
            first line of the text after the cursor, which the model would only repeat
    none    the answer ends where the model or the token limit ends it

A cursor in the middle of a line asks for `line`, one at the end of its line for `block`, unless the client says
otherwise. Blanks before a line's end are dropped, as in evaluation; in the middle of a line the last ones stay, since
text follows them. The client's stop texts end an answer under every boundary.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

Boundary = Literal["line", "block", "none"]


def boundary_at(suffix: str) -> Boundary:
    """Choose the boundary for a cursor whose client names none."""
    return "line" if suffix.partition("\n")[0].strip() else "block"


class Ending:
    """Cut an answer that comes in pieces. `done` is set once it has ended."""

    def __init__(self, boundary: Boundary, stops: Sequence[str], prefix: str = "", suffix: str = "") -> None:
        self.done = False
        self._stops = Stops(stops)
        rest, _, below = suffix.partition("\n")
        trims = not rest.strip()
        self._lines: Line | Block | None
        if boundary == "line":
            self._lines = Line(trims)
        elif boundary == "block":
            after = next((line.strip() for line in below.split("\n") if line.strip()), "")
            self._lines = Block(trims, prefix.rpartition("\n")[2], after)
        else:
            self._lines = None

    def add(self, piece: str) -> str:
        """Take the next piece, and give what can be shown by now."""
        if self.done:
            return ""
        text = self._stops.add(piece)
        shown = self._lines.add(text) if self._lines else text
        if self._stops.done and self._lines and not self._lines.done:
            shown += self._lines.finish()
        self.done = self._stops.done or (self._lines is not None and self._lines.done)
        return shown

    def finish(self) -> str:
        """Give what was held back, once the model has ended."""
        if self.done:
            return ""
        self.done = True
        held = self._stops.held
        if self._lines is None:
            return held
        shown = self._lines.add(held)
        return shown if self._lines.done else shown + self._lines.finish()


class Stops:
    """End before the first stop text; `held` is what may be the beginning of one."""

    def __init__(self, stops: Sequence[str]) -> None:
        self.done = False
        self.held = ""
        self._stops = [stop for stop in stops if stop]

    def add(self, piece: str) -> str:
        """Take the next piece, and give what belongs to no stop text."""
        text = self.held + piece
        found = [at for at in map(text.find, self._stops) if at >= 0]
        if found:
            self.done, self.held = True, ""
            return text[: min(found)]
        count = len(text) - max((_beginning(text, stop) for stop in self._stops), default=0)
        self.held = text[count:]
        return text[:count]


class Line:
    """End with the line. Blanks are held back until something follows them."""

    def __init__(self, trims: bool) -> None:
        self.done = False
        self.text = ""
        self._trims = trims
        self._blanks = ""

    def add(self, piece: str) -> str:
        """Take the next piece, and give what can be shown by now."""
        text, newline, _ = piece.partition("\n")
        self.text += text
        text = self._blanks + text
        shown = text.rstrip()
        self._blanks = text[len(shown) :]
        if newline:
            shown += self.finish()
        return shown

    def finish(self) -> str:
        """Give the last blanks, unless the line ends with them."""
        self.done = True
        return "" if self._trims else self._blanks.rstrip("\r")


class Block:
    """End with the block of the cursor's line. `after` is the next line that stands after the cursor already."""

    def __init__(self, trims: bool, line: str, after: str) -> None:
        self.done = False
        self._after = after
        self._start = line
        self._depth = 0  # known once the cursor's line is whole
        self._line = Line(trims)
        self._is_first = True
        self._gap = ""  # line ends that belong to the answer only if another line does
        self._held = ""  # a line that cannot be judged yet

    def add(self, piece: str) -> str:
        """Take the next piece, and give what can be shown by now."""
        shown = ""
        while piece and not self.done:
            text, newline, piece = piece.partition("\n")
            shown += self._within(text)
            if newline and not self.done:
                shown += self._line_end()
        return shown

    def finish(self) -> str:
        """Give what was held back of the last line."""
        if self._is_first or self._is_open:
            shown = self._line.finish()
        else:
            shown = "" if self._repeats(self._held) or not self._held.strip() else self._gap + self._held.rstrip()
        self.done = True
        return shown

    @property
    def _is_open(self) -> bool:
        """Tell whether the line that is coming was found to belong to the block."""
        return not self._is_first and not self._gap

    def _within(self, text: str) -> str:
        if self._is_first or self._is_open:
            return self._line.add(text)
        self._held += text
        if not self._held.strip():
            return ""
        depth = _depth(self._held)
        if depth < self._depth or (depth == self._depth and self._gap.count("\n") > 1):
            self.done = True
            return ""
        if self._after.startswith(self._held.strip()):
            return ""
        return self._opened()

    def _opened(self) -> str:
        gap, held = self._gap, self._held
        self._gap = self._held = ""
        self._line = Line(trims=True)
        return gap + self._line.add(held)

    def _line_end(self) -> str:
        shown = ""
        if self._is_first:
            self._depth = _depth(self._start + self._line.text)
            shown = self._line.finish()
            self._is_first = False
        elif self._held.strip():
            if self._repeats(self._held):
                self.done = True
                return ""
            shown = self._opened()
        self._held = ""
        self._gap += "\n"
        self.done = self._gap.count("\n") > 2
        return shown

    def _repeats(self, line: str) -> bool:
        return bool(self._after) and line.strip() == self._after


def _depth(line: str) -> int:
    wide = line.expandtabs(8)
    return len(wide) - len(wide.lstrip())


def _beginning(text: str, stop: str) -> int:
    """Say how long an end of `text` is the beginning of `stop`."""
    return next((size for size in range(min(len(stop) - 1, len(text)), 0, -1) if stop.startswith(text[-size:])), 0)
