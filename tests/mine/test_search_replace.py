"""SEARCH/REPLACE blocks give the new text byte for byte, and an answer that is off by anything is refused."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.mine.hunks import hunks_between
from tuner.mine.history import Hunk
from tuner.mine.search_replace import Fault, answer, apply, blocks_of, changed_regions, parse, reproduces

LINES = st.lists(st.sampled_from(["a", "b", "c", "", "  a", "ab", "é漢", "= 1"]), max_size=12)
TEXTS = st.builds(lambda lines, end: "\n".join(lines) + end, LINES, st.sampled_from(["", "\n", "\n\n"]))
EDIT = st.tuples(st.integers(0, 14), st.integers(0, 3), st.lists(st.sampled_from(["a", "x", "", "new"]), max_size=3))
LEDGER = "def add(a, b):\n    return a - b\n\n\ndef total(rows):\n    return sum(rows)\n"


def written(old: str, new: str, context: int = 3) -> str:
    return answer(block for _, block in blocks_of(old, new, hunks_between(old, new, context)))


def edited(text: str, edits: list[tuple[int, int, list[str]]]) -> str:
    lines = text.split("\n")
    for at, removed, added in edits:
        lines[at : at + removed] = added
    return "\n".join(lines)


@settings(max_examples=600, deadline=None)
@given(TEXTS, st.lists(EDIT, min_size=1, max_size=4), st.integers(0, 3))
def test_an_answer_always_gives_the_new_text(old: str, edits: list[tuple[int, int, list[str]]], context: int) -> None:
    new = edited(old, edits)
    try:
        text = written(old, new, context)
    except Fault as fault:
        assert fault.reason == ("no_change" if old == new else "ambiguous_search")
        assert old == new or not old.strip()  # a file of blank lines has nothing to hold on to
        return
    assert apply(old, text) == new
    for block in parse(text):
        search = "\n".join(block.search)
        assert search.strip() and old.find(search) == old.rfind(search) >= 0


@settings(max_examples=300, deadline=None)
@given(TEXTS, st.lists(EDIT, min_size=1, max_size=3), st.data())
def test_a_corrupted_answer_is_refused_or_gives_another_text(
    old: str, edits: list[tuple[int, int, list[str]]], data: st.DataObject
) -> None:
    new = edited(old, edits)
    try:
        text = written(old, new)
    except Fault:
        return
    lines = text.split("\n")
    at = data.draw(st.integers(0, len(lines) - 1))
    lines[at] += data.draw(st.sampled_from(["!", " ", "x"]))
    try:
        assert apply(old, "\n".join(lines)) != new
    except Fault as fault:
        assert fault.reason in ("no_match", "several_matches", "malformed_block")


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.lists(EDIT, min_size=1, max_size=3), st.sampled_from([b"\n", b"\r\n"]), st.booleans())
def test_blobs_are_reproduced_with_their_line_ends_and_mark(
    old: str, edits: list[tuple[int, int, list[str]]], ends: bytes, marked: bool
) -> None:
    new = edited(old, edits)
    try:
        text = written(old, new)
    except Fault:
        return
    mark = b"\xef\xbb\xbf" if marked else b""
    before, after = (mark + each.encode().replace(b"\n", ends) for each in (old, new))
    assert reproduces(before, after, text)
    assert not reproduces(before, after + b"x", text)
    assert not reproduces(before, b"\xef\xbb\xbf" + after, text)


def test_one_changed_line_is_one_block_without_context() -> None:
    assert written(LEDGER, LEDGER.replace("a - b", "a + b")) == (
        "<<<<<<< SEARCH\n    return a - b\n=======\n    return a + b\n>>>>>>> REPLACE"
    )


def test_an_insertion_holds_on_to_the_line_above() -> None:
    (block,) = parse(
        written(LEDGER, LEDGER.replace("a - b\n", "a - b  # cents\n    # never reached\n").replace("  # cents", ""))
    )
    assert block.search == ("    return a - b",)
    assert block.replace == ("    return a - b", "    # never reached")


def test_a_deletion_leaves_an_empty_replacement() -> None:
    (block,) = parse(written("a\nb\nc\n", "a\nc\n"))
    assert (block.search, block.replace) == (("b",), ())


def test_a_line_that_stands_twice_is_widened_until_it_is_unique() -> None:
    old = "def a():\n    return 1\n\ndef b():\n    return 1\n"
    (block,) = parse(written(old, old[:-2] + "2\n"))
    assert block.search == ("def b():", "    return 1")


def test_a_piece_of_a_longer_line_counts_as_a_second_place() -> None:
    (block,) = parse(written("max = 1\nax = 1\n", "max = 1\nax = 2\n"))
    assert block.search == ("max = 1", "ax = 1")


def test_blocks_that_touch_are_one() -> None:
    old = "".join(f"{name} = 1\nsame\nsame\nsame\n" for name in "pq")
    new = old.replace("p = 1\nsame\nsame\n", "p = 1\nsame\nnew\n").replace("q = 1\n", "q = 2\n")
    assert len(parse(written(old, new, 0))) == 2
    assert len(parse(written("a\nb\nc\n", "x\ny\nc\n"))) == 1
    (block,) = parse(written("u\nk\ntwin\nz\ntwin\n", "U\nk\nTWIN\nz\ntwin\n", 0))
    assert block.search == ("u", "k", "twin")


def test_the_first_block_does_not_make_the_second_ambiguous() -> None:
    old = "one\nmiddle\ntwo\n"
    new = "two\nmiddle\nthree\n"
    assert apply(old, written(old, new, 0)) == new


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a\nb", "a\nb\n"),
        ("a\nb\n", "a\nb"),
        ("a\nb", "a\nc"),
        ("a", "a\nb\n"),
        ("a\nb\n", "a"),
        ("a\n", "\n\na\n\n\n"),
    ],
)
def test_the_end_of_a_file_is_kept_exactly(old: str, new: str) -> None:
    assert apply(old, written(old, new)) == new


@pytest.mark.parametrize("line", ["=======", "<<<<<<< HEAD", ">>>>>>> REPLACE", "=====", ">>>>>>> main"])
def test_a_change_beside_a_marker_is_refused(line: str) -> None:
    with pytest.raises(Fault, match="marker_in_text"):
        written(f"Title\n{line}\ntext\n", f"Heading\n{line} \ntext\n")
    assert apply(f"Title\n{line}\n\ntext\n", written(f"Title\n{line}\n\ntext\n", f"Title\n{line}\n\nwords\n"))


def test_a_long_underline_is_no_marker() -> None:
    assert apply("Title\n==========\n", written("Title\n==========\n", "Titles\n===========\n")).startswith("Titles")


def test_texts_that_differ_outside_the_hunks_are_refused() -> None:
    hunks = hunks_between(LEDGER, LEDGER.replace("a - b", "a + b"))
    with pytest.raises(Fault, match="hunks_do_not_fit"):
        blocks_of(LEDGER, LEDGER.replace("a - b", "a + b").replace("sum", "len"), hunks)


def test_a_change_that_redaction_or_line_ends_made_invisible_has_no_blocks() -> None:
    assert changed_regions("a\nb\n", "a\nb\n", [Hunk(1, 1, [b" a", b"-b\r", b"+b"])]) == []
    with pytest.raises(Fault, match="no_change"):
        blocks_of("a\nb\n", "a\nb\n", [Hunk(1, 1, [b" a", b"-b\r", b"+b"])])


def test_what_would_need_too_much_context_is_refused() -> None:
    with pytest.raises(Fault, match="ambiguous_search"):
        written("same\n" * 200, "same\n" * 100 + "new\n" + "same\n" * 100)


BLOCK = "<<<<<<< SEARCH\n{}\n=======\nx\n>>>>>>> REPLACE"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (BLOCK.format("zz"), "no_match"),
        (BLOCK.format("turn a"), "no_match"),  # part of a line
        (BLOCK.format("    return a - b\n"), "no_match"),  # the line and an empty one, where one follows two
        (BLOCK.format(""), "several_matches"),
        ("", "malformed_block"),
        ("I would write:\n" + BLOCK.format("zz"), "malformed_block"),
        (BLOCK.format("zz").removesuffix(">>>>>>> REPLACE"), "malformed_block"),
        ("<<<<<<< SEARCH\n=======\nx\n>>>>>>> REPLACE", "malformed_block"),
        ("<<<<<<< SEARCH\nx\n>>>>>>> REPLACE", "malformed_block"),
        ("<<<<<<< SEARCH\nx\n=======\ny\n=======\nz\n>>>>>>> REPLACE", "malformed_block"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_by_name(text: str, reason: str) -> None:
    old = LEDGER if reason != "no_match" else LEDGER.replace("\n\n\n", "\n")
    with pytest.raises(Fault, match=reason):
        apply(old, text)


def test_blank_lines_between_blocks_are_no_fault() -> None:
    first, second = BLOCK.format("    return a - b"), BLOCK.format("    return sum(rows)")
    assert apply(LEDGER, f"\n{first}\n\n{second}\n").count("x") == 2


@pytest.mark.parametrize(
    ("old", "new"), [(b"a\r\nb\n", b"x\r\nb\n"), (b"a\nb\n", b"x\r\nb\r\n"), (b"\xff\nb", b"x\nb")]
)
def test_mixed_line_ends_and_other_encodings_are_refused(old: bytes, new: bytes) -> None:
    assert not reproduces(old, new, "<<<<<<< SEARCH\na\n=======\nx\n>>>>>>> REPLACE")
