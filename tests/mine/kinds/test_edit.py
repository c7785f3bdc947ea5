"""An edit pair asks for what the commit did, shows where, and its answer gives the new file."""

from __future__ import annotations

import pytest

from tests.mine.hunks import changed, commit
from tuner.mine.drafts import Draft, Dropped
from tuner.mine.kinds.edit import GAP, drafts, format_only
from tuner.mine.search_replace import apply, parse

LINES = [f"value_{number} = {number}" for number in range(100)]
OLD = "\n".join(LINES) + "\n"


def only(found: object) -> Draft:
    (draft,) = list(found)  # type: ignore[call-overload]
    assert isinstance(draft, Draft), draft
    return draft


def reasons(found: object) -> list[str]:
    return [each.reason for each in found if isinstance(each, Dropped)]  # type: ignore[attr-defined]


def test_the_answer_gives_the_new_file_and_stands_in_what_is_shown() -> None:
    new = OLD.replace("value_5 = 5\n", "value_5 = 50\n").replace("value_80 = 80\n", "value_80 = 80\nlast = 0\n")
    draft = only(drafts(commit(changed("a.py", OLD, new))))
    assert apply(OLD, draft.response) == new
    assert all("\n".join(block.search) in draft.context for block in parse(draft.response))
    assert draft.instruction == "Keep the balance\n\nChange `a.py`. Answer with SEARCH/REPLACE blocks."
    assert draft.context.split(f"\n{GAP}\n") == ["\n".join(LINES[:16]), "\n".join(LINES[70:91])]


def test_a_renamed_file_is_asked_for_by_the_name_that_it_had() -> None:
    draft = only(drafts(commit(changed("b.py", OLD, OLD.replace("= 5\n", "= 50\n"), "a.py"))))
    assert "`a.py`" in draft.instruction and draft.path == "b.py"


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (None, OLD, "whole_file_edit"),
        (OLD, "\n", "whole_file_edit"),
        (OLD, OLD.replace("value_5 = 5", "value_5  =  5"), "format_only_edit"),
        (OLD, OLD.replace("\n", "0\n"), "too_long_edit"),
        ("x" * 3_000 + "\n" + OLD, "y" * 3_000 + "\n" + OLD, "too_long_edit"),
        ("Title\n=======\n", "Heading\n======= \n", "marker_in_text"),
        (f"{GAP}\n{OLD}", f"{GAP}\n" + OLD.replace("_5 = 5\n", "_5 = 50\n"), "marker_in_text"),
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
    maker = changed("a.py", OLD, OLD + "def half_up(x):\n    return x\n")
    user = changed("b.py", OLD, OLD + "print(half_up(1))\n")
    assert [type(each) for each in drafts(commit(maker, user))] == [Draft, Dropped]
    assert reasons(drafts(commit(maker, user))) == ["names_of_other_files"]
    assert not reasons(drafts(commit(maker, user, message="Add half_up and use it")))
    assert not reasons(drafts(commit(user)))


def test_prototypes_and_uses_define_nothing_and_fields_do() -> None:
    source = changed("a.c", OLD, OLD + "int half_up(int x) {\n    return x;\n}\n")
    header = changed("a.h", OLD, OLD + "int half_up(int x);\n")
    assert reasons(drafts(commit(source, header))) == ["names_of_other_files"]
    field = changed("a.h", OLD, OLD + "    long half_up;\n")
    user = changed("a.c", OLD, OLD + "return half_up;\n")
    assert [each.path for each in drafts(commit(field, user)) if isinstance(each, Dropped)] == ["a.c"]


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
