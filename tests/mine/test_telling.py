"""A hole says something, or nobody learns from it."""

from __future__ import annotations

import pytest

from tuner.mine.telling import says_something


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
