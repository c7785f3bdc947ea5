"""A hole says something, or nobody learns from it."""

from __future__ import annotations

import pytest

from tuner.mine.telling import is_after_mere_link, is_cursor_place, is_telling_line, says_something


@pytest.mark.parametrize(
    ("hole", "before", "language"),
    [
        ("return add_tax(total)", "    ", "python"),
        ("al_with_tax(basket.prices)", "tot", "python"),
        ("return None if total is None else total", "    ", "python"),
        ("rate: 0.19", "  ", "yaml"),
        ("with:", "  ", "python"),
        ("of the address https://ledger.example/a", "# ", "python"),
        ("someone_else = 1", "", "python"),
        (
            "\n".join(
                f"call_{name}({name}, {'x' * number} + 1){'; f()' * number}" for number, name in enumerate("abcdef")
            ),
            "",
            "c",
        ),
    ],
)
def test_code_and_remarks_say_something(hole: str, before: str, language: str) -> None:
    assert says_something(hole, before, language)


@pytest.mark.parametrize(
    ("hole", "before", "language"),
    [
        ("})];", "", "go"),
        ("ion(", "funct", "python"),
        ('2.148"', 'version = "0.', "toml"),
        ("rinting/#colours", "see https://ledger.example/p", "python"),
        ("https://ledger.example/printing", "# ", "python"),
        ("return nil", "\t", "go"),
        (f"uses: actions/checkout@{'11bd' * 10}", "- ", "yaml"),
        ("return Ok(())", "    ", "rust"),
        ('"""From https://ledger.example/printing"""', "", "python"),
        ("    break;", "", "c"),
        ("} else {", "", "c"),
        ("- steps:", "  ", "yaml"),
        ("build-system]", "[", "toml"),
        ("thor Someone", " * @au", "java"),
        ('mail = "user04711@example.com"', "", "python"),
        ('key = "ghp_REDACTEDpat1"', "", "python"),
        ("\n".join(f'    ("{name}", {number}),' for number, name in enumerate("abcdef")), "", "python"),
    ],
)
def test_rests_closing_words_keys_stand_ins_and_tables_say_nothing(hole: str, before: str, language: str) -> None:
    assert not says_something(hole, before, language)


@pytest.mark.parametrize(
    ("before", "hole", "is_place"),
    [
        ("use std::os", "::unix::ffi;", True),
        ("use std::os:", ":unix::ffi;", False),
        ("/", "/ adds up all costs", False),
        ("if total =", "= 0:", False),
        ("as of 2023-10-2", "3 this is", False),
        ("rate = 0", ".19 * tax", False),
        ("mask = 0x", "ff00", False),
        ("read_utf1", "6_text(total)", True),
        ("for n in 0..", "count {", True),
        ("add(1, ", "2 + total)", True),
    ],
)
def test_a_cursor_stands_in_words_but_not_in_signs_and_numbers(before: str, hole: str, is_place: bool) -> None:
    assert is_cursor_place(before, hole) == is_place


@pytest.mark.parametrize(
    ("before", "hole", "is_prose", "is_telling"),
    [
        ("// rewritten, so that it is in t", "he match.", False, False),
        ("// rewritten, so that it is ", "in the match.", False, True),
        ("    and that is all of t", "he match.", True, False),
        ("", "# adds up all costs", False, True),
        ("}  //", " namespace test", False, False),
        ("", "#endif  // TILL_H", False, False),
        ("} // close ", "the till\nopen(till);", False, True),
        ('  { "_ab', '", "_Ab" },\n  // https://ledger.example/1\n  { "_1", "_1" },', False, False),
        ('  add("_ab', '", total),', False, True),
        ('    """Adds up ', 'all costs."""', False, True),
    ],
)
def test_a_line_tells_more_than_a_last_word_a_closing_remark_and_rows_of_literals(
    before: str, hole: str, is_prose: bool, is_telling: bool
) -> None:
    assert is_telling_line(before, hole, is_prose=is_prose) == is_telling


def test_a_comment_of_an_address_or_a_number_says_nothing_of_what_follows() -> None:
    assert is_after_mere_link("x();\n// See: https://ledger.example/issues/270\n")
    assert is_after_mere_link("# Issue #270\n    ")
    assert not is_after_mere_link("// See #270: a dash before the text\n")
    assert not is_after_mere_link("x = 270\n")
