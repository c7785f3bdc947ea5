"""Show a row token by token: what is masked, what is supervised, and which tokens are control tokens.

In: a row and the renderer that made it. Out: its pieces in order. A piece is one token, except where several tokens
spell one character. Nothing is dropped: bytes that are no UTF-8 show as the replacement character, and characters that
would be invisible or would steer a terminal or the direction of writing show as their code point.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tuner.records import Row
from tuner.render import MASKED, Renderer
from tuner.visible import visible


@dataclass(frozen=True, slots=True)
class Piece:
    """A token's text, or the name of a control token."""

    text: str
    supervised: bool
    control: bool


def pieces(row: Row, renderer: Renderer) -> list[Piece]:
    """Cut a row into its tokens, each as it may be shown."""
    found: list[Piece] = []
    waiting, supervised = b"", False
    for ident, label in zip(row.input_ids, row.labels, strict=False):
        spelled = renderer.vocabulary[ident] if ident < len(renderer.vocabulary) else b""
        if (label != MASKED) != supervised or not spelled:
            found += _flushed(waiting, supervised)
            waiting = b""
        supervised = label != MASKED
        if not spelled:
            name = renderer.tokenizer.id_to_token(ident) or f"token {ident}"
            found.append(Piece(visible(name), supervised, True))
            continue
        waiting += spelled
        if _is_whole(waiting):
            found += _flushed(waiting, supervised)
            waiting = b""
    return found + _flushed(waiting, supervised)


def texts(ids: list[int], renderer: Renderer) -> Iterator[str]:
    """Decode the stretches between control tokens, as they are."""
    start = 0
    for place, ident in enumerate([*ids, -1]):
        if ident == -1 or ident >= len(renderer.vocabulary) or not renderer.vocabulary[ident]:
            if place > start:
                yield renderer.decode(ids[start:place])
            start = place + 1


def _flushed(waiting: bytes, supervised: bool) -> list[Piece]:
    return [Piece(visible(waiting.decode("utf-8", "replace")), supervised, False)] if waiting else []


def _is_whole(data: bytes) -> bool:
    """Say whether bytes end with a whole character; bytes that can become no character count as whole."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        return error.reason != "unexpected end of data"
    return True
