from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.evaluate.copilot.edits import Edit, Position, Text, completed

TEXTS = st.text(st.sampled_from("ab \t\r\n\u2028é汉\U0001f600\U0001d54f"), max_size=60)


@st.composite
def texts_with_a_place(draw: st.DrawFn) -> tuple[str, int]:
    """Draw a text and a place in it where an editor's cursor can stand: not within CRLF."""
    text = draw(TEXTS)
    places = [offset for offset in range(len(text) + 1) if text[offset - 1 : offset + 1] != "\r\n" or offset == 0]
    return text, draw(st.sampled_from(places))


def position_by_hand(text: str, offset: int) -> Position:
    """Walk through the text as the LSP specification words it."""
    line = character = index = 0
    while index < offset:
        if text[index] in "\r\n":
            index += 2 if text[index : index + 2] == "\r\n" else 1
            line, character = line + 1, 0
        else:
            character += 2 if ord(text[index]) > 0xFFFF else 1
            index += 1
    return Position(line, character)


@given(texts_with_a_place())
def test_a_position_is_counted_in_utf_16_units_and_found_again(drawn: tuple[str, int]) -> None:
    text, offset = drawn
    position = Text(text).position(offset)
    assert position == position_by_hand(text, offset)
    assert Text(text).offset(position) == offset


@given(texts_with_a_place(), TEXTS, st.booleans())
def test_an_edit_that_repeats_what_was_typed_gives_what_is_new(drawn: tuple[str, int], new: str, whole: bool) -> None:
    text, offset = drawn
    where = Text(text)
    cursor = where.position(offset)
    start = Position(cursor.line, 0) if whole else cursor
    typed = text[where.offset(start) : offset]
    found = completed(text[:offset], text[offset:], Edit(start, cursor, typed + new))
    assert (found.text, found.failure) == (new, None)


@given(texts_with_a_place(), st.integers(0, 40), st.integers(0, 40))
def test_a_position_beyond_the_line_or_the_text_is_its_end(drawn: tuple[str, int], line: int, character: int) -> None:
    text, _ = drawn
    offset = Text(text).offset(Position(line, 10_000 + character))
    assert offset == len(text) or text[offset] in "\r\n"


def edit(line: int, start: int, end: int, text: str) -> Edit:
    return Edit(Position(line, start), Position(line, end), text)


@pytest.mark.parametrize(
    ("prefix", "suffix", "proposed", "text", "failure"),
    [
        ("x\n    total = ", "\n", edit(1, 0, 12, "    total = 0.0"), "0.0", None),
        ("x\n    total = ", "\n", edit(1, 12, 12, "0.0"), "0.0", None),
        ("x\n    retu", "\n", edit(1, 0, 8, "    return 1\n    y"), "rn 1\n    y", None),
        ('s = "\U0001f600" + ', "\n", edit(0, 0, 11, 's = "\U0001f600" + t'), "t", None),
        ("print(max(", ")\n", edit(0, 0, 11, "print(max(a, b)"), "a, b", None),
        ("print(max(", "))\n", edit(0, 0, 12, "print(max(a, b), c)"), "a, b), c)", None),
        ("x = ", "", edit(0, 0, 4, "x = "), "", None),
        ("def f():\n        ", "\n", edit(1, 0, 8, "    return 0"), "return 0", "moves_indent"),
        ("def f():\n    ", "\n", edit(1, 0, 4, "return 0"), "return 0", "moves_indent"),
        ("a = fo", "\n", edit(0, 0, 6, "a = bar()"), "bar()", "rewrites_line"),
        ("a = \nb = ", "\n", edit(0, 0, 4, "a = 1"), "", "edit_elsewhere"),
    ],
)
def test_the_edit_is_applied_exactly(prefix: str, suffix: str, proposed: Edit, text: str, failure: str | None) -> None:
    found = completed(prefix, suffix, proposed)
    assert (found.text, found.failure) == (text, failure)


def test_counting_characters_in_place_of_utf_16_units_would_cut_wrongly() -> None:
    prefix = 's = "\U0001f600\U0001f600" + '
    in_characters = edit(0, 0, len(prefix), prefix + "t")
    in_units = edit(0, 0, len(prefix) + 2, prefix + "t")
    assert completed(prefix, "\n", in_units).text == "t"
    assert completed(prefix, "\n", in_characters).failure == "edit_elsewhere"


def test_an_item_of_the_answer_is_read() -> None:
    item: dict[str, Any] = {
        "insertText": "x",
        "range": {"start": {"line": 1, "character": 2}, "end": {"line": 3, "character": 4}},
    }
    assert Edit.of(item) == Edit(Position(1, 2), Position(3, 4), "x")
