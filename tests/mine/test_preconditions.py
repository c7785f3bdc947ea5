"""Tests that need what nothing shown brings are told: fixtures in strings, files that nobody made, Python 2."""

from __future__ import annotations

import pytest

from tests.mine.hunks import commit
from tests.mine.kinds.test_edit import only, reasons
from tests.mine.kinds.test_test import ADDED, SOURCE, beside
from tuner.mine.kinds.test import drafts
from tuner.mine.languages import language_of
from tuner.mine.parsed import parsed
from tuner.mine.preconditions import asserted_methods, unmet
from tuner.mine.test_code import test_functions as functions_of

BY_NAME = ADDED.replace("@pytest.mark.slow", '@pytest.mark.usefixtures("_till", "tmp_path")')


def test_a_fixture_that_is_asked_for_in_a_string_is_shown_or_the_test_is_dropped() -> None:
    fixture = "@pytest.fixture\ndef _till():\n    yield 1\n\n\n"
    assert "def _till():" in only(drafts(commit(SOURCE, beside(fixture + BY_NAME)))).context
    assert reasons(drafts(commit(SOURCE, beside(BY_NAME)))) == ["fixtures_not_shown"]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('  file f("ledger", file::RDONLY);', "fixtures_not_shown"),
        ('  file f("ledger", file::WRONLY | file::CREATE);', None),
        ('  EXPECT_ERROR(file("ledger", file::RDONLY), ENOENT);', None),
        ('  fopen("/dev/null", "r");', None),
    ],
)
def test_a_file_that_the_test_does_not_make_is_not_there(line: str, reason: str | None) -> None:
    assert unmet(f"TEST(a, b) {{\n{line}\n}}", "cpp", [], "") == reason
    assert unmet(f"TEST(a, b) {{\n{line}\n}}", "cpp", ["void SetUp() { mkdir(x); }"], "") is None


@pytest.mark.parametrize(
    ("test", "shown", "reason"),
    [
        ("def test_a():\n    assert a() == u'x'\n", "", "python_2"),
        ("def test_a():\n    assert a() == 'x'\n", "if PY2:\n    a = 1", "python_2"),
        ("def test_a():\n    assert menu('x') == \"u\"\n", "import PY2", None),
    ],
)
def test_tests_of_python_2_are_told(test: str, shown: str, reason: str | None) -> None:
    assert unmet(test, "python", [], shown) == reason


def test_methods_in_assertions_count_where_none_calls_what_is_tested() -> None:
    language = language_of("tests/test_a.py")
    assert language is not None
    file = parsed("def test_exit():\n    ctx.exit(0)\n    assert cli.main([], x=1) is None\n", language)
    assert asserted_methods(file, functions_of(file)[0], "exit") == {"main"}
    assert asserted_methods(file, functions_of(file)[0], "main") == frozenset()
