"""Read an answer as the client does that asked: is it of the form that it reads, whole, and where is the text?

In: the request's path and body, and the answer's status, kind and content. Out: `Read`: the text that the client shows,
None where it looks for none, and what is wrong with the answer, empty if nothing is. A stream must have begun, hold
nothing but what its protocol has, and have come to its end.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Form = Literal["whole", "events", "lines"]
_MEDIA: dict[str, Form] = {
    "text/event-stream": "events",
    "application/x-ndjson": "lines",
    "application/json": "whole",
}
_NAMES: dict[Form, str] = {"whole": "one JSON object", "events": "server-sent events", "lines": "lines of JSON"}
_DONE = "[DONE]"


@dataclass(frozen=True, slots=True)
class _Shape:
    """Where a text stands, in a whole answer and in a piece of a stream, and what the stream's last piece says."""

    whole: str
    piece: str = ""
    form: Form = "events"
    is_last: Callable[[Any], bool] = lambda piece: piece == _DONE


_MESSAGE = _Shape("choices.0.message.content", "choices.0.delta.content")
_LLAMA = _Shape("content", "content", "events", lambda piece: bool(_at(piece, "stop")))
_SHAPES = {
    "/completions": _Shape("choices.0.text", "choices.0.text"),
    "/chat/completions": _MESSAGE,
    "/fim/completions": _MESSAGE,
    "/infill": _LLAMA,
    "/completion": _LLAMA,
    "/api/generate": _Shape("response", "response", "lines", lambda piece: _at(piece, "done") is True),
    "/api/chat": _Shape("message.content", "message.content", "lines", lambda piece: _at(piece, "done") is True),
}
_FACTS = {  # what a client looks up, and where it finds it
    "/models": "data.0.id",
    "/health": "model",
    "/api/show": "template",
    "/api/tags": "models.0.name",
    "/api/version": "version",
    "/props": "default_generation_settings.n_ctx",
    "/tokenize": "tokens",
}


@dataclass(frozen=True, slots=True)
class Read:
    """What a client makes of an answer."""

    text: str | None
    fault: str = ""


def read(path: str, body: bytes, status: int, media_type: str, content: bytes) -> Read:
    """Read one answer."""
    if status != 200:
        return Read(None, f"status {status}: {content[:200].decode(errors='replace')}")
    asked = json.loads(body) if body.strip() else {}
    name = "/" + path.partition("?")[0].removeprefix("/v1/").lstrip("/")
    shape = _SHAPES.get(name)
    if shape is None or asked.get("n_predict") == 0:
        return _fact(_FACTS.get(name), content)
    wanted: Form = shape.form if asked.get("stream", shape.form == "lines") else "whole"
    found = _MEDIA.get(media_type.partition(";")[0])
    if found != wanted:
        return Read(None, f"wanted {_NAMES[wanted]}, got {media_type or 'no media type'}")
    try:
        return _whole(shape, content) if wanted == "whole" else _stream(shape, content, wanted)
    except ValueError as error:
        return Read(None, f"not JSON: {error}")


def _whole(shape: _Shape, content: bytes) -> Read:
    text = _at(json.loads(content), shape.whole)
    return Read(text) if isinstance(text, str) else Read(None, f"{shape.whole} is missing")


def _stream(shape: _Shape, content: bytes, form: Form) -> Read:
    if form == "lines":
        pieces = [json.loads(line) for line in content.decode().splitlines() if line]
    else:
        lines = [line.removeprefix("data: ") for line in content.decode().split("\n\n") if line.startswith("data: ")]
        pieces = [line if line == _DONE else json.loads(line) for line in lines]
    broken = next((piece["error"] for piece in pieces if isinstance(piece, dict) and "error" in piece), None)
    if broken is not None:
        return Read(None, f"the stream ends with an error: {_at(broken, 'message') or broken}")
    if not pieces or not shape.is_last(pieces[-1]):
        return Read(None, "the stream has no end")
    texts = [found for piece in pieces if isinstance(found := _at(piece, shape.piece), str)]
    return Read("".join(texts)) if texts else Read(None, f"no piece of the stream has {shape.piece}")


def _fact(place: str | None, content: bytes) -> Read:
    if place is None:  # the client reads nothing but the status
        return Read(None)
    try:
        found = _at(json.loads(content), place)
    except ValueError as error:
        return Read(None, f"not JSON: {error}")
    return Read(None) if found not in (None, "", []) else Read(None, f"{place} is missing")


def _at(value: Any, place: str) -> Any:
    """Follow a path such as `choices.0.text`."""
    for step in place.split("."):
        if isinstance(value, list):
            value = value[int(step)] if step.isdigit() and int(step) < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
    return value
