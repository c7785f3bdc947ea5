"""Other files stand before a prefix as comments that no compiler would take for code."""

from __future__ import annotations

import pytest

from tuner.evaluate.endpoints.comments import as_comment
from tuner.mine.languages import BY_EXTENSION, FILE_NAMES

CODE = "a = 1\n\nb = 2\n"
WITHOUT_COMMENTS = {"text", "jupyter"}


@pytest.mark.parametrize(
    ("language", "written"),
    [
        ("python", "# a = 1\n#\n# b = 2\n"),
        ("go", "// a = 1\n//\n// b = 2\n"),
        ("sql", "-- a = 1\n--\n-- b = 2\n"),
        ("css", "/* a = 1 */\n/*  */\n/* b = 2 */\n"),
        ("html", "<!-- a = 1 -->\n<!--  -->\n<!-- b = 2 -->\n"),
    ],
)
def test_every_line_is_a_comment_of_the_language(language: str, written: str) -> None:
    assert as_comment(CODE, language) == written


def test_a_line_that_would_close_the_comment_is_left_out() -> None:
    assert as_comment("a */ b\nc\n", "css") == "/* c */\n"
    assert as_comment("a */ b\nc\n", "python") == "# a */ b\n# c\n"


def test_every_language_that_is_mined_has_comments_or_is_known_to_have_none() -> None:
    names = {language.name for language in BY_EXTENSION.values()} | set(FILE_NAMES.values())
    assert {name for name in names if as_comment(CODE, name) is None} == WITHOUT_COMMENTS
