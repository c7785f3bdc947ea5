"""Pairs are cut from the text itself, do not depend on order, and messages lose what machines add."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.tiny_repo import LEDGER, MONEY, OTHER_LANGUAGES
from tuner.mine import pairs, syntax
from tuner.mine.languages import language_of
from tuner.mine.pairs import Source

SOURCES = {"ledger/book.py": LEDGER, "ledger/money.py": MONEY, **OTHER_LANGUAGES}


def source(path: str, text: str) -> Source:
    language = language_of(path)
    assert language is not None
    return Source(path, language, text, "c" * 40, 1)


@pytest.mark.parametrize("path", SOURCES)
@pytest.mark.parametrize("limit", [200, 8000])
def test_context_response_and_suffix_stand_together_in_the_file(path: str, limit: int) -> None:
    given_source = source(path, SOURCES[path])
    tree = syntax.parse(SOURCES[path].encode(), given_source.language)
    made = list(pairs.infilling_pairs(given_source, tree, 0, 10, limit))
    made += pairs.body_pairs(given_source, tree, 0, 10, limit)
    assert {pair.kind for pair in made} == {"infilling", "body"}
    for pair in made:
        assert pair.context + pair.instruction + pair.response + pair.suffix in SOURCES[path]
        assert max(len(pair.context), len(pair.suffix)) <= limit
        assert sum(character.isalnum() for character in pair.response) >= 3


@pytest.mark.parametrize("path", OTHER_LANGUAGES)
def test_every_language_gives_holes_at_syntax_nodes(path: str) -> None:
    given_source = source(path, SOURCES[path])
    tree = syntax.parse(SOURCES[path].encode(), given_source.language)
    nodes = {
        SOURCES[path].encode()[hole.start : hole.end].decode() for hole in syntax.holes(tree, given_source.language)
    }
    made = list(pairs.infilling_pairs(given_source, tree, 0, 6, 8000))
    assert len(made) >= 5
    assert sum(pair.response in nodes for pair in made) >= 2
    assert sum(pair.suffix.startswith("\n") for pair in made) >= 2


@settings(max_examples=80, deadline=None)
@given(st.text(alphabet="abc xyz\n\t{}()é漢=.,", max_size=600), st.integers(0, 3))
def test_holes_of_any_text_reconstruct_it_and_do_not_overlap(text: str, seed: int) -> None:
    made = list(pairs.infilling_pairs(source("query.sql", text), None, seed, 6, 10_000))
    assert len(made) <= 6
    for pair in made:
        assert pair.context + pair.response + pair.suffix == text
    ends = [(len(pair.context), len(pair.context) + len(pair.response)) for pair in made]
    assert all(first[1] <= second[0] for first, second in pairwise(ends))


def test_the_seed_and_the_path_choose_the_holes() -> None:
    def chosen(path: str, seed: int) -> list[str]:
        return [pair.response for pair in pairs.infilling_pairs(source(path, LEDGER), None, seed, 6, 8000)]

    assert chosen("a.py", 0) == chosen("a.py", 0)
    assert chosen("a.py", 0) != chosen("a.py", 1)
    assert chosen("a.py", 0) != chosen("b.py", 0)


@pytest.mark.parametrize(
    ("message", "normal"),
    [
        ("feat(money): LED-2 show and read amounts (#2)", "show and read amounts"),
        ("LED-77: Refuse unknown accounts", "Refuse unknown accounts"),
        ("[LED-77] Refuse unknown accounts", "Refuse unknown accounts"),
        ("Refuse unknown accounts, closes #12", "Refuse unknown accounts"),
        ("fix!: keep the balance [skip ci]", "keep the balance"),
        (
            "Keep the balance\n\nIt was lost before.\n\nSigned-off-by: A <a@b.test>",
            "Keep the balance\n\nIt was lost before.",
        ),
        ("Keep the balance\n\nSigned-off-by: A <a@b.test>", "Keep the balance"),
        ("fix typo", None),
        ("wip", None),
        ("Update.", None),
        ("4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d 4f2a9c1d4f2a9c1d4f2a9c1d4f2a9c1d", None),
    ],
)
def test_messages_lose_types_tickets_references_and_trailers(message: str, normal: str | None) -> None:
    assert pairs.normalised_message(message) == normal


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("a = 1\n", "a = 2\n", None),
        ("", "a = 2\n", "whole_file_edit"),
        ("a = 1\n", "a  =  1\n\n", "format_only_edit"),
        ("a = 1\n" * 70, "a = 2\n", "too_long_edit"),
    ],
)
def test_an_edit_needs_two_sides_that_differ(old: str, new: str, reason: str | None) -> None:
    assert pairs.edit_reason(old, new, 60) == reason


def test_a_licence_header_is_not_learned_and_other_headers_are() -> None:
    licence = "# Copyright 2020 Ledger\n# Licensed under the MIT License\n"
    assert pairs.without_licence("#!/bin/sh\n" + licence + "\necho\n") == "#!/bin/sh\necho\n"
    assert pairs.without_licence("/* SPDX-License-Identifier: MIT */\nint x;\n") == "int x;\n"
    assert pairs.without_licence("# Adds up totals\nx = 1\n") == "# Adds up totals\nx = 1\n"
