"""Count the cursors in the rest of a line from which greedy decoding would have given what is left of it.

In: an item of one line, its target's tokens, and the likeliest token before each of them and behind the last, as the
scoring pass shows them. Out: how many cursors were tried, and from how many the rest came out right: every likeliest
token is the target's own, and behind the last one the line ends. No cursor but the item's own is generated from, so
that ten verdicts cost what one did.

The cursors are the item's own and every token boundary behind it that leaves three visible characters. Behind the
item's own cursor tokens are those of the whole line; an editor's cursor there would be healed first, and another way
to cut the same text into tokens counts as wrong. Of bodies nothing is counted.
"""

from __future__ import annotations

from collections.abc import Sequence

from tuner.evaluate.healing import Healer
from tuner.records import ONE_LINE_KINDS, Item

FEWEST_LEFT = 3  # visible characters, as of an item


def count_cuts(
    item: Item,
    healed: bytes,
    target: Sequence[int],
    picks: Sequence[int],
    healer: Healer,
    stop_ids: frozenset[int],
) -> tuple[int | None, int | None]:
    """Give the number of cursors, and of those that are right; None where nothing is counted."""
    if item.kind not in ONE_LINE_KINDS or not target:
        return None, None
    text, right = b"", picks[-1] in stop_ids or _ends_line(healer.spelling(picks[-1]), b"")
    left: list[tuple[bytes, bool]] = []  # what is left of the line behind each boundary, the last first
    for ident, pick in zip(reversed(target), reversed(picks[: len(target)]), strict=True):
        text = healer.spelling(ident) + text
        right = (pick == ident and right) or _ends_line(healer.spelling(pick), text)
        left.append((text, right))
    left.reverse()
    typed = len(text) - len(healed)  # of the text behind the cursor
    later = [is_right for rest, is_right in left[1:] if len(rest) < typed and _says_enough(rest)]
    tried = [left[0][1], *later]
    return len(tried), sum(tried)


def _ends_line(spelled: bytes, rest: bytes) -> bool:
    """Tell whether a token spells the rest of the line and its end; many have one for `):` with a newline."""
    return spelled.startswith(rest) and spelled[len(rest) :].lstrip(b" \t\r").startswith(b"\n")


def _says_enough(rest: bytes) -> bool:
    return sum(not each.isspace() for each in rest.decode("utf-8", "ignore")) >= FEWEST_LEFT
