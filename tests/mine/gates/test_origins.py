"""Code that says that it was copied from elsewhere is somebody else's."""

from __future__ import annotations

import pytest

from tuner.mine.gates.origins import copied_from
from tuner.mine.languages import language_named

REST = "int total = 0;\n" * 40


@pytest.mark.parametrize(
    "head",
    [
        "// Adapted from https://ledger.example/other\n",
        "/*\n * This script is based on\n * https://ledger.example/other\n */\n",
        f"{'int a;' * 3}\n" * 8 + "  // Date parsing code from Ledger ISO8601Utils.java\n",
    ],
)
def test_a_file_that_says_so_is_foreign(head: str) -> None:
    assert copied_from(head + REST, language_named("java"))


@pytest.mark.parametrize(
    "text",
    [
        f"// The answer is based on the request, see https://ledger.example/a\n{REST}",
        f"{REST}// Adapted from https://ledger.example/regex\n{REST}",  # one expression, deep in the file
        f"{REST}// code from https://ledger.example/a\nint last;\n",
        f"// Shows what was copied from one till to another.\n{REST}",
    ],
)
def test_a_part_that_was_copied_leaves_the_file_our_own(text: str) -> None:
    assert not copied_from(text, language_named("java"))
