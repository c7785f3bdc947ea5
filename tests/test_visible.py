"""Text of a repository is shown so that a reader sees what is there."""

from __future__ import annotations

import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from tuner.visible import visible


@given(st.text(st.characters()))
def test_nothing_invisible_is_left(text: str) -> None:
    left = {unicodedata.category(each) for each in visible(text)} - {"Cc"}
    assert not left & {"Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert not any(unicodedata.category(each) == "Cc" and each not in "\n\t" for each in visible(text))


def test_bidi_marks_and_escapes_are_written_out() -> None:
    assert visible("a\u202eb\x1b[31m\u200b") == "a<U+202E>b<U+001B>[31m<U+200B>"
    assert visible("päth with spaces, tab\tand line\n") == "päth with spaces, tab\tand line\n"
