"""Kind `line_infilling`: a cursor in a line, and the rest of that line or of the block that it begins.

This is where people ask for completions. A third of the holes run to the end of a block (Refact's fine-tuning has
nearly half; here whole nodes have a kind of their own).
"""

from __future__ import annotations

from collections.abc import Iterator

from tuner.mine.drafts import Draft, SourceFile
from tuner.mine.holes import choose_lines, cut
from tuner.records import PairKind

BLOCK_SHARE = 1 / 3


def drafts(file: SourceFile) -> Iterator[Draft]:
    """Yield up to `mine.line_infilling_per_file` holes in the order of the file."""
    kind: PairKind = "line_infilling"
    count = file.settings.line_infilling_per_file
    chance = file.chance(kind)
    blocks = choose_lines(file, chance, round(count * BLOCK_SHARE), to_block_end=True)
    lines = choose_lines(file, chance, count - len(blocks), to_block_end=False, taken=blocks)
    for start, end in sorted(blocks + lines):
        yield file.draft(kind, **cut(file, start, end))
