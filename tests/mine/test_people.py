"""Persons leave comments and messages, by form and by the author list; code and topics stay."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuner.mine.people import People
from tuner.mine.redact import find_secrets, redact

# made-up names
ZORA, IGNAZ, MIEKE = "Zora Quillfeather", "Ignaz Brückenau", "Mieke van Drunten"
AROUND = st.text(alphabet="ab Zora Someone.,#*<>@\n()-:", max_size=20)


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("# TODO(zora): drop", "# TODO(someone): drop"),
        ("// FIXME(@zora.q) drop", "// FIXME(@someone) drop"),
        ("/* XXX(zora) */", "/* XXX(someone) */"),
        (f" * @author {ZORA}", " * @author Someone"),
        ("@author zquill", "@author someone"),
        (f"# Author: {ZORA} <z@example.com>", "# Author: Someone <z@example.com>"),
        (f"Written by {ZORA} in 2020.", "Written by Someone in 2020."),
        (f"Authors: {ZORA}, {IGNAZ}", "Authors: Someone"),
        (f'__author__ = "{ZORA}"', '__author__ = "Someone"'),
        (f"Signed-off-by: {ZORA} <z@example.com>", "Signed-off-by: Someone <z@example.com>"),
        (f"Reviewed-by: {MIEKE}", "Reviewed-by: Someone"),
        (f"thanks to {MIEKE} <m@example.com>", "thanks to Someone <m@example.com>"),
        (f"Copyright (c) 2020 {ZORA} <z at ledger dot dev>", "Copyright (c) 2020 Someone <user21656@example.com>"),
        (f"// A decoder by {ZORA}:", "// A decoder by Someone:"),
        (f"# on the excellent work by {IGNAZ} who", "# on the excellent work by Someone who"),
        (f"# the method by {ZORA} based on", "# the method by Someone based on"),
    ],
)
def test_a_form_that_names_a_person_is_replaced(text: str, redacted: str) -> None:
    assert redact(text).text == redacted
    assert redact(redacted).text == redacted


@pytest.mark.parametrize(
    "text",
    [
        "# TODO(#123): drop",
        "# TODO(LEDGER-12): drop",
        "# TODO: ask",
        'TODO("not yet")',
        "#define APPLY(XXX) XXX(name, value)",
        "author: string;",
        "Author: author,",
        "written by the server",
        "Maintained by Ledger Project",
        "std::vector<Token> Ledger Book <br>",
        "Sort-by: date",
        "x = f'a version by {name}'",
        "// a parser by Visual means",
    ],
)
def test_topics_types_and_projects_stay(text: str) -> None:
    assert redact(text).text == text


def test_listed_full_names_leave_comments_and_messages() -> None:
    people = People([ZORA, IGNAZ, MIEKE])
    text = f"# {ZORA} wants this, see ({IGNAZ}) and {MIEKE}'s note\nQuillfeather, Zora\nIgnaz Bruckenau"
    redacted = people.redact(text)
    assert redacted.text == "# Someone wants this, see (Someone) and Someone's note\nSomeone\nSomeone"
    assert redacted.counts == {"person": 5}
    assert people.names_in(text) == {ZORA, IGNAZ, MIEKE} and people.names_in(redacted.text) == frozenset()
    assert redact(text, people).text == redacted.text and redact(text).text == text  # not found without the list


def test_a_name_counts_only_whole_and_apart() -> None:
    people = People([ZORA])
    for text in (
        "Zora Quillfeathers",
        "AZora Quillfeather",
        "zora quillfeather",
        "Zora",
        "Quillfeather",
        "Zora\nQuillfeather",
    ):
        assert people.redact(text).text == text and not people.names_in(text)


@pytest.mark.parametrize(
    "name", ["root", "zora", "GitHub Actions", "dependabot[bot]", "Z Q", "Test User", "zora@ledger.dev", ""]
)
def test_logins_and_machines_are_no_names(name: str) -> None:
    people = People([name])
    assert people.redact(f"# {name} did it").text == f"# {name} did it"


def test_a_name_with_an_initial_is_found_with_and_without_it() -> None:
    people = People(["Zora B. Quillfeather"])
    assert people.redact("Zora Quillfeather, Zora B. Quillfeather").text == "Someone, Someone"
    assert people.redact("é: Zora B. Quillfeather").text == "é: Someone"


def test_names_in_changes_only_where_a_listed_name_occurs() -> None:
    text = f"# by {ZORA}\n"
    assert People([ZORA]).names_in(text) == People([ZORA, IGNAZ]).names_in(text) != People([IGNAZ]).names_in(text)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(AROUND, st.sampled_from([ZORA, IGNAZ, MIEKE, "Someone Else"])), max_size=6))
def test_redacting_names_twice_changes_nothing_and_moves_no_line(pieces: list[str]) -> None:
    people = People([ZORA, IGNAZ, MIEKE, "Someone Else"])
    text = "".join(pieces)
    once = redact(text, people)
    assert once.text.count("\n") == text.count("\n") and people.names_in(once.text) == frozenset()
    assert redact(once.text, people).text == once.text and find_secrets(once.text, people) == []


def test_a_list_of_thousands_costs_no_more_than_a_short_one() -> None:
    text = "the quick brown fox jumps over Zora and the lazy dog\n" * 20_000
    many = People([f"Zora{chr(97 + n % 26)}{chr(97 + n // 26 % 26)}{chr(97 + n // 676)} Quill" for n in range(5_000)])
    few = People([ZORA])

    def seconds(people: People) -> float:
        start = time.process_time()
        people.names_in(text)
        return time.process_time() - start

    assert min(seconds(many) for _ in range(3)) < 3 * min(seconds(few) for _ in range(3)) + 0.05
