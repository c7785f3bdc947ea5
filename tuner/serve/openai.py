"""OpenAI's completions, which most clients speak: `/v1/completions` with a working `suffix`, and `/v1/models`.

In: a prompt, and with `suffix` the text after the cursor. Out: choices, whole or as server-sent events. A prompt
without a suffix is the text before a cursor at its end. One that holds another family's infilling template, which
editors choose by the model's name, is read back into its cursor; one with other control tokens is taken as it stands.
Refused: several prompts or several answers at once, `echo` and `logprobs`.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tuner.records import Neighbour
from tuner.serve.answers import cut_header, streamed, whole
from tuner.serve.boundary import Boundary
from tuner.serve.completing import Answer, Asked, Completer
from tuner.serve.cursor import Cursor, Text
from tuner.serve.endpoint import DONE, Asking, Body, Endpoint, File, Frames, Front, Tokens, event, event_of, neighbours
from tuner.serve.faults import Fault
from tuner.serve.templates import read_template

Ids = Annotated[list[Annotated[int, Field(ge=0, lt=2**31)]], Field(min_length=1, max_length=100_000)]


class StreamOptions(Body):
    """What a stream should hold beside the text."""

    include_usage: bool = False


class CompletionRequest(Asking):
    """A completion as OpenAI has it; `input_extra` is llama.cpp's, for other files."""

    prompt: str | Annotated[list[str], Field(min_length=1)] | Ids = ""
    suffix: str | None = None
    max_tokens: Tokens | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: int | None = None
    best_of: int | None = None
    echo: bool | None = None
    logprobs: int | None = None
    input_extra: list[File] | None = Field(default=None, max_length=1000)


async def complete(front: Front, request: Request, asked: CompletionRequest) -> Response:
    """Answer POST /v1/completions."""
    _refuse_unanswerable(asked)
    place, boundary = _place_of(front.completer, asked)
    wanted = asked.wanted(asked.max_tokens, boundary)
    ident = f"cmpl-{request.state.note['id']}"
    name = asked.model or "tuned"
    if asked.stream:
        wants_usage = asked.stream_options is not None and asked.stream_options.include_usage

        async def frames(answer: Answer) -> Frames:
            async for piece in answer.pieces:
                yield event(_chunk(ident, name, piece, None))
            last = event(_chunk(ident, name, "", answer.finish))
            if wants_usage:
                last += event({**_chunk(ident, name, "", None), "choices": [], "usage": usage(answer)})
            yield last + DONE

        return await streamed(request, front.completer, place, asked.model, wanted, frames, event_of)
    answer, text = await whole(request, front.completer, place, asked.model, wanted)
    return JSONResponse(_chunk(ident, name, text, answer.finish) | {"usage": usage(answer)}, headers=cut_header(answer))


def _place_of(completer: Completer, asked: CompletionRequest) -> tuple[Asked, Boundary | None]:
    """Say where the cursor is, or that the text is to be taken as it stands, and where the answer ends."""
    prompt = asked.prompt
    if isinstance(prompt, list):
        if all(isinstance(each, int) for each in prompt):
            return Text(tuple(prompt)), "none"  # type: ignore[arg-type]
        if len(prompt) > 1:
            raise Fault(400, f"prompt: {len(prompt)} prompts, wanted one a request")
        prompt = str(prompt[0])
    files = neighbours(asked.input_extra)
    if asked.suffix is not None:
        return Cursor(prompt, asked.suffix, asked.path or "", neighbours=files), None
    return as_cursor(completer, asked.model, prompt, asked.path or "", files)


def as_cursor(
    completer: Completer, model: str | None, prompt: str, path: str, files: tuple[Neighbour, ...] = ()
) -> tuple[Asked, Boundary | None]:
    """Read a prompt that comes without a suffix: a template's cursor, a text to take as it stands, or code.

    A template asks for what belongs at its cursor, all else for as much as the token limit allows.
    """
    found = read_template(prompt)
    if found is not None:
        return (Cursor(found.prefix, found.suffix, path, found.repo, found.neighbours) if path else found), None
    if completer.renderer(completer.model(model).run).holds_control(prompt):
        return Text(prompt), "none"
    return Cursor(prompt, "", path, neighbours=files), "none"


def usage(answer: Answer) -> dict[str, Any]:
    """Count tokens as OpenAI does."""
    cached = answer.timings.get("cache_n", 0)
    return {
        "prompt_tokens": answer.prompt_tokens,
        "completion_tokens": answer.tokens,
        "total_tokens": answer.prompt_tokens + answer.tokens,
        "prompt_tokens_details": {"cached_tokens": cached},
    }


async def models(front: Front, request: Request, asked: None) -> Response:
    """Answer GET /v1/models."""
    names = front.completer.fleet.roster.names()
    listed = [{"id": name, "object": "model", "created": 0, "owned_by": "tuner"} for name in names]
    return JSONResponse({"object": "list", "data": listed})


async def model(front: Front, request: Request, asked: None) -> Response:
    """Answer GET /v1/models/NAME."""
    found = front.completer.model(request.path_params["name"])
    return JSONResponse({"id": found.name, "object": "model", "created": 0, "owned_by": "tuner"})


def _chunk(ident: str, model: str, text: str, finish: str | None) -> dict[str, Any]:
    choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": finish}
    return {"id": ident, "object": "text_completion", "created": 0, "model": model, "choices": [choice]}


def _refuse_unanswerable(asked: CompletionRequest) -> None:
    for name, value in (("n", asked.n), ("best_of", asked.best_of)):
        if value not in (None, 1):
            raise Fault(400, f"{name}: {value}, wanted 1: one answer is given a request")
    if asked.echo:
        raise Fault(400, "echo: true, wanted false: the prompt is not repeated")
    if asked.logprobs:
        raise Fault(400, f"logprobs: {asked.logprobs}, wanted none: probabilities are not given")


ENDPOINTS = [
    Endpoint("GET", "/v1/models", "openai", "The names that models are served under", models),
    Endpoint("GET", "/v1/models/{name}", "openai", "One of them", model),
]
