"""What is drawn is what was written: nothing lost, nothing obeyed, and the truth nowhere."""

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.arena.arenas import TRUTH, item
from tuner.arena.view import AFTER, BEFORE, LONGEST_ANSWER, LONGEST_LINE, completed, surroundings
from tuner.visible import visible

HOSTILE = "</code></pre><script>alert(1)</script><img src=x onerror=alert(1)>\u202e\x1b[31m&amp;"
CODE = st.text(st.sampled_from("ab1 \t\"'`\\/*#<>&(){}[]\n\r\u202e\x00\ufeffé"), max_size=60)


def text_of(drawn: str) -> str:
    return unescape(re.sub(r"<[^>]*>", "", drawn))


def test_some_lines_before_and_after_the_cursor_are_shown() -> None:
    drawn = surroundings(item(3))
    before = text_of(drawn.before).split("\n")
    assert len(before) == BEFORE >= 15
    assert before[-1] == "line_3_29 = read(29)"  # without the indentation that all shown lines have
    assert text_of(drawn.after) == "return total  # 3\n"
    assert drawn.path == "shop/orders.py"


def test_the_line_is_shown_as_the_answer_completes_it() -> None:
    drawn = completed(item(3), "sum(basket)  ")
    assert text_of(drawn) == "total = sum(basket)  "
    assert text_of(drawn.partition("<mark>")[2]) == "sum(basket)  "


def test_the_truth_is_nowhere() -> None:
    around = surroundings(item(3))
    drawn = f"{around}{completed(item(3), 'sum(basket)')}"
    assert TRUTH[:8] not in text_of(drawn)
    assert TRUTH in text_of(completed(item(3), TRUTH))  # where it is there, this would find it


@pytest.mark.parametrize("language", ["python", "typescript", "tsx", "go", "rust", "java", "c", "cpp", "no-such"])
def test_what_a_repository_or_a_system_says_is_shown_and_never_obeyed(language: str) -> None:
    hostile = item(1, path=HOSTILE, language=language, prefix=f"{HOSTILE}\nx = '{HOSTILE}", suffix=f"\n{HOSTILE}\n")
    around = surroundings(hostile)
    for drawn in (around.before, around.after, completed(hostile, HOSTILE)):
        assert set(re.findall(r"<(/?\w+)", drawn)) <= {"span", "/span", "mark", "/mark"}
        assert visible(HOSTILE) in text_of(drawn)
        assert not set(drawn) & {"\u202e", "\x1b"}


@given(CODE, CODE, CODE, st.sampled_from(["python", "rust", "css", "markdown", "yaml", "sql"]))
def test_nothing_is_lost_or_added(prefix: str, suffix: str, answer: str, language: str) -> None:
    """Lexers drop, normalise and reorder; what the voter judges must be what was written."""
    drawn = item(1, prefix=prefix, suffix="\n" + suffix, language=language)
    answer = answer.partition("\n")[0].rstrip()
    typed = visible(prefix.replace("\r\n", "\n")).rpartition("\n")[2].lstrip()
    shown = visible(answer) if visible(answer).strip() else "nothing"
    assert text_of(completed(drawn, answer)) == typed + shown
    lines = text_of(surroundings(drawn).after).split("\n")
    wanted = visible(suffix.replace("\r\n", "\n")).split("\n")[:AFTER]
    assert [each.lstrip() for each in lines] == [each.lstrip() for each in wanted]


def test_both_answers_are_drawn_alike_whoever_gave_them() -> None:
    assert completed(item(1), "x") == completed(item(1), "x")
    one, other = completed(item(1), "alpha()"), completed(item(1), "gamma()")
    assert one.replace("alpha", "") == other.replace("gamma", "")


def test_the_colours_around_do_not_depend_on_the_line_that_is_asked_for() -> None:
    opened = item(1, target="'''")
    assert surroundings(opened) == surroundings(item(1))


def test_an_empty_answer_says_so() -> None:
    assert text_of(completed(item(1), "")) == "total = nothing"
    assert "<mark><i>nothing</i></mark>" in completed(item(1), "")


def test_very_long_lines_are_cut_where_an_ellipsis_says_so() -> None:
    long = "y" * 50_000
    around = surroundings(item(1, prefix=f"{long}\nshort = ", suffix=f"\n{long}\n"))
    assert text_of(around.before) == text_of(around.after) == "y" * LONGEST_LINE + "…"
    shown = text_of(completed(item(1, prefix=f"start_{long} = "), long))
    assert shown.startswith("…y") and len(shown) < LONGEST_LINE + LONGEST_ANSWER + 50
    assert shown.endswith(f"… {50_000 - LONGEST_ANSWER} more characters")


def test_text_that_begins_within_a_docstring_is_coloured_as_if_it_did() -> None:
    prefix = f'the function.\n{"prose " * 60}\n    """\n    first = 1\n    second = 2\n    third = '
    around = surroundings(item(1, prefix=prefix))
    assert '<span class="n">1</span>' in around.before
    assert text_of(around.before).count('"""') == 1
    whole = surroundings(item(1, prefix='def f():\n    """Prose.\n\n    first = 1\n    """\n    second = '))
    assert '<span class="k">def</span>' in whole.before


def test_a_file_with_windows_line_ends_shows_none_of_them() -> None:
    drawn = item(1, prefix="a = 1\r\nb = ", suffix="\r\nc = 3\r\n")
    assert "<U+000D>" not in f"{surroundings(drawn)}{completed(drawn, '2')}"
