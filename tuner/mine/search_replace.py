"""Write a change as SEARCH/REPLACE blocks, and apply such an answer again.

In: the old and the new text of a file, and the hunks between them (for their line numbers only). Out: the fewest lines
that make every SEARCH text unique, in the form that aider and many agents use:

    <<<<<<< SEARCH
    old lines
    =======
    new lines
    >>>>>>> REPLACE

A text is the list of its lines split at `\\n`, so that a final newline is an empty last line and every edit of the end
of a file can be said. Blocks are applied one after another, each to the first and only place that its SEARCH text
matches; ours are also unique in the old text, so that the order of reading does not matter.

Faults: see `FAULTS`. Nothing is guessed: no fuzzy match, no trimmed space.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from tuner.mine.history import Hunk

SEARCH, DIVIDER, REPLACE = "<<<<<<< SEARCH", "=======", ">>>>>>> REPLACE"
# aider takes five to nine signs for a marker; so do conflict markers and short underlines of reStructuredText.
MARKER = re.compile(r"^(?:<{5,9}|={5,9}|>{5,9})(?:\s|$)")
MAX_CONTEXT_LINES = 30
REMEMBERED = 32
BOM = b"\xef\xbb\xbf"
FAULTS = {
    "no_change": "old and new text are the same",
    "hunks_do_not_fit": "the texts differ elsewhere than the hunks say (redaction took another course on one side)",
    "ambiguous_search": f"more than {MAX_CONTEXT_LINES} lines of context would be needed",
    "marker_in_text": "a line of the change looks like a marker",
    "malformed_block": "the answer is not a list of whole blocks",
    "no_match": "a SEARCH text does not stand in the file",
    "several_matches": "a SEARCH text stands in the file more than once",
}


class Fault(Exception):
    """Why no blocks can be written, or why an answer cannot be applied. `reason` is a key of `FAULTS`."""

    def __init__(self, reason: str) -> None:
        assert reason in FAULTS, reason
        super().__init__(f"{reason}: {FAULTS[reason]}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Region:
    """Lines `old_start:old_end` that became lines `new_start:new_end`, half-open and from 0."""

    old_start: int
    old_end: int
    new_start: int
    new_end: int


@dataclass(frozen=True, slots=True)
class Block:
    """One edit: the lines that are looked for, and the lines that take their place."""

    search: tuple[str, ...]
    replace: tuple[str, ...]

    def __str__(self) -> str:
        return "\n".join((SEARCH, *self.search, DIVIDER, *self.replace, REPLACE))


@functools.lru_cache(maxsize=REMEMBERED)
def lines_of(text: str) -> list[str]:
    """Split a text at its line ends, from the last few if it was asked for; the list is not to be changed."""
    return text.split("\n")


def changed_regions(old: str, new: str, hunks: Iterable[Hunk]) -> list[Region]:
    """List the changed runs of lines in order, without lines that are equal at their edges; raise a `Fault`."""
    return list(_regions(old, new, tuple(hunks)))


@functools.lru_cache(maxsize=REMEMBERED)  # each kind asks for those of the same change
def _regions(old: str, new: str, hunks: tuple[Hunk, ...]) -> list[Region]:
    before, after = lines_of(old), lines_of(new)
    found = [run for hunk in hunks for run in _runs(hunk)]
    if found and found[-1].old_end >= len(before) - _ends_line(old) and _ends_line(old) != _ends_line(new):
        found[-1] = Region(found[-1].old_start, len(before), found[-1].new_start, len(after))
    old_at = new_at = 0
    for run in [*found, Region(len(before), len(before), len(after), len(after))]:
        if before[old_at : run.old_start] != after[new_at : run.new_start]:
            raise Fault("hunks_do_not_fit")
        old_at, new_at = run.old_end, run.new_end
    return [region for run in found if (region := _trimmed(run, before, after)) is not None]


def blocks_of(old: str, new: str, hunks: Iterable[Hunk]) -> list[tuple[Region, Block]]:
    """Build the smallest blocks, each with the region that it covers; raise a `Fault`."""
    regions = changed_regions(old, new, hunks)
    if not regions:
        raise Fault("no_change")
    before, after = lines_of(old), lines_of(new)
    covered: list[Region] = []
    waiting = regions[::-1]
    while waiting:
        region = waiting.pop()
        so_far = "\n".join(after[: region.new_start] + before[region.old_start :])  # once the blocks above are applied
        wide = _widened(region, before, old, so_far)
        if covered and (wide is None or wide.old_start <= covered[-1].old_end):
            above = covered.pop()
            waiting.append(Region(above.old_start, region.old_end, above.new_start, region.new_end))
        elif waiting and (wide is None or wide.old_end >= waiting[-1].old_start):
            below = waiting.pop()
            waiting.append(Region(region.old_start, below.old_end, region.new_start, below.new_end))
        elif wide is None:
            raise Fault("ambiguous_search")
        else:
            covered.append(wide)
    found = []
    for each in covered:
        lines = (tuple(before[each.old_start : each.old_end]), tuple(after[each.new_start : each.new_end]))
        if any(MARKER.match(line) for side in lines for line in side):
            raise Fault("marker_in_text")
        found.append((each, Block(*lines)))
    return found


def answer(blocks: Iterable[Block]) -> str:
    """Write blocks the way that a model answers, without a newline at the end."""
    return "\n".join(map(str, blocks))


def parse(text: str) -> list[Block]:
    """Read an answer; blank lines may stand between blocks, anything else is a `Fault`."""
    blocks: list[Block] = []
    sides: list[list[str]] = []
    for line in text.split("\n"):
        if line == SEARCH and not sides:
            sides = [[]]
        elif line == DIVIDER and len(sides) == 1:
            sides.append([])
        elif line == REPLACE and len(sides) == 2:
            blocks.append(Block(tuple(sides[0]), tuple(sides[1])))
            sides = []
        elif sides and not MARKER.match(line):
            sides[-1].append(line)
        elif sides or line.strip():
            raise Fault("malformed_block")
    if sides or not blocks or any(not block.search for block in blocks):
        raise Fault("malformed_block")
    return blocks


def apply(old: str, text: str) -> str:
    """Give the file after an answer's blocks; raise a `Fault` where one does not match exactly once."""
    for block in parse(text):
        framed, wanted = f"\n{old}\n", "\n".join(("", *block.search, ""))
        at = framed.find(wanted)
        if at < 0:
            raise Fault("no_match")
        if framed.find(wanted, at + 1) >= 0:
            raise Fault("several_matches")
        old = (framed[:at] + "\n".join(("", *block.replace, "")) + framed[at + len(wanted) :])[1:-1]
    return old


