"""Choose the short functions of the same file that a function calls.

In: a parsed file and one of its functions. Out: the texts of those functions, and whether these are all. A name means
the function of the same class where there is one, and never a function inside another function: such a namesake cannot
be called from outside. What the function defines within itself is shown with it.
"""

from __future__ import annotations

import re

from tuner.mine import syntax
from tuner.mine.fixtures import words
from tuner.mine.parsed import Parsed

MAX_CALLEE_LINES, MAX_CALLEES_LINES = 15, 40
DOTS = (".", "::", "->", "?.")


def callees(file: Parsed, function: tuple[str, int, int]) -> tuple[list[str], bool]:
    """Give the short functions of the same file that a function calls, and whether those are all of them."""
    name, start, end = function
    tokens = words(file, start, end)
    receiver = re.match(r"\s*func\s*\(\s*(\w+)", file.text(start, end))
    own = ("self", "this", "Self", receiver.group(1) if receiver else "this")
    called = {
        token
        for owner, dot, token, after in zip(["", "", *tokens], ["", *tokens], tokens, tokens[1:], strict=False)
        if after == "(" and (dot not in DOTS or owner in own)
    } - {name}
    found: dict[str, list[tuple[int, int]]] = {}
    for other, from_, to in file.functions:
        if last_part(other) in called and not (from_ <= start and end <= to):
            found.setdefault(last_part(other), []).append((from_, to))
    above = class_line(file, start)
    texts, budget, is_whole = [], MAX_CALLEES_LINES, True
    for from_, to in sorted(place for places in found.values() for place in _meant(places, function, above, file)):
        text = file.text(from_, to)
        lines = text.count("\n") + 1
        if lines > MAX_CALLEE_LINES or lines > budget:
            is_whole = False
        else:
            budget -= lines
            texts.append(text)
    return texts, is_whole


def _meant(
    places: list[tuple[int, int]], function: tuple[str, int, int], above: str | None, file: Parsed
) -> list[tuple[int, int]]:
    """Choose among functions of one name: none where the caller defines it, its class's own, else outer ones."""
    _, start, end = function
    if any(start <= from_ and to <= end for from_, to in places):
        return []
    outer = [
        (from_, to)
        for from_, to in places
        if not any(first <= from_ and to <= last and last - first > to - from_ for _, first, last in file.functions)
    ]
    return [each for each in outer if class_line(file, each[0]) == above] or outer


def class_line(file: Parsed, start: int) -> str | None:
    """Give the line that begins the class around a place, if any."""
    while file.data[start : start + 1].isspace():
        start += 1
    return syntax.class_line(file.tree, file.data, start)


def last_part(name: str) -> str:
    """Give the last part of a qualified name."""
    return re.split(r"::|\.", name)[-1]
