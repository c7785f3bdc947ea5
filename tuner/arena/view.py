"""Draw a duel's code: the lines before and after the cursor, and its line as each of the two answers completes it.

In: an item and an answer. Out: safe HTML. Both answers go through the same function, which knows no system's name, so
that they can only differ in what they say. Left out: lines further from the cursor than `BEFORE` and `AFTER`, the
indentation that all shown lines share, and the far ends of very long lines, where an ellipsis says so.

Colours are those of the language, found by Pygments. The lines around the cursor are coloured without the line that is
asked for: neither an answer nor the truth can show in them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from markupsafe import Markup, escape
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name
from pygments.token import Comment, Keyword, Name, Number, Operator, String
from pygments.util import ClassNotFound

from tuner.records import Item
from tuner.visible import visible

BEFORE, AFTER = 18, 6  # lines shown
LONGEST_LINE = 300  # characters shown of a line around the cursor, and of what is typed before it
LONGEST_ANSWER = 1000
LEXED = 8000  # characters on either side that the colours take into account
# Pygments has hundreds of token types; a class of a page's style sheet stands for each of these families.
_FAMILIES = (
    (Comment, "c"),
    (String, "s"),
    (Number, "n"),
    (Keyword, "k"),
    (Operator.Word, "k"),
    (Name.Function, "f"),
    (Name.Class, "f"),
    (Name.Decorator, "f"),
    (Name.Tag, "f"),
    (Name.Builtin, "b"),
    (Name.Attribute, "b"),
)
_NAMES = {"tsx": "typescript", "objective-c": "objectivec", "visual-basic": "vbnet"}
_LIKE_CODE = re.compile(
    r"\s*((async )?def \w|class \w|(if|elif|for|while|with|except)\b.*:$|(else|try):$|return\b|raise \w|[\w.]+ = )"
)
Piece = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What is the same for both answers: the file and the lines around the one that is asked for."""

    path: str
    before: Markup
    after: Markup


def surroundings(item: Item) -> Surroundings:
    """Draw the lines around the cursor's line."""
    lines = _lines(item)
    shown = [_cut(each, lines.margin) for each in _coloured([*lines.head, *lines.tail], item.language)]
    middle = len(lines.head)
    before, after = shown[max(lines.hidden, middle - BEFORE) : middle], shown[middle:]
    return Surroundings(visible(item.path), *(Markup("\n").join(map(_drawn, each)) for each in (before, after)))


def completed(item: Item, answer: str) -> Markup:
    """Draw the cursor's line, without its indentation, as `answer` completes it."""
    lines = _lines(item)
    shown = visible(answer[:LONGEST_ANSWER])
    pieces = _coloured([*lines.head, lines.typed + shown], item.language)[-1]
    old, new = _split(pieces, len(lines.typed))
    indentation = len(lines.typed) - len(lines.typed.lstrip())
    left_out = len(answer) - len(answer[:LONGEST_ANSWER])
    return Markup('<span class="typed">{}</span><mark>{}</mark>{}').format(
        _drawn(_tail(_split(old, indentation)[1])),
        _drawn(new) if shown.strip() else Markup("<i>nothing</i>"),
        Markup("<i>… {} more characters</i>").format(left_out) if left_out else "",
    )


@dataclass(frozen=True, slots=True)
class _Lines:
    """The lines before the cursor's, the beginning of that one, the lines after it, and the blanks they all have.

    The first `hidden` lines of `head` are not the file's: they only tell the colours where the text begins.
    """

    head: list[str]
    typed: str
    tail: list[str]
    margin: int
    hidden: int


@lru_cache(maxsize=64)
def _lines(item: Item) -> _Lines:
    *head, typed = visible(item.prefix[-LEXED:].replace("\r\n", "\n")).split("\n")
    tail = visible(item.suffix[:LEXED].replace("\r\n", "\n")).split("\n")[1 : AFTER + 1]
    indents = [line[: len(line) - len(line.lstrip())] for line in [*head[-BEFORE:], *tail] if line.strip()]
    indents.append(typed[: len(typed) - len(typed.lstrip())])
    margin = len(os.path.commonprefix(indents))  # noqa: RUF071 - no paths: characters are meant
    opening = _opening(head, item.language)
    return _Lines([*opening, *head], typed, tail, margin, len(opening))


def _opening(head: list[str], language: str) -> list[str]:
    """Open a docstring where the text seems to begin within one: code and strings would change places otherwise."""
    if language != "python" or not any('"""' in line for line in head):
        return []
    openings: list[list[str]] = [[], ['"""']]
    return min(openings, key=lambda opening: _code_in_strings(_coloured([*opening, *head], language)))


def _code_in_strings(lines: list[list[Piece]]) -> int:
    """Count the lines that look like code and have the colour of a string."""
    strings = ("".join(text for _, text in line) for line in lines if {family for family, _ in line} == {"s"})
    return sum(_LIKE_CODE.match(line) is not None for line in strings)


def _coloured(lines_of_text: list[str], language: str) -> list[list[Piece]]:
    """Cut each line into pieces with the class of their colour."""
    text = "\n".join(lines_of_text)
    tokens = list(_lexer(language).get_tokens(text))
    if "".join(piece for _, piece in tokens) != text:  # a lexer that drops something must not change what is judged
        return [[("", line)] if line else [] for line in lines_of_text]
    lines: list[list[Piece]] = [[]]
    for kind, piece in tokens:
        family = next((name for each, name in _FAMILIES if kind in each), "")
        for number, part in enumerate(piece.split("\n")):
            if number:
                lines.append([])
            if part:
                lines[-1].append((family, part))
    return lines


def _lexer(language: str) -> Lexer:
    try:
        return get_lexer_by_name(_NAMES.get(language, language), stripnl=False, ensurenl=False)
    except ClassNotFound:
        return get_lexer_by_name("text", stripnl=False, ensurenl=False)


def _split(pieces: list[Piece], at: int) -> tuple[list[Piece], list[Piece]]:
    """Cut a line's pieces in two at a character."""
    left: list[Piece] = []
    right: list[Piece] = []
    for family, text in pieces:
        left += [(family, text[:at])] if at > 0 else []
        right += [(family, text[max(0, at) :])] if at < len(text) else []
        at -= len(text)
    return left, right


def _cut(pieces: list[Piece], margin: int) -> list[Piece]:
    """Take off the indentation, and what is too long."""
    shown, more = _split(_split(pieces, margin)[1], LONGEST_LINE)
    return [*shown, ("", "…")] if more else shown


def _tail(pieces: list[Piece]) -> list[Piece]:
    """Keep the end of what is too long."""
    length = sum(len(text) for _, text in pieces)
    return pieces if length <= LONGEST_LINE else [("", "…"), *_split(pieces, length - LONGEST_LINE)[1]]


def _drawn(pieces: list[Piece]) -> Markup:
    return Markup("").join(_spans(pieces))


def _spans(pieces: list[Piece]) -> Iterator[Markup]:
    for family, text in pieces:
        shown = escape(text)
        yield Markup('<span class="{}">{}</span>').format(family, shown) if family else shown
