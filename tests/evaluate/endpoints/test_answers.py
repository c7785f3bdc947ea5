"""The text at the cursor is taken out of whatever a model wraps it in, and good answers pass unchanged."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tuner.evaluate.endpoints import answers
from tuner.evaluate.endpoints.answers import Read, from_chat, from_completion
from tuner.truncation import first_line

from .servers import item

MARK = "<CURSOR/>"
PREFIX = "class Counter:\n    def count(self, rows):\n        return self.get_co"
SUFFIX = "\n\n    def reset(self):\n        self.n = 0\n"
GOOD = "unt(rows)"


def read(raw: str, prefix: str = PREFIX, suffix: str = SUFFIX) -> tuple[str, str | None]:
    found = from_chat(raw, item(prefix=prefix, suffix=suffix), MARK)
    return found.text, found.format_failure


@pytest.mark.parametrize(
    ("raw", "failure"),
    [
        (GOOD, None),
        (GOOD + "\n", None),
        (GOOD + "\n        # and more\n", None),
        (f"```python\n{GOOD}\n```", "fenced"),
        (f"```\n{GOOD}\n```\n", "fenced"),
        (f"~~~~py\n{GOOD}\n~~~~", "fenced"),
        (f"```python\n{GOOD}", "fenced"),  # the token limit cut off its end
        (f"```python\n        return self.get_co{GOOD}\n```", "fenced"),
        (f"Here is the completion:\n\n```python\n{GOOD}\n```\nIt counts the rows.", "prose"),
        (f"Sure! The text to insert is:\n{GOOD}", "prose"),
        (f"<think>The cursor stands inside `get_co`.\nSo ...</think>\n\n{GOOD}", "reasoning"),
        (f"{MARK}{GOOD}", "marked"),
        (f"{GOOD}{MARK}", "marked"),
        (f"<CURSOR>{GOOD}</CURSOR>", "marked"),
        (f"{GOOD}<CURSOR/", "marked"),  # cut off
        (f"        return self.get_co{MARK}{GOOD}", "marked"),
        (f"\n{GOOD}", "leading_newline"),
        (f"return self.get_co{GOOD}", "echoed"),
        (f"        return self.get_co{GOOD}", "echoed"),
        (f"self.get_co{GOOD}", "echoed"),
        (f"get_co{GOOD}", "echoed"),
        (f"    def count(self, rows):\n        return self.get_co{GOOD}", "echoed"),
        (PREFIX + GOOD + SUFFIX, "echoed"),
        (f"{GOOD}{SUFFIX}", "repeated_suffix"),
        (f"{GOOD}\n\n    def reset(self):", "repeated_suffix"),
    ],
)
def test_the_text_is_found_and_the_first_fault_named(raw: str, failure: str | None) -> None:
    assert read(raw) == (GOOD, failure)


def test_an_answer_that_only_thinks_or_only_repeats_what_follows_is_empty() -> None:
    assert read("<think>The cursor stands") == ("", "reasoning")
    assert read("    def reset(self):\n        self.n = 0") == ("", "repeated_suffix")
    assert read("") == ("", None)
    assert read("```\n```") == ("", "fenced")
    assert read(f"```\n    def count(self, rows):\n        return self.get_co{MARK}\n```") == ("", "fenced")


@pytest.mark.parametrize(
    ("prefix", "raw"),
    [
        ("rows = [None, ", "None, None]"),
        ("    0.0, ", "0.0, 0.0,"),
        ("x = foo(", "foo(1))"),
        ("    ))", "))"),
        ("x = to", "total"),
        ("def f():\n    end\n", "end\nend"),
        ("q := ", "`SELECT 1`"),
        ("the = ", "the.code"),
        ("", "here is code"),
    ],
)
def test_what_only_looks_like_a_fault_is_left_alone(prefix: str, raw: str) -> None:
    assert read(raw, prefix, "") == (first_line(raw), None)


def test_one_line_that_equals_the_next_is_an_answer_and_no_repetition() -> None:
    assert read("0, 0, 0,", "    ", "\n0, 0, 0,\n") == ("0, 0, 0,", None)


CODE = st.text(alphabet="abz_.(), =1", min_size=1, max_size=24)
LINES = st.lists(CODE, max_size=4).map("\n".join)


@given(LINES, LINES, CODE)
def test_the_wrappings_change_nothing_of_a_good_answer(before: str, after: str, line: str) -> None:
    prefix, suffix = f"# begin\n{before}", f"\n{after}\n# end\n"
    assume(line.strip() and read(line, prefix, suffix) == (line.rstrip(), None))
    for raw in (f"```python\n{line}\n```", f"```\n{line}\n```\n", f"Here it is:\n```\n{line}\n```", f"\n\n{line}"):
        text, failure = read(raw, prefix, suffix)
        assert text == line.rstrip() and failure is not None
    assert read(f"<think>{before}</think>{line.lstrip()}", prefix, suffix)[0] == line.strip()


@given(LINES, CODE)
def test_a_repeated_file_gives_the_text_at_its_cursor(before: str, line: str) -> None:
    prefix = f"# begin\ndef f():\n{before}"
    assume(line.strip() and read(line, prefix, "") == (line.rstrip(), None))
    assert read(prefix + line, prefix, "") == (line.rstrip(), "echoed")


@given(st.text(max_size=200), st.text(max_size=80), st.text(max_size=80))
def test_any_answer_gives_one_line_and_the_same_each_time(raw: str, prefix: str, suffix: str) -> None:
    for found in (
        from_chat(raw, item(prefix=prefix, suffix=suffix), MARK),
        from_completion(raw, item(prefix=prefix, suffix=suffix)),
    ):
        assert "\n" not in found.text and found.text == found.text.rstrip()
    assert from_chat(raw, item(prefix=prefix, suffix=suffix), MARK) == from_chat(
        raw, item(prefix=prefix, suffix=suffix), MARK
    )


@given(st.text(max_size=200))
def test_a_completion_is_cut_as_our_own_systems_are(raw: str) -> None:
    assert from_completion(raw, item(prefix="x", suffix="\n# end\n# of file\n")).text == first_line(raw)


def test_of_a_completion_only_the_suffix_is_looked_for() -> None:
    assert from_completion("\n    x", item(prefix="x", suffix="\n")) == Read("", None)
    assert from_completion("```x", item(prefix="x", suffix="\n")) == Read("```x", None)
    assert from_completion(f"{GOOD}\n\n    def reset(self):", item(prefix="x", suffix=SUFFIX)) == Read(
        GOOD, "repeated_suffix"
    )


def test_every_failure_that_is_named_is_described() -> None:
    source = inspect.getsource(answers)
    for name in ("reasoning", "prose", "fenced", "marked", "echoed", "leading_newline", "repeated_suffix"):
        assert f'"{name}"' in source and f"    {name} " in (answers.__doc__ or "")


def test_blanks_before_the_cursor_that_an_answer_writes_again_are_no_part_of_it() -> None:
    assert from_completion("  spec)", item(prefix="volume = ", suffix="\n")) == Read("spec)", None)
    assert from_completion("    return 1", item(prefix="def f():\n    ", suffix="\n")) == Read("return 1", None)
    assert from_completion(" spec", item(prefix="volume =", suffix="\n")) == Read(" spec", None)


BODY = {"kind": "body", "prefix": "def total(rows):\n    ", "suffix": "\n\nprint(total)\n"}
TOTAL = "found = sum(rows)\n    return found"


@pytest.mark.parametrize(
    ("raw", "failure"),
    [
        (TOTAL, None),
        (f"{TOTAL}\n\nprint(total)\n", "repeated_suffix"),
        (f"```python\n    {TOTAL}\n```", "fenced"),
        (f"    {TOTAL}\n\n\ndef other():\n    pass", "echoed"),
        (f"{TOTAL}\n\n\ndef other():\n    pass", None),
    ],
)
def test_of_a_body_all_lines_are_taken(raw: str, failure: str | None) -> None:
    assert from_chat(raw, item(**BODY), MARK) == Read(TOTAL, failure)


def test_a_completion_of_a_body_may_begin_with_the_blanks_that_stand_there() -> None:
    for raw in (TOTAL, f"    {TOTAL}", f"{TOTAL}\n\n\ndef other():\n    pass"):
        assert from_completion(raw, item(**BODY)) == Read(TOTAL, None)
