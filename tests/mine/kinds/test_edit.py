"""An edit pair asks for what the commit did, shows where, and its answer gives the new file."""

from __future__ import annotations

import pytest

from tests.mine.hunks import changed, commit
from tuner.mine.drafts import Draft, Dropped
from tuner.mine.kinds.edit import GAP, drafts, format_only
from tuner.mine.search_replace import apply, parse

LINES = [f"balance_{number} = {number}" for number in range(100)]
OLD = "\n".join(LINES) + "\n"
LINES_ENDED = OLD.splitlines(keepends=True)


def only(found: object) -> Draft:
    (draft,) = list(found)  # type: ignore[call-overload]
    assert isinstance(draft, Draft), draft
    return draft


def reasons(found: object) -> list[str]:
    return [each.reason for each in found if isinstance(each, Dropped)]  # type: ignore[attr-defined]


def test_the_answer_gives_the_new_file_and_stands_in_what_is_shown() -> None:
    new = OLD.replace("balance_5 = 5\n", "balance_5 = 50\n").replace(
        "balance_80 = 80\n", "balance_80 = 80\nbalance_last = 0\n"
    )
    draft = only(drafts(commit(changed("a.py", OLD, new))))
    assert apply(OLD, draft.response) == new
    assert all("\n".join(block.search) in draft.context for block in parse(draft.response))
    assert draft.instruction == (
        "Keep the balance\n\nChange `a.py`:\n- at `balance_5 = 5` write `50` instead of `5`; "
        "after `balance_80 = 80` add code that uses `balance_last`\n\nAnswer with SEARCH/REPLACE blocks."
    )
    assert draft.context.split(f"\n{GAP}\n") == ["\n".join(LINES[:16]), "\n".join(LINES[70:91])]


def test_a_renamed_file_is_asked_for_by_the_name_that_it_had() -> None:
    draft = only(drafts(commit(changed("b.py", OLD, OLD.replace("= 5\n", "= 50\n"), "a.py"))))
    assert "`a.py`" in draft.instruction and draft.path == "b.py"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (None, OLD, "whole_file_edit"),
        (OLD, "\n", "whole_file_edit"),
        (OLD, OLD.replace("balance_5 = 5", "balance_5  =  5"), "format_only_edit"),
        (OLD, OLD.replace("\n", "0\n"), "too_long_edit"),
        ("balance = " + "x" * 3_000 + "\n" + OLD, "balance = " + "y" * 3_000 + "\n" + OLD, "too_long_edit"),
        ("Title\n=======\n", "Heading\n======= \n", "marker_in_text"),
        (f"{GAP}\n{OLD}", f"{GAP}\n" + OLD.replace("balance_5 = 5\n", "balance_50 = 50\n"), "marker_in_text"),
        ("same\n" * 200, "same\n" * 100 + "other\n" + "same\n" * 100, "ambiguous_search"),
    ],
)
def test_what_teaches_no_edit_is_dropped_with_its_reason(old: str | None, new: str, reason: str) -> None:
    assert reasons(drafts(commit(changed("a.py", old, new)))) == [reason]


def test_a_poor_message_drops_every_file() -> None:
    new = OLD.replace("= 5\n", "= 50\n")
    assert reasons(drafts(commit(changed("a.py", OLD, new), changed("b.py", OLD, new), message=None))) == [
        "poor_message",
        "poor_message",
    ]


def test_a_name_that_another_file_brings_cannot_be_guessed() -> None:
    maker = changed("balance.py", OLD, OLD + "def balance_up(x):\n    return x\n")
    user = changed("keep.py", OLD, OLD + "print(balance_up(1), keep=1)\n")
    assert [type(each) for each in drafts(commit(maker, user))] == [Draft, Dropped]
    assert reasons(drafts(commit(maker, user))) == ["names_of_other_files"]
    assert not reasons(drafts(commit(maker, user, message="Keep the balance by balance_up")))
    assert not reasons(drafts(commit(user)))


def test_prototypes_and_uses_define_nothing_and_fields_do() -> None:
    source = changed("balance.c", OLD, OLD + "int balance_up(int x) {\n    return x;\n}\n")
    header = changed("balance.h", OLD, OLD + "int balance_up(int x);\n")
    assert reasons(drafts(commit(source, header))) == ["names_of_other_files"]
    field = changed("balance.h", OLD, OLD + "    long balance_up;\n")
    user = changed("balance.c", OLD, OLD + "return balance_up;\n")
    assert [each.path for each in drafts(commit(field, user)) if isinstance(each, Dropped)] == ["balance.c"]


def said(new: str, message: str, path: str = "a.py", old: str = OLD) -> list[str]:
    return reasons(drafts(commit(changed(path, old, new), message=message)))


