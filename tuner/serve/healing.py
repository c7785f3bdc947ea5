"""Make the engine spell first what the user has typed of a word (token healing), and take that off its answer.

In: `Prompt.healed`, the typed bytes that the prompt leaves out. Out: a grammar for the engine that admits, token by
token, what evaluation admits: tokens that begin with what is left to spell or are a part of it, and then anything; and
a filter that drops those characters from a stream of text. Two differences are left. The engine's grammar knows no text
that is not UTF-8, so a token that makes the answer invalid cannot be chosen, where evaluation would show it as `�`. And
it cannot spell a NUL character: a word with one is put into the prompt as it stands.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from tuner.errors import ServeError
from tuner.render import Prompt, Renderer

_ANYTHING = r"[\U00000000-\U0010FFFF]*"


def spellable(prompt: Prompt, renderer: Renderer) -> Prompt:
    """Give a prompt whose healed text the engine can spell."""
    if b"\0" not in prompt.healed:
        return prompt
    return replace(prompt, ids=[*prompt.ids, *renderer.encode(prompt.healed.decode("utf-8"))], healed=b"")


def grammar(healed: bytes) -> str | None:
    """Write the engine's grammar for an answer that begins with `healed`; None where nothing is to be spelled."""
    if not healed:
        return None
    return f'root ::= "{"".join(map(_escaped, healed.decode("utf-8")))}" {_ANYTHING}'


def misleading(healed: bytes, control: Mapping[str, int]) -> list[int]:
    """List the control tokens whose text could pass for what is to be spelled, as `<file_sep>` does after a typed `<`.

    The engine's grammar sees their text, evaluation does not: there they spell nothing.
    """
    typed = healed.decode("utf-8")
    ends = tuple(typed[start:] for start in range(len(typed)))
    return sorted(ident for text, ident in control.items() if ends and text.startswith(ends))


def touches(healed: bytes, stops: Iterable[str]) -> bool:
    """Tell whether a stop text stands in what is to be spelled, or could begin in it: the engine would stop there."""
    typed = healed.decode("utf-8")
    return any(
        stop in typed or any(stop.startswith(typed[start:]) for start in range(len(typed))) for stop in stops if stop
    )


class Healed:
    """Drop the healed characters from the beginning of an answer that comes in pieces."""

    def __init__(self, healed: bytes) -> None:
        self._left = healed.decode("utf-8")

    def new(self, piece: str) -> str:
        """Give what of `piece` is new after the cursor."""
        if not self._left:
            return piece
        count = min(len(piece), len(self._left))
        if piece[:count] != self._left[:count]:
            raise ServeError("the engine did not spell what was typed", "report this with the engine's version")
        self._left = self._left[count:]
        return piece[count:]


def _escaped(character: str) -> str:
    if character.isascii() and character.isprintable() and character not in '"\\':
        return character
    return f"\\U{ord(character):08X}"
