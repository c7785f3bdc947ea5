"""Where a completion ends, whole or in pieces of any size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.serve.boundary import Boundary, Ending, boundary_at


def ended(
    boundary: Boundary, text: str, prefix: str = "", suffix: str = "", stops: tuple[str, ...] = (), size: int = 3
) -> str:
    ending = Ending(boundary, stops, prefix, suffix)
    shown = ""
    for start in range(0, len(text), size):
        shown += ending.add(text[start : start + size])
        if ending.done:
            break
    return shown + ending.finish()


def test_the_middle_of_a_line_asks_for_a_line_and_its_end_for_a_block() -> None:
    assert boundary_at(")\n    x = 1") == "line"
    assert boundary_at("  \n    x = 1") == "block"
    assert boundary_at("") == "block"


@pytest.mark.parametrize(
    ("text", "suffix", "expected"),
    [
        ("a + b  \nfoo", "\n", "a + b"),
        ("a, \nfoo", "b)\n", "a, "),  # text follows, so that the blank is meant
        ("\nfoo", "\n", ""),
        ("a + b", "", "a + b"),
        ("  x", "", "  x"),
    ],
)
def test_a_line_ends_at_its_end(text: str, suffix: str, expected: str) -> None:
    assert ended("line", text, "x = ", suffix) == expected


@pytest.mark.parametrize(
    ("prefix", "text", "suffix", "expected"),
    [
        ("def f():", "\n    a = 1\n    return a\n\n\ndef g():\n", "", "\n    a = 1\n    return a"),
        ("def f():", "\n    a = 1\n\n    return a\nx = 2", "\n\nrun()", "\n    a = 1\n\n    return a\nx = 2"),
        ("def f():", "\n    a = 1\nrun()\nmore", "\n\nrun()\n", "\n    a = 1"),  # it only repeats what follows
        ("def f():", "\n    a = 1\nrun", "\n\nrun()\n", "\n    a = 1\nrun"),  # cut off by the limit, not a repetition
        ("    if x:", "\n        a = 1\n    b = 2\nc = 3", "", "\n        a = 1\n    b = 2"),
        ("import os", "\nimport re\n\nimport sys", "", "\nimport re"),
        ("", "    return x\n    y\nz", "", "    return x\n    y"),
        ("\tif x:", "\n\t\ty()\nz()", "", "\n\t\ty()"),
        ("x = 1", "  \n", "", ""),
    ],
)
def test_a_block_ends_where_its_depth_does(prefix: str, text: str, suffix: str, expected: str) -> None:
    assert ended("block", text, prefix, suffix) == expected


def test_without_a_boundary_everything_comes() -> None:
    assert ended("none", "a  \n\n\n\nb \n") == "a  \n\n\n\nb \n"


@pytest.mark.parametrize("boundary", ["line", "block", "none"])
def test_a_stop_text_ends_any_answer_and_is_not_shown(boundary: Boundary) -> None:
    assert ended(boundary, "abcENxENDx", stops=("END", "zzz")) == "abcENx"
    assert ended(boundary, "abcEN", stops=("END",)) == "abcEN"


WORDS = st.lists(st.sampled_from(["a", " ", "    ", "\n", "\n\n", "b()", ")", "END", "E", "\t"]), max_size=12).map(
    "".join
)


@given(WORDS, WORDS, WORDS, st.sampled_from(["line", "block", "none"]))
def test_the_size_of_the_pieces_changes_nothing(text: str, prefix: str, suffix: str, boundary: Boundary) -> None:
    whole = ended(boundary, text, prefix, suffix, ("END",), size=10_000)
    assert all(ended(boundary, text, prefix, suffix, ("END",), size) == whole for size in (1, 2, 5))
    if boundary != "none":
        assert text.partition("END")[0].startswith(whole) or "\n" in whole  # lines may lose their last blanks
