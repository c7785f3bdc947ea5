"""Holes and bodies are cut from the file itself, do not overlap, and depend on path and seed only."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.mine.kinds.files import SOURCES, file_of
from tests.tiny_repo import LEDGER, OTHER_LANGUAGES
from tuner.mine import syntax
from tuner.mine.kinds import body, line_infilling, syntax_infilling


@pytest.mark.parametrize("path", SOURCES)
@pytest.mark.parametrize("limit", [200, 8000])
def test_context_response_and_suffix_stand_together_in_the_file(path: str, limit: int) -> None:
    file = file_of(path, SOURCES[path], max_context_chars=limit)
    made = [draft for kind in (syntax_infilling, line_infilling, body) for draft in kind.drafts(file)]
    assert {draft.kind for draft in made} == {"syntax_infilling", "line_infilling", "body"}
    for draft in made:
        assert draft.context + draft.instruction + draft.response + draft.suffix in SOURCES[path]
        assert max(len(draft.context), len(draft.suffix)) <= limit
        assert sum(map(str.isalnum, draft.response)) >= 3


@pytest.mark.parametrize("path", OTHER_LANGUAGES)
def test_every_language_gives_holes_that_are_whole_syntax_nodes(path: str) -> None:
    file = file_of(path, SOURCES[path])
    assert file.tree is not None
    nodes = {file.data[hole.start : hole.end].decode() for hole in syntax.holes(file.tree, file.language)}
    made = list(syntax_infilling.drafts(file))
    assert len(made) >= 2 and {draft.response for draft in made} <= nodes


def test_a_line_hole_runs_to_the_end_of_a_line() -> None:
    made = list(line_infilling.drafts(file_of("a.py", LEDGER)))
    assert len(made) == 3 and all(draft.suffix.startswith("\n") for draft in made)
    assert sum("\n" in draft.response for draft in made) == 1  # one of three runs to the end of its block


def test_a_hole_of_several_lines_closes_its_brackets_and_follows_more_than_a_link() -> None:
    text = "".join(
        f"// See https://ledger.example/{n}\nfn test_{n}() {{\n    open({n});\n\n    count({n});\n}}\n\n"
        for n in range(9)
    )
    for seed in range(9):
        file = file_of("tests/till.rs", text, seed, syntax_infilling_per_file=9, line_infilling_per_file=9)
        made = [*syntax_infilling.drafts(file), *line_infilling.drafts(file)]
        assert made and not any("\n" in draft.response for draft in made)


@settings(max_examples=80, deadline=None)
@given(st.text(alphabet="abc xyz\n\t{}()é漢=.,", max_size=600), st.integers(0, 3))
def test_holes_of_any_text_reconstruct_it_and_do_not_overlap(text: str, seed: int) -> None:
    file = file_of("query.sql", text, seed, line_infilling_per_file=6, max_context_chars=10_000)
    made = list(line_infilling.drafts(file))
    assert len(made) <= 6 and not list(syntax_infilling.drafts(file)) and not list(body.drafts(file))
    for draft in made:
        assert draft.context + draft.response + draft.suffix == text
    ends = [(len(draft.context), len(draft.context) + len(draft.response)) for draft in made]
    assert all(first[1] <= second[0] for first, second in pairwise(ends))


def test_the_seed_and_the_path_choose_the_holes() -> None:
    def chosen(path: str, seed: int) -> list[str]:
        return [draft.response for draft in line_infilling.drafts(file_of(path, LEDGER, seed))]

    assert chosen("a.py", 0) == chosen("a.py", 0)
    assert chosen("a.py", 0) != chosen("a.py", 1)
    assert chosen("a.py", 0) != chosen("b.py", 0)


def test_the_settings_say_how_many_holes_and_bodies() -> None:
    few = file_of("a.py", LEDGER, syntax_infilling_per_file=1, line_infilling_per_file=2, body_per_file=1)
    none = file_of("a.py", LEDGER, syntax_infilling_per_file=0, line_infilling_per_file=0, body_per_file=0)
    kinds = (syntax_infilling, line_infilling, body)
    assert [len(list(kind.drafts(few))) for kind in kinds] == [1, 2, 1]
    assert [len(list(kind.drafts(none))) for kind in kinds] == [0, 0, 0]


@pytest.mark.parametrize(
    ("text", "is_fit"),
    [
        ("\n    a = 1\n    b = 2\n    return a + b\n", True),
        ("\n    return 1\n", False),
        ("\n    pass\n    ...\n    raise NotImplementedError\n", False),
        ("\n    x = 1\n" * 61, False),
    ],
)
def test_a_body_is_neither_a_stub_nor_too_short_nor_too_long(text: str, is_fit: bool) -> None:
    assert body.is_fit_body(text) == is_fit


@pytest.mark.parametrize(
    ("doc", "is_enough"),
    [
        ("// adds up what the items cost", True),
        ("// https://ledger.example/issues/12345 and adapted from https://ledger.example/other", False),
        ("// adapted from: https://ledger.example/other/blob/main/indent.go", False),
        ("// Test created from issue 70 https://ledger.example/70", False),
        ("// Created to reproduce issue 140", False),
        ("// @__NO_SIDE_EFFECTS__ eslint-disable-next-line no-console", False),
        ("// const total = items.map((item) => item.cost);\n// return total.sum(items, prices);", False),
        ("// adds up what the items cost\n// const total = items.sum();", True),
    ],
)
def test_documentation_is_words_and_neither_an_address_nor_dead_code(doc: str, is_enough: bool) -> None:
    code = f"{doc}\nfunction sum(items) {{\n  const all = items.length;\n  log(all);\n  return all;\n}}\n"
    assert bool(list(body.drafts(file_of("a.js", code)))) == is_enough


MANY = "".join(f"  step({number});\n" for number in range(12))


@pytest.mark.parametrize(
    ("said", "lines", "is_told"),
    [
        ("// Adds up what the items of a basket cost, with tax.\nfunction total(items) {", "", True),
        ("// Shows a progress bar.\nfunction demo() {", MANY, False),  # far more than so few words tell
        ("// Opens a file for reading.\nfunction openFile() {", "", False),  # what the name says
        ("// Test ambiguity problem described in #2954.\nfunction vectorPath() {", "", False),
        ("// The quick way, see https://ann.github.io/fast.\nfunction fastWay(items, rest) {", "", False),
        ("// Codec utility functions\nfunction decode(items) {", "", False),
        (
            "// Adds up all costs by addAllTheItems(list).\nfunction total(items) {",
            "addAllTheItems(list);",
            False,
        ),
        ("// Adds up what the items of a basket cost.\nfunction total(items) {", "  x = 0x3a55000000000000;", False),
        ("// Adds up what the items of a basket cost.\nfunction total(items) {", '  by = "Someone";', False),
        ("// Adds up what the items cost.\nfunction total(items) {", "  // old(1);\n  // older(2);", False),
    ],
)
def test_documentation_says_enough_of_a_body_and_no_line_of_it(said: str, lines: str, is_told: bool) -> None:
    assert body.is_told(said, f"\n  const all = items.length;\n{lines}\n  return all;\n}}") == is_told
