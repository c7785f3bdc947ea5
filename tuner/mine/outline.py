"""Say in plain words what a change does to a file, as a developer would who asks for it.

In: both sides of a file and its changed regions. Out: one line for each function or class that changes, made of the
clauses of its regions; or the reason why that cannot be said shortly: then nobody could guess it either. Lines of the
old code, which is shown, tell two places of one function apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tree_sitter import Node

from tuner.mine import syntax
from tuner.mine.change_tokens import Side
from tuner.mine.clauses import MAX_QUOTED, Clauses, Unsaid, telling_line
from tuner.mine.search_replace import Region

MAX_ALL_NAMES, MAX_ALL_LINES = 14, 24
NO_NAMES = frozenset((b"namespace", b"if", b"else", b"for", b"while", b"switch", b"return", b"extern"))


@dataclass(slots=True)
class Outline:
    """What is asked for, one line for each place; or the reason why it cannot be said."""

    lines: list[str] = field(default_factory=list)
    reason: str | None = None


def outline(old: Side, new: Side, regions: Iterable[Region]) -> Outline:
    """Say what changes, place by place."""
    regions = list(regions)
    clauses = Clauses(old, new)
    said: list[tuple[str, str, str]] = []
    names = lines = 0
    try:
        for each in regions:
            clause, told = clauses.clause(each)
            names, lines = names + told, lines + each.new_end - each.new_start
            said.append((_place(old, new, each), _anchor(old, each), clause))
    except Unsaid as unsaid:
        return Outline(reason=str(unsaid))
    if names > MAX_ALL_NAMES:
        return Outline(reason="unsaid_names")
    if lines > MAX_ALL_LINES:
        return Outline(reason="more_than_asked")
    return Outline(_joined(said))


def _joined(said: list[tuple[str, str, str]]) -> list[str]:
    """Put the clauses of one place into one line; what several places have alike is said once."""
    of_place: dict[str, list[tuple[str, str]]] = {}
    for place, anchor, clause in said:
        of_place.setdefault(place, []).append((anchor, clause))
    lines = []
    for place, clauses in of_place.items():
        alike: dict[str, list[str]] = {}
        for anchor, clause in clauses:
            alike.setdefault(clause, []).append(anchor)
        needs_anchor = not place or len(alike) > 1
        told = []
        for clause, anchors in alike.items():
            where = f"{anchors[0]} " if needs_anchor and len(anchors) == 1 and anchors[0] else ""
            where = "" if clause.startswith("remove `") and anchors[0].partition(" ")[2] in clause else where
            told.append(where + clause + (f" ({len(anchors)} times)" if len(anchors) > 1 else ""))
        lines.append((f"in `{place}`: " if place else "") + "; ".join(told))
    return lines


def _place(old: Side, new: Side, region: Region) -> str:
    """Name the function or class around a region, as it was named before."""
    if region.old_start < region.old_end:
        return _around(old, region.old_start, region.old_end)
    return _around(new, region.new_start, region.new_end)


def _anchor(old: Side, region: Region) -> str:
    """Say where in the shown code a region stands, by a line of it."""
    lines = old.lines
    inside = telling_line(lines[region.old_start : region.old_end])
    if inside:
        return f"at `{inside}`"
    if region.old_start < region.old_end:
        return ""
    if above := telling_line(lines[max(0, region.old_start - 1) : region.old_start]):
        return f"after `{above}`"
    below = telling_line(lines[region.old_end : region.old_end + 2])
    return f"before `{below}`" if below else ""


def _around(side: Side, first: int, last: int) -> str:
    """Name the innermost function or class that holds lines and more than them, with the class that it stands in."""
    if side.tree is None or first >= last:
        return ""
    start, end = side.start_of(first), side.start_of(last) - 1
    while start < end and side.data[start : start + 1].isspace():
        start += 1
    node: Node | None = side.tree.root_node.descendant_for_byte_range(start, max(start, end))
    functions = (*syntax.FUNCTIONS[side.language.name].split(), *syntax.NAMED_BY_HOLDER)
    names: list[str] = []
    while node is not None and len(names) < 2:
        is_wider = node.start_byte < side.start_of(first) or node.end_byte > end + 1
        if is_wider and ((node.type in functions and not names) or node.type in syntax.CLASSES):
            name = _name_of(node)
            # Macros before a block make a grammar read it as a function that is named by a key word.
            if name is not None and len(name) <= MAX_QUOTED and name not in NO_NAMES and b"\n" not in name:
                names.append(name.decode("utf-8", "replace"))
        node = node.parent
    return ".".join(reversed(names))


def _name_of(node: Node) -> bytes | None:
    of = node.child_by_field_name("type") if node.type == "impl_item" else None
    if of is not None:
        return of.text
    holder = node.parent if node.type in syntax.NAMED_BY_HOLDER else node
    return syntax.name_of(holder) if holder is not None else None
