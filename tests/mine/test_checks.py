"""Tests that cannot fail, and those that expect words which nobody could know, are told from others."""

from __future__ import annotations

import pytest

from tuner.mine.checks import checks_nothing, expects_unsaid
from tuner.mine.languages import language_of
from tuner.mine.parsed import parsed
from tuner.mine.test_code import test_functions as functions_of


@pytest.mark.parametrize(
    ("body", "is_nothing"),
    [
        ("assert total() == 1", False),
        ("with pytest.raises(ValueError):\n        total()", False),
        ("total() == 1", True),
        ("assert total()\n    result.exit_code == 0", True),
        ("def cli():\n        assert total() == 1\n    runner.invoke(cli)", True),
        ("def cli():\n        assert total() == 1\n    assert runner.invoke(cli).exit_code == 0", False),
        ("print(total())", True),
        ("run_and_compare(total)", False),
    ],
)
def test_a_check_has_an_effect(body: str, is_nothing: bool) -> None:
    language = language_of("test_a.py")
    assert language is not None
    file = parsed(f"def test_total(runner):\n    {body}\n", language)
    assert checks_nothing(file, functions_of(file)[0]) == is_nothing


LONG = "Class declares multiple fields which conflict because of inheritance"


@pytest.mark.parametrize(
    ("shown", "is_unsaid"), [("", True), (f'throw new Fault("{LONG}: " + name);', False), ("declares fields", True)]
)
def test_a_message_that_is_compared_must_be_said_somewhere(shown: str, is_unsaid: bool) -> None:
    test = f'assertThat(e).hasMessageThat()\n    .isEqualTo("{LONG}");'
    assert expects_unsaid(test, shown) == is_unsaid
    assert not expects_unsaid(f'gson.toJson("{LONG}");', shown)


def test_words_that_stand_apart_do_not_say_a_message() -> None:
    test = 'assertEquals("Only single values belong above every drawer.",\n    fault.getMessage());'
    shown = "// Above drawers belong values: every single drawer has only values."
    assert expects_unsaid(test, shown)
    assert not expects_unsaid(test, 'throw new Fault("only single values belong above every " + name);')
    assert not expects_unsaid(f't.Fatal("Only single values belong above every drawer")\n{LONG}.Error()', "")
