"""Find which names an answer uses, once it stands at its cursor, and whether the file then still parses.

In: an item and a text in the place of its target. Out: `Uses`: the names that the text calls, looks up, imports or
passes arguments by, and those that it brings in itself. A word that the cursor stands in counts as the whole word. The
last name is left out where the answer was cut off in it. Only nodes that reach into the answer are looked at.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tree_sitter import Node, Query, QueryCursor, Tree

from tuner.grammars import GRAMMARS, grammar, tree_of
from tuner.identifiers import WORD
from tuner.imports import Import, imports_of
from tuner.name_queries import USES
from tuner.records import Item

Position = Literal["call", "attribute", "argument"]
OPENINGS = {"python": ('"""', "'''"), "javascript": ("/* ", "`"), "typescript": ("/* ", "`"), "go": ("/* ", "`")}
CLOSES = {"/* ": "*/"}
IS_SET = re.compile(rb"[ \t]*=(?![=>])")
OPENED = re.compile(rb"(?<![\w.])(?<!def )(?<!class )([A-Za-z_]\w*)\(")
LAST_PARTS = ("attribute", "property", "field", "name")  # of what is assigned to, by grammar


@dataclass(frozen=True, slots=True)
class Use:
    """A name in one position. `on` is the text of what it is looked up on, or of the function that is called."""

    name: str
    position: Position
    on: str


@dataclass(frozen=True, slots=True)
class Uses:
    """What an answer says of names; `faults` counts the places of the whole file that do not parse."""

    names: tuple[Use, ...]
    imports: tuple[Import, ...]
    defined: frozenset[str]
    faults: int


def uses_of(item: Item, text: str, *, is_cut_off: bool) -> Uses | None:
    """Read an answer in its file; None for a language without a grammar."""
    opening = opening_of(item)
    tree = _tree(item, opening, text)
    if tree is None:
        return None
    before, inside = (opening + item.prefix).encode("utf-8", "surrogatepass"), text.encode("utf-8", "surrogatepass")
    start, end = len(before), len(before) + len(inside)
    whole = before + inside
    names: dict[Use, None] = {}
    imports: list[Import] = []
    defined: set[str] = set()
    import_spans: list[tuple[int, int]] = []
    found_at: list[tuple[int, Use]] = []
    for found in _matches(tree, item.language, start, end):
        if "import" in found:
            node = found["import"][0]
            import_spans.append((node.start_byte, node.end_byte))
            imports += _imports(node, item, end if is_cut_off else -1)
        for node in (*found.get("define", ()), *found.get("target", ())):
            defined.update(_brought_in(node))
        for position in ("call", "attribute", "argument"):
            for node in found.get(position, ()):
                if position == "attribute" and IS_SET.match(whole, node.end_byte):
                    defined.add(_text(node))  # as far as the statement parses, it is a target already
                if _touches(node, start, end) and not (is_cut_off and node.end_byte >= end):
                    on = found.get("callee" if position == "argument" else "on")
                    found_at.append((node.start_byte, Use(_text(node), position, _text(on[0]) if on else "")))
    found_at += _opened(tree, whole, start) if item.language == "python" else ()
    for place, use in sorted(found_at, key=lambda each: each[0]):
        if not any(first <= place < last for first, last in import_spans):
            names[use] = None
    return Uses(tuple(names), tuple(imports), frozenset(defined), _faults(tree))


@functools.lru_cache(maxsize=4096)
def opening_of(item: Item) -> str:
    """Give what opens a string or comment that the item's prefix begins in: prefixes are cut at a length.

    Read without it, code would be text and text code. Chosen is what leaves the author's file with fewest faults.
    """
    best, fewest = "", -1
    possible = OPENINGS.get(item.language, ("/* ",))
    for opening in ("", *(each for each in possible if CLOSES.get(each, each) in item.prefix)):
        tree = _tree(item, opening, item.target)
        faults = 0 if tree is None else _stray(tree)
        if fewest < 0 or faults < fewest:
            best, fewest = opening, faults
        if fewest == 0:
            break
    return best


def _tree(item: Item, opening: str, text: str) -> Tree | None:
    whole = opening + item.prefix + text + item.suffix
    return tree_of(whole.encode("utf-8", "surrogatepass"), item.language)


def _matches(tree: Tree, language: str, start: int, end: int) -> Iterator[dict[str, list[Node]]]:
    if start == end:
        return
    cursor = QueryCursor(_query(language))
    cursor.set_byte_range(start, end)
    for _, found in cursor.matches(tree.root_node):
        if any(_touches(node, start, end) for name in found for node in found[name]):
            yield found


def _opened(tree: Tree, whole: bytes, start: int) -> Iterator[tuple[int, Use]]:
    """Yield the calls that are begun and never closed, which the grammar does not know as calls."""
    for found in OPENED.finditer(whole):
        first, last = found.span(1)
        node = tree.root_node.descendant_for_byte_range(first, last) if last > start else None
        if node is not None and node.type == "identifier" and node.parent is not None and node.parent.is_error:
            yield first, Use(_text(node), "call", "")


def _imports(node: Node, item: Item, cut_at: int) -> list[Import]:
    return [] if node.has_error or node.end_byte == cut_at else imports_of(node, item.language)


def _touches(node: Node, start: int, end: int) -> bool:
    return node.start_byte < end and node.end_byte > start


def _brought_in(node: Node) -> set[str]:
    """Give the names that a pattern binds; of what it only reads on the way (`a` in `a.b = 1`), none."""
    if node.type in ("subscript", "subscript_expression", "index_expression"):
        return set()
    for part in LAST_PARTS if node.type in _LOOK_UPS else ():
        last = node.child_by_field_name(part)
        if last is not None:
            return {_text(last)}
    return set(WORD.findall(_text(node)))


_LOOK_UPS = frozenset(
    {
        "attribute",
        "member_expression",
        "selector_expression",
        "field_expression",
        "field_access",
        "qualified_identifier",
    }
)


def _faults(tree: Tree) -> int:
    """Count the places that the grammar could not read."""
    count, waiting = 0, [tree.root_node]
    while waiting:
        node = waiting.pop()
        count += node.is_error or node.is_missing
        waiting += [child for child in node.children if child.has_error or child.is_missing]
    return count


def _stray(tree: Tree) -> int:
    """Count the tokens that found no place in the tree: prose that is read as code has many."""
    count, waiting = 0, [tree.root_node]
    while waiting:
        node = waiting.pop()
        count += node.is_missing
        if node.is_error:
            count += sum(child.child_count == 0 for child in node.children) + 1
        waiting += [child for child in node.children if child.has_error or child.is_missing]
    return count


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")


@functools.cache
def _query(language: str) -> Query:
    return Query(grammar(*GRAMMARS[language]), USES[language])
