"""Differences are marked word by word, and nothing is lost or made up by marking them."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st
from markupsafe import Markup

from tuner.report.marking import MOST_CHARS, marked, shortened
from tuner.visible import visible

LINE = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"), max_size=40)


def plain(markup: str) -> str:
    return str(Markup(re.sub("</?(ins|del)>", "", markup)).unescape())


def without(tag: str, markup: Markup) -> str:
    return plain(re.sub(f"<{tag}>.*?</{tag}>", "", markup, flags=re.DOTALL))


@given(LINE, LINE)
def test_without_its_marks_it_is_the_answer_and_the_truth(truth: str, answer: str) -> None:
    if answer.strip():
        found = marked(truth, answer)
        assert without("del", found) == visible(answer.rstrip())
        assert without("ins", found) == visible(truth.rstrip())


def test_what_was_added_and_what_is_lacking() -> None:
    assert marked("handle(ctx, opts, args)", "handle(ctx, args)") == "handle(ctx, <del>opts, </del>args)"
    assert marked("self.name", "self.name.upper()") == "self.name<ins>.upper()</ins>"
    assert marked("choices:", "values:") == "<del>choices</del><ins>values</ins>:"


def test_brackets_that_agree_by_chance_are_no_island() -> None:
    assert marked("one(two)", "red(blue)") == "<del>one(two</del><ins>red(blue</ins>)"


def test_an_empty_answer_says_so() -> None:
    assert marked("x", "  ") == "<em>an empty answer</em>"


def test_code_is_escaped_inside_and_outside_of_marks() -> None:
    found = marked("<b>&", "<b>& <script>\u202e")
    assert "<script>" not in found and "&lt;b&gt;&amp;" in found and "U+202E" in found


def test_a_long_text_says_how_much_is_missing() -> None:
    assert shortened("x" * 1400) == f"{'x' * MOST_CHARS}… (1,000 characters more)"
    assert shortened("x" * MOST_CHARS) == "x" * MOST_CHARS
    assert "characters more)" in marked("y", "x " * 5000)
