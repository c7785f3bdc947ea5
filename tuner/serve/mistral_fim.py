"""Mistral's infilling, which Continue and others also ask DeepSeek's way: `/v1/fim/completions`, `/fim/completions`.

In: `prompt` and `suffix`. Out: a choice whose text is a message, or a stream of deltas. Without a suffix, or with null,
the cursor is at the end of the file.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tuner.serve.answers import cut_header, streamed, whole
from tuner.serve.completing import Answer
from tuner.serve.cursor import Cursor
from tuner.serve.endpoint import DONE, Asking, Endpoint, Frames, Front, Tokens, event, event_of
from tuner.serve.openai import usage


class FimRequest(Asking):
    """An infilling as Mistral has it."""

    prompt: str
    suffix: str | None = None
    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    min_tokens: int | None = Field(default=None, description="read and passed over")
    random_seed: int | None = Field(default=None, ge=-(2**63), lt=2**64)
    stream: bool = False


async def fill(front: Front, request: Request, asked: FimRequest) -> Response:
    """Answer POST /v1/fim/completions."""
    if asked.seed is None:
        asked.seed = asked.random_seed
    place = Cursor(asked.prompt, asked.suffix or "", asked.path or "")
    limit = asked.max_completion_tokens if asked.max_tokens is None else asked.max_tokens
    wanted = asked.wanted(limit)
    ident, name = request.state.note["id"], asked.model or "tuned"
    if asked.stream:

        async def frames(answer: Answer) -> Frames:
            async for piece in answer.pieces:
                yield event(_said(ident, name, "delta", piece, None))
            yield event(_said(ident, name, "delta", "", answer.finish) | {"usage": usage(answer)}) + DONE

        return await streamed(request, front.completer, place, asked.model, wanted, frames, event_of)
    answer, text = await whole(request, front.completer, place, asked.model, wanted)
    said = _said(ident, name, "message", text, answer.finish) | {"usage": usage(answer)}
    return JSONResponse(said, headers=cut_header(answer))


def _said(ident: str, model: str, kind: str, text: str, finish: str | None) -> dict[str, Any]:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, kind: message, "finish_reason": finish}
    shape = "chat.completion.chunk" if kind == "delta" else "chat.completion"
    return {"id": ident, "object": shape, "created": 0, "model": model, "choices": [choice]}


ENDPOINTS = [
    Endpoint("POST", "/v1/fim/completions", "mistral", "Fill in at a cursor", fill, FimRequest),
    Endpoint("POST", "/fim/completions", "mistral", "The same", fill, FimRequest),
]
