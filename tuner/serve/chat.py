"""OpenAI's chat completions: `/v1/chat/completions`.

In: messages, of which only text is read; tools are passed over. Out: one answer, whole or as server-sent events.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tuner.serve.answers import cut_header, streamed, whole
from tuner.serve.completing import Answer
from tuner.serve.conversation import conversation_ids
from tuner.serve.cursor import Text
from tuner.serve.endpoint import DONE, Asking, Body, Endpoint, Frames, Front, Tokens, event, event_of
from tuner.serve.faults import Fault
from tuner.serve.openai import StreamOptions, usage

_DEFAULT_TOKENS = 512  # an answer in words is no line of code


class Part(Body):
    """A part of a message."""

    text: str | None = None


class Message(Body):
    """One message. A role goes into the template, so that it can be nothing but a word."""

    role: Annotated[str, Field(pattern=r"^[A-Za-z_-]{1,40}$")]
    content: str | list[Part] | None = None

    def words(self) -> str:
        """Give the message's text."""
        if isinstance(self.content, list):
            return "".join(part.text or "" for part in self.content)
        return self.content or ""


class ChatRequest(Asking):
    """A chat as OpenAI has it."""

    messages: Annotated[list[Message], Field(min_length=1, max_length=1000)]
    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: int | None = None


async def chat(front: Front, request: Request, asked: ChatRequest) -> Response:
    """Answer POST /v1/chat/completions."""
    if asked.n not in (None, 1):
        raise Fault(400, f"n: {asked.n}, wanted 1: one answer is given a request")
    renderer = front.completer.renderer(front.completer.model(asked.model).run)
    prompt = Text(conversation_ids(renderer, [(each.role, each.words()) for each in asked.messages]))
    given = asked.max_completion_tokens if asked.max_tokens is None else asked.max_tokens
    wanted = asked.wanted(_DEFAULT_TOKENS if given is None else given, "none")
    ident, name = f"chatcmpl-{request.state.note['id']}", asked.model or "tuned"
    if asked.stream:
        wants_usage = asked.stream_options is not None and asked.stream_options.include_usage

        async def frames(answer: Answer) -> Frames:
            yield event(_chunk(ident, name, {"role": "assistant", "content": ""}, None))
            async for piece in answer.pieces:
                yield event(_chunk(ident, name, {"content": piece}, None))
            last = event(_chunk(ident, name, {}, answer.finish))
            if wants_usage:
                last += event({**_chunk(ident, name, {}, None), "choices": [], "usage": usage(answer)})
            yield last + DONE

        return await streamed(request, front.completer, prompt, asked.model, wanted, frames, event_of)
    answer, text = await whole(request, front.completer, prompt, asked.model, wanted)
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": answer.finish}
    said = {"id": ident, "object": "chat.completion", "created": 0, "model": name, "choices": [choice]}
    return JSONResponse(said | {"usage": usage(answer)}, headers=cut_header(answer))


def _chunk(ident: str, model: str, delta: dict[str, str], finish: str | None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
    return {"id": ident, "object": "chat.completion.chunk", "created": 0, "model": model, "choices": [choice]}


ENDPOINTS = [
    Endpoint("POST", "/v1/chat/completions", "openai", "Answer a conversation", chat, ChatRequest),
    Endpoint("POST", "/chat/completions", "openai", "The same", chat, ChatRequest),
]
