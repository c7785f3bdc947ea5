"""llama.cpp's own API as llama.vim, llama.vscode and Tabby's server use it: `/infill`, `/completion`, `/props`.

In: `input_prefix`, `prompt` (the cursor's line as far as it is typed) and `input_suffix`, with pieces of other files.
Out: `content`, the engine's timings, and with `response_fields` only what is named there. A post with `n_predict` 0
warms the engine's memory: it is answered at once without work where others wait. The client's slot is passed over,
since the front knows better which slot has read what. So are its samplers where it names no temperature: greedy
decoding is what was evaluated.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tuner.serve.answers import cut_header, streamed, whole
from tuner.serve.boundary import Boundary
from tuner.serve.completing import Answer, Asked
from tuner.serve.cursor import Cursor, Text
from tuner.serve.endpoint import Asking, Body, Endpoint, File, Frames, Front, event, event_of, neighbours
from tuner.serve.openai import Ids, as_cursor

Fields = Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=200)]


class InfillRequest(Asking):
    """An infilling as llama.cpp has it."""

    input_prefix: str = ""
    input_suffix: str = ""
    prompt: str = ""
    input_extra: list[File] | None = Field(default=None, max_length=1000)
    n_predict: int | None = Field(default=None, ge=-2, le=1_000_000)
    t_max_predict_ms: int | None = Field(default=None, ge=-1, le=3_600_000)
    response_fields: Fields | None = None
    stream: bool = False


class LlamaCompletionRequest(Asking):
    """A completion as llama.cpp has it."""

    prompt: str | Ids = ""
    n_predict: int | None = Field(default=None, ge=-2, le=1_000_000)
    t_max_predict_ms: int | None = Field(default=None, ge=-1, le=3_600_000)
    response_fields: Fields | None = None
    stream: bool = False


class TokenizeRequest(Body):
    """A text to cut into tokens."""

    content: str = ""
    with_pieces: bool = False


async def infill(front: Front, request: Request, asked: InfillRequest) -> Response:
    """Answer POST /infill."""
    place = Cursor(
        asked.input_prefix + asked.prompt,
        asked.input_suffix,
        asked.path or "",
        neighbours=neighbours(asked.input_extra),
    )
    if asked.n_predict == 0 and not front.completer.fleet.has_room:
        return JSONResponse(_chosen(_said("", None), asked.response_fields))
    return await _answer(front, request, asked, place, None)


async def completion(front: Front, request: Request, asked: LlamaCompletionRequest) -> Response:
    """Answer POST /completion."""
    place: Asked
    boundary: Boundary | None
    if isinstance(asked.prompt, str):
        place, boundary = as_cursor(front.completer, asked.model, asked.prompt, asked.path or "")
    else:
        place, boundary = Text(tuple(asked.prompt)), "none"
    return await _answer(front, request, asked, place, boundary)


async def _answer(
    front: Front,
    request: Request,
    asked: InfillRequest | LlamaCompletionRequest,
    place: Asked,
    boundary: Boundary | None,
) -> Response:
    limit = asked.n_predict
    if limit is not None and limit < 0:  # -1 and -2 mean: as much as fits
        limit = front.settings.max_new_tokens
    within = asked.t_max_predict_ms if asked.t_max_predict_ms and asked.t_max_predict_ms > 0 else None
    wanted = asked.wanted(limit, boundary, within)
    if asked.stream:

        async def frames(answer: Answer) -> Frames:
            async for piece in answer.pieces:
                yield event({"index": 0, "content": piece, "tokens": [], "stop": False})
            yield event(_chosen(_said("", answer), asked.response_fields) | {"stop": True})

        return await streamed(request, front.completer, place, asked.model, wanted, frames, event_of)
    answer, text = await whole(request, front.completer, place, asked.model, wanted)
    text = "" if asked.n_predict == 0 else text
    return JSONResponse(_chosen(_said(text, answer), asked.response_fields), headers=cut_header(answer))


async def props(front: Front, request: Request, asked: None) -> Response:
    """Answer GET /props."""
    settings, roster = front.settings, front.completer.fleet.roster
    renderer = front.completer.renderer(roster.runs[0])
    return JSONResponse(
        {
            "default_generation_settings": {"n_ctx": settings.context_tokens, "params": {"n_predict": -1}},
            "total_slots": settings.parallel,
            "model_alias": roster.names()[0],
            "model_path": roster.base.name,
            "chat_template": renderer.chat_template or "",
            "modalities": {"vision": False, "audio": False},
        }
    )


async def lora_adapters(front: Front, request: Request, asked: None) -> Response:
    """Answer GET /lora-adapters: the numbers by which `lora` in a request names adapters."""
    runs = [run for run in front.completer.fleet.roster.runs if run.adapter is not None]
    return JSONResponse(
        [
            {
                "id": number,
                "path": run.adapter.name if run.adapter else "",
                "name": run.name,
                "scale": float(not number),
            }
            for number, run in enumerate(runs)
        ]
    )


async def tokenize(front: Front, request: Request, asked: TokenizeRequest) -> Response:
    """Answer POST /tokenize."""
    renderer = front.completer.renderer(front.completer.fleet.roster.runs[0])
    ids = renderer.encode(asked.content)
    if asked.with_pieces:
        return JSONResponse({"tokens": [{"id": ident, "piece": renderer.decode([ident])} for ident in ids]})
    return JSONResponse({"tokens": ids})


def _said(text: str, answer: Answer | None) -> dict[str, Any]:
    timings = answer.timings if answer else {}
    return {
        "index": 0,
        "content": text,
        "tokens": [],
        "id_slot": 0,
        "stop": True,
        "model": answer.model.name if answer else "",
        "tokens_predicted": answer.tokens if answer else 0,
        "tokens_evaluated": answer.prompt_tokens if answer else 0,
        "tokens_cached": timings.get("cache_n", 0),
        "generation_settings": {},
        "truncated": bool(answer and answer.cut),
        "stop_type": {"length": "limit", "stop": "eos"}[answer.finish] if answer else "none",
        "timings": timings,
    }


def _chosen(said: dict[str, Any], fields: list[str] | None) -> dict[str, Any]:
    """Give the named fields only; `a/b` is the field b of a, under that name, as llama.cpp has it."""
    if not fields:
        return said
    found: dict[str, Any] = {}
    for name in fields:
        value: Any = said
        for part in name.split("/"):
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None:
            found[name] = value
    return found


ENDPOINTS = [
    Endpoint("POST", "/infill", "llama.cpp", "Fill in at a cursor", infill, InfillRequest),
    Endpoint("POST", "/completion", "llama.cpp", "Complete a prompt", completion, LlamaCompletionRequest),
    Endpoint("GET", "/props", "llama.cpp", "What the server is set to", props),
    Endpoint("GET", "/lora-adapters", "llama.cpp", "The adapters and their numbers", lora_adapters),
    Endpoint("POST", "/tokenize", "llama.cpp", "Cut a text into tokens", tokenize, TokenizeRequest),
]
