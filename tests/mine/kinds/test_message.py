"""A message pair reads like `git diff`, and its answer is the subject alone."""

from __future__ import annotations

import dataclasses
import re

import pytest
from hypothesis import given, settings

from tests.mine.hunks import changed, commit
from tests.mine.kinds.test_edit import only, reasons
from tests.mine.test_search_replace import EDIT, TEXTS, edited
from tuner.mine.kinds.message import REQUEST, drafts, unified_diff
from tuner.mine.search_replace import Fault

OLD = "".join(f"balance_{number} = {number}\n" for number in range(30))
NEW = OLD.replace("_5 = 5\n", "_5 = 50\n").replace("balance_25 = 25\n", "")


def test_the_diff_has_gits_headers_and_three_lines_of_context() -> None:
    draft = only(drafts(commit(changed("a.py", OLD, NEW), message="Keep the balance\n\nIt was lost.")))
    assert (draft.instruction, draft.response) == (REQUEST, "Keep the balance")
    assert draft.context.split("\n") == [
        *("--- a/a.py", "+++ b/a.py", "@@ -3,7 +3,7 @@"),
        *(" balance_2 = 2", " balance_3 = 3", " balance_4 = 4", "-balance_5 = 5", "+balance_5 = 50"),
        *(" balance_6 = 6", " balance_7 = 7", " balance_8 = 8", "@@ -23,7 +23,6 @@"),
        *(" balance_22 = 22", " balance_23 = 23", " balance_24 = 24", "-balance_25 = 25"),
        *(" balance_26 = 26", " balance_27 = 27", " balance_28 = 28"),
    ]


def test_an_added_file_comes_from_nowhere_and_a_renamed_one_from_its_old_path() -> None:
    assert unified_diff(changed("a.py", None, "x = 1\n")) == "--- /dev/null\n+++ b/a.py\n@@ -0,0 +1 @@\n+x = 1"
    assert unified_diff(changed("b.py", OLD, NEW, "a.py")).startswith("--- a/a.py\n+++ b/b.py\n")


def test_a_missing_newline_at_the_end_is_said() -> None:
    assert unified_diff(changed("a.py", "x", "x\n")).split("\n")[2:] == [
        *("@@ -1 +1 @@", "-x", "\\ No newline at end of file", "+x"),
    ]


def patched(old: str, rows: list[str]) -> list[str]:
    """Apply a diff by its line numbers, and check what it says of the old text."""
    lines, new, at = old.split("\n"), [], 0
    for row in rows:
        if header := re.match(r"@@ -(\d+)(?:,(\d+))? ", row):
            start = int(header[1]) - (header[2] != "0")
            new += lines[at:start]
            at = start
        elif row[:1] in " -":
            assert lines[at] == row[1:]
            new += [row[1:]] * (row[0] == " ")
            at += 1
        elif row[:1] == "+":
            new.append(row[1:])
    return new + (lines[at:] if old and not old.endswith("\n") else lines[at:-1])


@settings(max_examples=200, deadline=None)
@given(TEXTS, EDIT, EDIT)
def test_a_diff_says_all_that_changed(old: str, first: tuple, second: tuple) -> None:
    new = edited(old, [first, second])
    try:
        diff = unified_diff(changed("a.py", old, new))
    except Fault as fault:
        assert fault.reason == "no_change" and old == new
        return
    assert patched(old, diff.split("\n")[2:]) == new.split("\n")[: None if new and new[-1] != "\n" else -1]


@pytest.mark.parametrize("count", [1, 3, 4])
def test_one_to_three_files_are_told_apart_from_more(count: int) -> None:
    files = [changed(f"a{number}.py", OLD, NEW) for number in range(count)]
    found = list(drafts(commit(*files)))
    assert len(found) == 1
    assert reasons(found) == (["diff_of_many_files"] if count > 3 else [])


def test_poor_messages_and_long_diffs_are_dropped() -> None:
    assert reasons(drafts(commit(changed("a.py", OLD, NEW), message=None))) == ["poor_message"]
    assert reasons(drafts(commit(changed("a.py", None, OLD * 10)))) == ["too_long_diff"]
    assert reasons(drafts(commit(changed("a.py", OLD, NEW), changed("play.py", OLD, NEW)))) == ["scratch_file"]
    assert list(drafts(commit())) == []


@pytest.mark.parametrize(
    ("subject", "hidden", "reason"),
    [
        ("Keep the balance", ("CHANGELOG.md",), []),
        ("Keep the balance", ("notes.md",), []),
        ("Keep the balance", ("balance.go",), ["diff_of_a_part"]),
        ("Balance of terminals", (), ["vague_subject"]),
        ("Kep balance balance_24 balance_25 balance_26", (), ["subject_not_in_diff"]),
        ("Fix the kept balance bug", (), ["vague_subject"]),
        ("Fix a kept bug in the balance", (), ["vague_subject"]),
        ("Keep the balance, refactor", (), ["working_note"]),
        ("Keep the balance and paint the terminal", (), ["subject_not_in_diff"]),
        ("Keep the balance", ("logo.png", "notes.md"), ["diff_of_a_part"]),
        ("Keep the balance of appveyor", ("appveyor.yml",), ["diff_of_a_part"]),
        ("Fixed a balance bug", (), ["vague_subject"]),
        ("Keep the balance, shorten the change entry", (), ["diff_of_a_part"]),
        ("Point to the colours", (), ["subject_not_in_diff"]),
        ("Add tests of the kept balance", (), ["subject_not_in_diff"]),
        ("Keep the balance of 2017", (), ["subject_names_the_unseen"]),
        ("Keep the balance of `open_book`", (), ["subject_names_the_unseen"]),
    ],
)
def test_a_subject_that_the_diff_does_not_tell_is_dropped(
    subject: str, hidden: tuple[str, ...], reason: list[str]
) -> None:
    change = dataclasses.replace(commit(changed("a.py", OLD, NEW), message=subject), hidden=hidden)
    assert reasons(drafts(change)) == reason


def test_a_subject_must_lead_to_most_of_the_diff() -> None:
    other = "".join(f"colour_{letter} = paint(terminal)\n" for letter in "abcdef")
    found = drafts(commit(changed("a.py", OLD, NEW + other), message="Keep the balance"))
    assert reasons(found) == ["diff_says_more"]
    counted = drafts(commit(changed("a.py", OLD, OLD.replace("_5 = 5\n", "_5 = 50\n")), message="Keep the balance"))
    assert reasons(counted) == ["only_numbers"]
