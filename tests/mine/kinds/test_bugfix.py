"""A bugfix pair is one whole function before and after, and nothing else of the program changed."""

from __future__ import annotations

import pytest

from tests.mine.hunks import changed, commit
from tests.mine.kinds.test_edit import only, reasons
from tuner.mine.drafts import ChangedFile
from tuner.mine.kinds.bugfix import drafts

MESSAGE = "The total of all entries is never one less"
PYTHON = '''import math


class Ledger:
    @property
    def total(self):
        """Sum up all entries."""
        return sum(self.entries) - 1

    def half(self):
        return self.total / 2


def rounded(cents):
    return math.floor(cents)
'''
RUST = """pub fn total(rows: &[i64]) -> i64 {
    rows.iter().sum::<i64>() - 1
}

#[cfg(test)]
mod tests {
    use super::*;
}
"""
OTHERS = {
    "a.go": ("func (l *Ledger) Total() int {\n\treturn l.sum - 1\n}\n", "Total"),
    "A.java": ("class A {\n  int total(int[] rows) {\n    return rows.length - 1;\n  }\n}\n", "total"),
    "a.c": ("static long *total(struct row *rows) {\n    return rows->sum - 1;\n}\n", "total"),
    "a.cc": ("int Ledger::total() const {\n  return sum - 1;\n}\n", "Ledger::total"),
    "a.ts": ("export const total = (rows: number[]): number => {\n  return rows.length - 1;\n};\n", "total"),
    "a.js": ("class A {\n  total(rows) {\n    return rows.length - 1;\n  }\n}\n", "total"),
    "a.rs": (RUST, "total"),
}


def fix(*files: ChangedFile) -> list[str]:
    return reasons(drafts(commit(*files, message=MESSAGE, is_fix=True)))


def test_a_method_is_shown_whole_with_its_decorator() -> None:
    draft = only(drafts(commit(changed("a.py", PYTHON, PYTHON.replace(" - 1", "")), message=MESSAGE, is_fix=True)))
    assert draft.context.startswith("    @property\n    def total(self):\n")
    assert draft.response == draft.context.replace(" - 1", "")
    assert draft.instruction == (
        f"{MESSAGE}\n\nCorrect the function `total` of `a.py`: remove `- 1`. Answer with the whole function."
    )


def test_a_message_that_names_the_fault_needs_no_outline() -> None:
    message = "Closed entries of a ledger are counted when open entries are asked for"
    fixed = PYTHON.replace("sum(self.entries)", "sum(self.open_entries)")
    draft = only(drafts(commit(changed("a.py", PYTHON, fixed), message=message, is_fix=True)))
    assert draft.instruction == f"{message}\n\nCorrect the function `total` of `a.py`. Answer with the whole function."


@pytest.mark.parametrize("path", OTHERS)
def test_every_language_names_its_functions(path: str) -> None:
    old, name = OTHERS[path]
    draft = only(drafts(commit(changed(path, old, old.replace(" - 1", "")), message=MESSAGE, is_fix=True)))
    assert f"`{name}`" in draft.instruction and draft.context in old
    assert " - 1" in draft.context and draft.response == draft.context.replace(" - 1", "")


def test_tests_may_change_beside_the_function() -> None:
    fixed = changed("a.py", PYTHON, PYTHON.replace(" - 1", ""))
    tests = changed("tests/test_a.py", PYTHON, PYTHON.replace("/ 2", "/ 3"))
    assert only(drafts(commit(fixed, tests, message=MESSAGE, is_fix=True))).path == "a.py"
    inside = RUST.replace(" - 1", "").replace("super::*;\n", "super::*;\n\n    #[test]\n    fn sums() {}\n")
    assert only(drafts(commit(changed("a.rs", RUST, inside), message=MESSAGE, is_fix=True))).response.startswith(
        "pub fn total"
    )


