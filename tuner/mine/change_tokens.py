"""Read the tokens of some lines: names, key words, texts, numbers, signs and remarks.

In: a text, its tree where its language has a grammar, and a run of lines. Out: the tokens in order, with their place in
the text. Docstrings count as remarks. Lines inside of a long text, often a script or a template, and languages without
a grammar are read by signs that most languages share.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from tree_sitter import Node, Tree

from tuner.mine.languages import Language
from tuner.mine.parsed import parsed

TokenKind = Literal["name", "word", "text", "number", "sign", "remark"]
NAME = re.compile(r"[A-Za-z_$@][\w$]*[!?]?")
# Values and receivers that any code has: they say as little as a key word does.
_WORDS = (
    "self this super cls None nil null nullptr undefined true false True False void int bool boolean char string str "
    "float double long size_t auto var let const if else for while do switch case return break continue try catch "
    "except finally raise throw with yield await async import from in is not and or new delete def class func fn "
    "extends infer function struct enum interface trait impl type typedef public private protected static final end "
    "then fi done esac elif match use pub mod mut ref as default package goto defer go map range chan select"
)
WORDS = frozenset(_WORDS.split())
ROUGHLY = re.compile(
    r"(?P<remark><!--.*?-->|/\*.*?\*/|(?:(?<=\s)|^)(?://|#(?!\w)).*)|(?P<text>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*')"
    r"|(?P<name>[A-Za-z_$@][\w$]*)|(?P<number>\d[\w.]*)|(?P<sign>[^\w\s])",
    re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Token:
    """One token; `start` and `end` are bytes of the text."""

    kind: TokenKind
    text: str
    start: int
    end: int


class Side:
    """One side of a change: its lines, and its tree where the language has a grammar. Offsets are bytes."""

    def __init__(self, text: str, language: Language) -> None:
        self.language = language
        self.lines = text.split("\n")
        self.data = text.encode("utf-8", "surrogatepass")
        self.tree: Tree | None = parsed(text, language).tree if language.grammar is not None else None
        self._starts = [0, *accumulate(len(line) + 1 for line in self.data.split(b"\n"))]

    def start_of(self, line: int) -> int:
        """Give the first byte of a line; of the one after the last, the end."""
        return min(self._starts[line], len(self.data))

    def line_at(self, offset: int) -> int:
        """Give the line that holds a byte."""
        return bisect_right(self._starts, offset) - 1

    def text(self, start: int, end: int) -> str:
        """Give the text between two offsets."""
        return self.data[start:end].decode("utf-8", "surrogatepass")


def tokens_of(side: Side, first: int, last: int) -> list[Token]:
    """Give the tokens of the lines from `first` up to `last`, which is not among them."""
    if first >= last:
        return []
    start = side.start_of(first)
    end = side.start_of(last)
    if side.tree is None:
        return list(_roughly(side.text(start, end), start))
    return list(_leaves(side, start, end))


def _leaves(side: Side, start: int, end: int) -> Iterator[Token]:
    assert side.tree is not None
    around = side.tree.root_node.descendant_for_byte_range(start, max(start, end - 1))
    waiting = [around] if around is not None else []
    while waiting:
        node = waiting.pop()
        if node.end_byte <= start or node.start_byte >= end:
            continue
        is_whole = start <= node.start_byte and node.end_byte <= end
        from_, to = max(start, node.start_byte), min(end, node.end_byte)
        if "comment" in node.type or _is_docstring(node):
            yield Token("remark", side.text(from_, to).strip(), from_, to)
        elif _is_text(node) and not is_whole and not any(map(_is_code, node.children)):
            yield from _roughly(side.text(from_, to), from_)
        elif _is_text(node):
            yield Token("text", side.text(node.start_byte, node.end_byte), node.start_byte, node.end_byte)
        elif node.child_count:
            waiting.extend(reversed(node.children))
        elif is_whole and node.end_byte > node.start_byte:
            yield from _leaf(node, side.text(node.start_byte, node.end_byte))


def _leaf(node: Node, text: str) -> Iterator[Token]:
    if NAME.fullmatch(text):
        is_name = node.is_named and text not in WORDS
        yield Token("name" if is_name else "word", text, node.start_byte, node.end_byte)
    elif text[0].isdigit() and node.is_named:
        yield Token("number", text, node.start_byte, node.end_byte)
    elif node.is_named:  # what the grammar leaves as one piece, such as the right side of a macro
        yield from _roughly(text, node.start_byte)
    elif text.strip():
        yield Token("word" if text[-1].isalpha() else "sign", text.strip(), node.start_byte, node.end_byte)


def _roughly(text: str, offset: int) -> Iterator[Token]:
    at, counted = offset, 0
    for found in ROUGHLY.finditer(text):
        at += len(text[counted : found.start()].encode("utf-8", "surrogatepass"))
        counted = found.start()
        kind, said = found.lastgroup, found.group()
        if kind == "name" and said in WORDS:
            kind = "word"
        assert kind is not None
        yield Token(kind, said, at, at + len(said.encode("utf-8", "surrogatepass")))  # type: ignore[arg-type]


def _is_text(node: Node) -> bool:
    return ("string" in node.type and node.type != "concatenated_string") or node.type in ("char_literal", "regex")


def _is_code(node: Node) -> bool:
    """Tell code inside of a text, such as `${x}`."""
    return "interpolation" in node.type or "substitution" in node.type


def _is_docstring(node: Node) -> bool:
    """Tell a text that is a statement of its own, or a piece of one."""
    while node.parent is not None and node.parent.type == "string":
        node = node.parent
    return node.type == "string" and node.parent is not None and node.parent.type == "expression_statement"
