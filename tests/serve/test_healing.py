"""What the engine is told to spell first, and how it is taken off again."""

from __future__ import annotations

import pytest

from tuner.errors import ServeError
from tuner.serve.healing import Healed, grammar, misleading, touches


def test_nothing_typed_needs_no_grammar() -> None:
    assert grammar(b"") is None


def test_the_grammar_spells_what_was_typed_and_then_admits_anything() -> None:
    assert grammar(b" conne") == r'root ::= " conne" [\U00000000-\U0010FFFF]*'
    assert grammar('"\\\n\té'.encode()) == (
        r'root ::= "\U00000022\U0000005C\U0000000A\U00000009\U000000E9" [\U00000000-\U0010FFFF]*'
    )


@pytest.mark.parametrize("size", [1, 2, 3, 50])
def test_what_was_typed_is_dropped_however_the_answer_comes(size: int) -> None:
    text, filter_ = " connection = café", Healed(b" conne")
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    assert "".join(map(filter_.new, pieces)) == "ction = café"


def test_an_answer_that_does_not_spell_it_is_an_error() -> None:
    with pytest.raises(ServeError, match="the engine did not spell what was typed"):
        Healed(b"abc").new("abd")


def test_control_tokens_that_could_pass_for_what_was_typed_are_found() -> None:
    control = {"<file_sep>": 3, "<|im_end|>": 2, "<tool>": 9}
    assert misleading(b"x <", control) == [2, 3, 9]
    assert misleading(b" <fi", control) == [3]
    assert misleading(b"", control) == [] and misleading(b"abc", control) == []


def test_a_stop_that_stands_in_what_was_typed_is_not_left_to_the_engine() -> None:
    assert touches(b"\n    ", ["\n"])
    assert touches(b"a\n", ["\n\n"])  # it could begin there
    assert not touches(b" conne", ["\n", ""])
