from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tuner.dataset.origins import comparable
from tuner.dataset.token_view import Piece, pieces, texts
from tuner.records import Row
from tuner.render import MASKED
from tuner.visible import visible

from .audited_runs import renderer

TEXT = st.text(st.characters(codec="utf-8"), max_size=60).map(comparable)


def as_row(prompt: str, answer: str) -> Row:
    before, after = renderer().encode(prompt), [*renderer().encode(answer), renderer().end_id]
    return Row("0" * 16, "body", before + after, [MASKED] * len(before) + after)


@given(TEXT, TEXT)
def test_pieces_spell_the_row_and_know_what_is_supervised(prompt: str, answer: str) -> None:
    shown = pieces(as_row(prompt, answer), renderer())
    assert "".join(each.text for each in shown if not each.supervised) == visible(prompt)
    assert "".join(each.text for each in shown if each.supervised and not each.control) == visible(answer)
    assert shown[-1] == Piece(renderer().form.end, True, True)


def test_a_character_of_several_tokens_is_one_piece() -> None:
    text = "\U0001fae0"
    assert len(renderer().encode(text)) > 1
    assert [each.text for each in pieces(as_row("", text), renderer())][:-1] == [text]


def test_a_character_that_the_mask_cuts_in_two_is_shown_as_broken() -> None:
    ids = renderer().encode("\U0001fae0")
    row = Row("0" * 16, "file", ids, [MASKED, *ids[1:]])
    assert {each.supervised for each in pieces(row, renderer())} == {False, True}
    assert "\ufffd" in pieces(row, renderer())[0].text


def test_a_token_that_the_base_does_not_have_is_shown_by_its_number() -> None:
    row = Row("0" * 16, "file", [10**7], [10**7])
    assert pieces(row, renderer()) == [Piece("token 10000000", True, True)]


def test_control_tokens_part_the_texts_of_a_row() -> None:
    show = renderer()
    ids = [*show.encode("one\n"), show.end_id, show.end_id, *show.encode("two")]
    assert list(texts(ids, show)) == ["one\n", "two"]