def test_a_commit_that_fixes_nothing_gives_nothing() -> None:
    assert list(drafts(commit(changed("a.py", PYTHON, PYTHON.replace(" - 1", ""))))) == []


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (PYTHON.replace(" - 1", "").replace("/ 2", "/ 3"), "fix_outside_a_function"),
        (PYTHON.replace(" - 1", "").replace("import math", "import math, os"), "fix_outside_a_function"),
        (PYTHON + "\n\ndef added():\n    return 1\n", "fix_outside_a_function"),
        (PYTHON.replace("Sum up all", "Add up all"), "format_only_fix"),
        (PYTHON.replace("math.floor(cents)", "math.floor( cents )  # down"), "format_only_fix"),
        (PYTHON.replace("    return math", "    cents += 1\n" * 26 + "    return math"), "too_long_fix"),
    ],
)
def test_what_shows_no_fix_is_dropped_with_its_reason(new: str, reason: str) -> None:
    assert fix(changed("a.py", PYTHON, new)) == [reason]


@pytest.mark.parametrize("remark", ["see #4711", "Issue 926", "changed in 8.2", "https://ledger.dev/12"])
def test_a_number_or_an_address_that_nobody_is_told_drops_the_fix(remark: str) -> None:
    fixed = PYTHON.replace(" - 1", f"  # {remark}")
    assert fix(changed("a.py", PYTHON, fixed)) == ["unsaid_names"]
    known = PYTHON.replace("Sum up", f"For {remark}: sum up")
    assert only(
        drafts(commit(changed("a.py", known, known.replace(" - 1", f"  # {remark}")), message=MESSAGE, is_fix=True))
    )


def test_other_fixes_are_dropped_with_their_reason() -> None:
    fixed = changed("a.py", PYTHON, PYTHON.replace(" - 1", ""))
    assert fix(fixed, changed("b.py", PYTHON, PYTHON.replace(" - 1", ""))) == ["fix_of_several_files"]
    assert fix(changed("a.sh", "a=1\n", "a=2\n")) == ["no_grammar"]
    assert fix(changed("a.py", None, PYTHON)) == ["fix_outside_a_function"]
    long = "def f(x):\n" + "".join(f"    x += {n}\n" for n in range(70))
    assert fix(changed("a.py", long, long.replace("+= 3\n", "+= 4\n"))) == ["too_long_function"]
    assert reasons(drafts(commit(fixed, message=None, is_fix=True))) == ["poor_message"]
    tests = RUST.replace("super::*;\n", "super::*;\n\n    #[test]\n    fn sums() {}\n")
    assert fix(changed("a.rs", RUST, tests)) == ["fix_of_tests_only"]


def test_an_indented_statement_is_a_change_though_its_tokens_are_the_same() -> None:
    old = "def f(rows):\n    for row in rows:\n        total(row)\n        done()\n"
    assert only(
        drafts(commit(changed("a.py", old, old.replace("        done", "    done")), message=MESSAGE, is_fix=True))
    )


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Fixed a bug in the pager", "fault_elsewhere"),
        ("Fix the total", "fault_not_named"),
        ("Fix a bug in the total of entries", "fault_not_named"),
        ("Allow totals for entries of a ledger", "fault_not_named"),
        ("Fix an issue found by fuzzing the total", "fault_not_named"),
        ("Fix the total, still wrong", "fault_elsewhere"),
        ("Fix the total of `open_book`", "fault_elsewhere"),
        ("The terminal hangs when colours are missing", "fault_elsewhere"),
    ],
)
def test_a_message_that_does_not_name_the_fault_is_dropped(message: str, reason: str) -> None:
    fixed = changed("a.py", PYTHON, PYTHON.replace(" - 1", ""))
    assert reasons(drafts(commit(fixed, message=message, is_fix=True))) == [reason]


def test_a_body_that_names_the_fault_is_shown_where_the_subject_does_not() -> None:
    fixed = changed("a.py", PYTHON, PYTHON.replace(" - 1", ""))
    draft = only(drafts(commit(fixed, message="Fix entries total\n\nThe sum lacks one... (Oops).", is_fix=True)))
    assert draft.instruction.startswith("Fix entries total\n\nThe sum lacks one\n\nCorrect the function `total`")


def test_the_remark_above_a_function_is_shown_with_it() -> None:
    old = "int other;\n\n/* The total, of all rows. */\nint total(void) {\n    return sum - 1;\n}\n"
    draft = only(drafts(commit(changed("a.c", old, old.replace(" - 1", "")), message=MESSAGE, is_fix=True)))
    assert draft.context.startswith("/* The total, of all rows. */\nint total")
    assert draft.response == draft.context.replace(" - 1", "")