def test_expectations_of_tests_follow_from_other_code() -> None:
    new = OLD.replace("= 5\n", "= 50\n")
    assert said(new, "Keep the balance", "tests/test_a.py") == ["edit_of_tests"]
    rust = "fn balance() -> i64 {\n    1\n}\n\n#[cfg(test)]\nmod tests {\n    fn balance_of_two() {}\n}\n"
    assert said(rust.replace("of_two", "of_three"), "Keep the balance", "a.rs", rust) == ["edit_of_tests"]
    assert not said(rust.replace("fn balance()", "fn balance_kept()"), "Keep the balance", "a.rs", rust)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Optimize balances", "vague_request"),
        ("Improve the balance a little", "vague_request"),
        ("Read colours from a terminal", "not_named_by_message"),
    ],
)
def test_a_request_that_does_not_lead_to_the_change_is_dropped(message: str, reason: str) -> None:
    assert said(OLD.replace("= 5\n", "= 50\n"), message) == [reason]


def test_every_place_that_changes_is_asked_for() -> None:
    asked = OLD.replace("balance_5 = 5\n", "balance_5 = rounded(5)\n")
    draft = only(drafts(commit(changed("a.py", OLD, "import colours\n" + asked))))
    assert "import `colours`" in draft.instruction and "write `rounded(5)` instead of `5`" in draft.instruction
    assert said("\n" + asked, "Keep the balance") == ["mixed_with_format"]


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("Keep the balance and paint the terminal", "asks_for_more"),
        ("Keep the balance of `open_book`", "asks_for_more"),
        ("Add tests of the kept balance", "asks_for_more"),
        ("Keep the balance, still not right", "working_note"),
    ],
)
def test_a_message_that_asks_for_more_than_the_file_holds_is_dropped(message: str, reason: str) -> None:
    assert said(OLD.replace("= 5\n", "= 50\n"), message) == [reason]


def test_sentences_of_the_body_that_speak_of_something_else_are_left_out() -> None:
    body = "The colours of the terminal were wrong. A balance is rounded. See the talk of last week."
    new = OLD.replace("balance_5 = 5\n", "balance_5 = rounded(5)\n")
    draft = only(drafts(commit(changed("a.py", OLD, new), message=f"Keep the balance\n\n{body}")))
    assert draft.instruction.startswith("Keep the balance\n\nA balance is rounded.\n\nChange `a.py`:")


def test_a_copy_of_a_change_a_version_and_a_scratch_file_are_dropped() -> None:
    new = OLD.replace("balance_5 = 5\n", "balance_5 = rounded(5)\n")
    found = drafts(commit(changed("src/a.py", OLD, new), changed("build/lib/a.py", OLD, new)))
    assert [each.reason if isinstance(each, Dropped) else each.path for each in found] == ["src/a.py", "copy_in_commit"]
    assert said(new, "Keep the balance", "playground/a.py") == ["scratch_file"]
    version = 'balance_version = "1.0"\n'
    assert said(version.replace("1.0", "1.1") + OLD, "Keep the balance", old=version + OLD) == ["version_bump"]


def test_more_than_a_few_words_can_tell_is_dropped() -> None:
    assert said(OLD + "balance += 1\n" * 30, "Keep the balance") == ["more_than_asked"]
    blocks = "".join(
        line.replace(" = ", " = balance + ") if at % 9 == 0 else line for at, line in enumerate(LINES_ENDED)
    )
    assert said(blocks, "Keep the balance") == ["many_blocks"]
    assert said(OLD + "# balance is kept\n", "Comment on how to keep the balance") == ["remark_unsaid"]


def test_what_nobody_can_know_is_said_or_the_change_is_dropped() -> None:
    draft = only(drafts(commit(changed("a.py", OLD, OLD + 'balance = "0a1b2c3d4e5f"\n'))))
    assert 'the text `"0a1b2c3d4e5f"`' in draft.instruction
    assert said(OLD + f"balance = [{', '.join(f'name_{n}' for n in range(8))}]\n", "Keep the balance") == [
        "unsaid_names"
    ]
    assert said(OLD + f'balance = "{"a b " * 30}"\n', "Keep the balance") == ["unsaid_texts"]


def test_a_name_that_stands_elsewhere_in_the_file_is_shown_with_its_line() -> None:
    old = "def round_half(x):\n    return x\n\n\n" + OLD
    new = old.replace("balance_80 = 80\n", "balance_80 = round_half(80)\n")
    draft = only(drafts(commit(changed("a.py", old, new))))
    assert draft.context.startswith(f"def round_half(x):\n{GAP}\n")


def test_a_person_written_over_in_a_string_is_dropped() -> None:
    old = 'owner = "Someone"\n' + OLD
    assert said(old.replace("= 3\n", "= balance\n"), "Keep the balance", old=old) == ["name_in_code"]


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("a = 'x'", 'a = "x"', True),
        ("f(a, b)", "f(\n    a,\n    b,\n)", True),
        ("a = [1, 2]", "a=[1,2,]", True),
        ("a = 'x'", "a = 'y'", False),
        ("f(a, b)", "f(a)", False),
    ],
)
def test_form_is_space_quotes_and_trailing_commas(old: str, new: str, same: bool) -> None:
    assert format_only(old, new) is same