def reproduces(old: bytes, new: bytes, text: str) -> bool:
    """Tell whether an answer turns one raw blob into the other, byte for byte.

    The answer's lines end in `\\n`; a byte-order mark and uniform `\\r\\n` stay. Mixed ends are refused.
    """
    used = {_line_end(old), _line_end(new)} - {None}
    if len(used) > 1 or b"" in used:
        return False
    ends = used.pop() if used else b"\n"
    assert ends is not None
    mark = BOM if old.startswith(BOM) else b""
    try:
        given = apply(old.removeprefix(BOM).decode("utf-8").replace("\r\n", "\n"), text)
    except (Fault, UnicodeDecodeError):
        return False
    return mark + given.encode("utf-8", "surrogatepass").replace(b"\n", ends) == new


def _line_end(data: bytes) -> bytes | None:
    """Give the line end that a file uses throughout, None for a single line, and nothing at all for a mixture."""
    windows, all_ends = data.count(b"\r\n"), data.count(b"\n")
    if not all_ends:
        return None
    return {0: b"\n", all_ends: b"\r\n"}.get(windows, b"")


def _ends_line(text: str) -> bool:
    """Tell whether the last line of the list is none of git's: it is empty, after a final newline or in no text."""
    return not text or text.endswith("\n")


def _runs(hunk: Hunk) -> list[Region]:
    """Split a hunk at its unchanged lines."""
    has_old = any(line[:1] != b"+" for line in hunk.lines)
    has_new = any(line[:1] != b"-" for line in hunk.lines)
    old_at, new_at = hunk.old_start - has_old, hunk.new_start - has_new
    runs: list[Region] = []
    old_from, new_from = old_at, new_at
    for line in [*hunk.lines, b" "]:
        if line[:1] == b"-":
            old_at += 1
        elif line[:1] == b"+":
            new_at += 1
        else:
            if (old_from, new_from) != (old_at, new_at):
                runs.append(Region(old_from, old_at, new_from, new_at))
            old_at, new_at = old_at + 1, new_at + 1
            old_from, new_from = old_at, new_at
    return runs


def _trimmed(region: Region, before: list[str], after: list[str]) -> Region | None:
    """Leave out lines that are the same on both sides; None when all are (only line ends or redacted text differed)."""
    old_start, old_end, new_start, new_end = region.old_start, region.old_end, region.new_start, region.new_end
    while old_start < old_end and new_start < new_end and before[old_start] == after[new_start]:
        old_start, new_start = old_start + 1, new_start + 1
    while old_start < old_end and new_start < new_end and before[old_end - 1] == after[new_end - 1]:
        old_end, new_end = old_end - 1, new_end - 1
    if old_start == old_end and new_start == new_end:
        return None
    return Region(old_start, old_end, new_start, new_end)


def _widened(region: Region, before: list[str], old: str, so_far: str) -> Region | None:
    """Add the fewest lines of context that make a region's old text unique, or give None.

    Of equal choices the one with more above is taken, where a reader looks first.
    """
    most_above = min(region.old_start, MAX_CONTEXT_LINES)
    most_below = min(len(before) - region.old_end, MAX_CONTEXT_LINES)

    def is_unique(above: int, below: int) -> bool:
        text = "\n".join(before[region.old_start - above : region.old_end + below])
        return bool(text.strip()) and _stands_once(text, old) and _stands_once(text, so_far)

    below = next((count for count in range(most_below + 1) if is_unique(0, count)), most_below)
    best: tuple[int, int] | None = None
    for above in range(most_above + 1):  # the more stands above, the less is needed below
        if best is not None and above > sum(best):
            break
        while below > 0 and is_unique(above, below - 1):
            below -= 1
        if (best is None or above + below <= sum(best)) and is_unique(above, below):
            best = above, below
    if best is None:
        return None
    above, below = best
    return Region(region.old_start - above, region.old_end + below, region.new_start - above, region.new_end + below)


def _stands_once(text: str, whole: str) -> bool:
    at = whole.find(text)
    return at >= 0 and whole.find(text, at + 1) < 0
