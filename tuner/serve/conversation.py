"""Turn a conversation into token ids by the base's own chat template.

In: messages and a renderer. Out: ids up to where the answer begins; for one user message those that training rendered.
Only what the template writes can be a control token: a message that spells one out is text, as everywhere. A base
without a template was trained on plain requests, so the messages are joined in that form.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from jinja2 import TemplateError

from tuner.chat_form import rendered
from tuner.errors import ServeError
from tuner.render import Renderer

Messages = Sequence[tuple[str, str]]


class Refused(ServeError):
    """The chat template does not take these messages."""


def conversation_ids(renderer: Renderer, messages: Messages) -> tuple[int, ...]:
    """Render messages, each a role and a text, up to where the answer begins."""
    if renderer.chat_template is None:
        return tuple(renderer.chat_prompt("\n\n".join(text for _, text in messages)))
    marks = [f"\x00{number}\x00" for number in range(len(messages))]
    asked = [(role, mark) for (role, _), mark in zip(messages, marks, strict=True)]
    try:
        text = rendered(renderer.chat_template, asked, renderer.form)
    except TemplateError as error:
        raise Refused(f"messages: the base's chat template refuses them: {error.message}") from None
    ids: list[int] = []
    for piece in re.split("(\x00\\d+\x00)", text):
        if piece in marks:
            ids += renderer.encode(messages[int(piece.strip("\x00"))][1])
        elif piece:
            ids += renderer.tokenizer.encode(piece, add_special_tokens=False).ids
    return tuple(ids)
