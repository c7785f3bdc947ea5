"""What is new in a text is found with its surroundings, and nothing that is new is passed over."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tuner.mine.novelty import LINES_AROUND, Searched, pieces_beside, redact_beside
from tuner.mine.redact import Finding, redact

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


def threes(lines: list[str]) -> set[tuple[str, ...]]:
    return set(zip(lines, lines[1:], lines[2:], strict=False))


@given(known=LINES, text=LINES)
def test_every_three_lines_stand_in_a_searched_text_or_in_a_new_piece(known: list[str], text: list[str]) -> None:
    for pieces in (
        list(Searched("\n".join(known)).new_pieces("\n".join(text))),
        [piece for piece, is_new in pieces_beside("\n".join(text), "\n".join(known)) if is_new],
    ):
        in_pieces = set().union(*(threes(piece.split("\n")) for piece in pieces))
        assert threes(text) <= threes(known) | in_pieces


@given(known=LINES, text=LINES)
def test_the_pieces_are_the_text(known: list[str], text: list[str]) -> None:
    whole = "\n".join(text)
    assert "\n".join(piece for piece, _ in pieces_beside(whole, "\n".join(known))) == whole


@given(known=st.integers(0, 400), start=st.integers(0, 400), gone=st.integers(0, 50), come=st.integers(0, 50))
def test_only_what_was_changed_is_new(known: int, start: int, gone: int, come: int) -> None:
    lines = [f"line {number}" for number in range(known)]
    changed = [*lines[:start], *(f"new {number}" for number in range(come)), *lines[start + gone :]]
    pieces = list(pieces_beside("\n".join(changed), "\n".join(lines)))
    new = [line for piece, is_new in pieces if is_new for line in piece.split("\n")]
    assert {line for line in changed if line.startswith("new")} <= set(new)
    assert len(new) <= come + 4 + 2 * LINES_AROUND


KEY = "ghp_" + "Zx8Qv3" * 6  # in pieces, so that no scanner takes this file for a leak
SAID = st.lists(
    st.sampled_from(["x = 1", "", f'token = "{KEY}"', "# by ann@" + "corp.dev", 'secret = "', "hunter2z9", "}"]),
    max_size=120,
)


def finds_nothing(text: str) -> list[Finding]:
    """Stand for a scanner of its own, for whose sake only what is new is searched."""
    return []


@given(first=SAID, second=SAID)
def test_a_version_is_redacted_beside_another_as_it_is_alone(first: list[str], second: list[str]) -> None:
    known = redact("\n".join(first)).text
    for scanner in (None, finds_nothing):
        assert redact_beside("\n".join(second), known, scanner) == redact("\n".join(second))


def test_what_is_known_is_not_redacted() -> None:
    assert KEY in redact_beside(KEY, KEY, finds_nothing).text  # so only redacted texts may count as known
    assert KEY not in redact_beside(KEY, KEY).text  # our own rules know lines by themselves, and look at each text
