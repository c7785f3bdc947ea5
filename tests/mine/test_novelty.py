"""What is new in a text is found with its surroundings, and nothing that is new is passed over."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tuner.mine.novelty import LINES_AROUND, Searched, redact_beside
from tuner.mine.redact import redact

LINES = st.lists(st.sampled_from(["", "a", "b", "}", "return x"]), max_size=200)


def test_nothing_is_new_in_what_was_searched() -> None:
    text = "\n".join(f"line {number}" for number in range(300))
    assert list(Searched(text).new_pieces(text)) == []
    assert list(Searched(text, "x").new_pieces("x")) == []


def test_all_is_new_beside_nothing() -> None:
    for text in ("x", "", "a\nb", "\n" * 500):
        assert list(Searched().new_pieces(text)) == [text]


def test_a_new_line_comes_with_the_lines_around_it() -> None:
    lines = [f"line {number}" for number in range(300)]
    changed = [*lines[:100], "password", *lines[100:250], *lines[251:]]
    first, second = Searched("\n".join(lines)).new_pieces("\n".join(changed))
    assert first.split("\n") == changed[98 - LINES_AROUND : 103 + LINES_AROUND]
    assert lines[249] in second and lines[251] in second and lines[250] not in second


def test_known_lines_in_a_new_order_are_new() -> None:
    known = "key =\na\nb\nvalue\nc\nd"
    assert list(Searched(known).new_pieces("key =\nvalue")) == ["key =\nvalue"]


@given(known=LINES, text=LINES)
def test_every_three_lines_stand_in_a_searched_text_or_in_a_new_part(known: list[str], text: list[str]) -> None:
    searched, whole = Searched("\n".join(known)), "\n".join(text)
    parts = list(searched.new_pieces(whole))
    assert "\n".join(piece for piece, _ in searched.pieces(whole)) == whole

    def threes(lines: list[str]) -> set[tuple[str, ...]]:
        return set(zip(lines, lines[1:], lines[2:], strict=False))

    in_parts = set().union(*(threes(part.split("\n")) for part in parts))
    assert threes(text) <= threes(known) | in_parts


KEY = "ghp_" + "Zx8Qv3" * 6  # in pieces, so that no scanner takes this file for a leak
SAID = st.lists(
    st.sampled_from(["x = 1", "", f'token = "{KEY}"', "# by ann@" + "corp.dev", 'secret = "', "hunter2z9", "}"]),
    max_size=120,
)


@given(first=SAID, second=SAID)
def test_a_version_is_redacted_beside_another_as_it_is_alone(first: list[str], second: list[str]) -> None:
    searched = Searched(redact("\n".join(first)).text)
    assert redact_beside("\n".join(second), searched) == redact("\n".join(second))


def test_what_is_not_searched_is_not_redacted() -> None:
    assert KEY in redact_beside(KEY, Searched(KEY)).text  # so only redacted texts may count as searched
