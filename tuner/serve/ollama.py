"""Ollama's API as editors use it: `/api/generate` with `suffix`, `/api/chat`, `/api/show`, `/api/tags`, `/api/version`.

In: a prompt with options. Out: one JSON object, or one a line while it streams, which is the default here. With a
suffix the prompt is the text before the cursor; without one and with `raw` it is taken as it stands; without both it is
a message to the chat template, as in Ollama. An empty prompt only makes sure that the model is loaded. `num_ctx` and
`keep_alive` are passed over: the model is always loaded, with the context of `serve.context_tokens`.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tuner import __version__
from tuner.records import content_id
from tuner.serve.answers import LINES, cut_header, streamed, whole
from tuner.serve.boundary import Boundary
from tuner.serve.chat import Message
from tuner.serve.completing import Answer, Asked
from tuner.serve.conversation import conversation_ids
from tuner.serve.cursor import Cursor, Text
from tuner.serve.endpoint import Asking, Body, Endpoint, Frames, Front, line
from tuner.serve.faults import Fault, as_json
from tuner.serve.openai import as_cursor

_LONG_AGO = "1970-01-01T00:00:00Z"  # when a model was made is of no use to an editor, and the front knows no date
_PATH = "/api/"


class Options(Asking):
    """Ollama's options, as far as they have a meaning here."""

    num_predict: int | None = Field(default=None, ge=-2, le=1_000_000)


class GenerateRequest(Asking):
    """A completion as Ollama has it."""

    model: str = Field(max_length=500)
    prompt: str = ""
    suffix: str | None = None
    system: str | None = None
    raw: bool = False
    stream: bool = True
    options: Options | None = None


class OllamaChat(Asking):
    """A chat as Ollama has it."""

    model: str = Field(max_length=500)
    messages: Annotated[list[Message], Field(max_length=1000)] | None = None
    stream: bool = True
    options: Options | None = None


class ShowRequest(Body):
    """Which model to describe; older clients say `name`."""

    model: str | None = Field(default=None, max_length=500)
    name: str | None = Field(default=None, max_length=500)


async def generate(front: Front, request: Request, asked: GenerateRequest) -> Response:
    """Answer POST /api/generate."""
    if not asked.prompt and asked.suffix is None:
        front.completer.model(asked.model)
        return JSONResponse(_said(asked.model, {"response": ""}) | {"done": True, "done_reason": "load"})
    boundary: Boundary | None = None
    place: Asked
    if asked.suffix is not None:
        place = Cursor(asked.prompt, asked.suffix, asked.path or "")
    elif asked.raw:
        place, boundary = as_cursor(front.completer, asked.model, asked.prompt, asked.path or "")
    else:
        system = [("system", asked.system)] if asked.system else []
        place, boundary = _chat(front, asked.model, [*system, ("user", asked.prompt)]), "none"
    return await _answer(front, request, asked, place, boundary, lambda text: {"response": text})


async def chat(front: Front, request: Request, asked: OllamaChat) -> Response:
    """Answer POST /api/chat."""
    if not asked.messages:
        front.completer.model(asked.model)
        said = _said(asked.model, {"message": {"role": "assistant", "content": ""}})
        return JSONResponse(said | {"done": True, "done_reason": "load"})
    place = _chat(front, asked.model, [(each.role, each.words()) for each in asked.messages])
    return await _answer(
        front, request, asked, place, "none", lambda text: {"message": {"role": "assistant", "content": text}}
    )


async def _answer(
    front: Front,
    request: Request,
    asked: GenerateRequest | OllamaChat,
    place: Asked,
    boundary: Boundary | None,
    shaped: Any,
) -> Response:
    options = asked.options or Options()
    limit = options.num_predict
    if limit is not None and limit < 0:  # -1 and -2 mean: as much as fits
        limit = front.settings.max_new_tokens
    wanted = _merged(asked, options).wanted(limit, boundary)
    if asked.stream:

        async def frames(answer: Answer) -> Frames:
            async for piece in answer.pieces:
                yield line(_said(asked.model, shaped(piece)) | {"done": False})
            yield line(_said(asked.model, shaped("")) | _end(answer))

        return await streamed(request, front.completer, place, asked.model, wanted, frames, _line_of, LINES)
    answer, text = await whole(request, front.completer, place, asked.model, wanted)
    return JSONResponse(_said(asked.model, shaped(text)) | _end(answer), headers=cut_header(answer))


async def show(front: Front, request: Request, asked: ShowRequest) -> Response:
    """Answer POST /api/show: the template says that a suffix is understood, which is how editors find out."""
    model = front.completer.model(asked.model or asked.name)
    template = "{{ if .Suffix }}{{ .Prompt }}{{ .Suffix }}{{ else }}{{ .Prompt }}{{ end }}"
    return JSONResponse(
        {
            "modelfile": "",
            "parameters": "",
            "template": template,
            "details": _details(),
            "model_info": {
                "general.architecture": "tuner",
                "general.basename": model.run.name,
                "tuner.context_length": front.settings.context_tokens,
            },
            "capabilities": ["completion", "insert"],
        }
    )


async def tags(front: Front, request: Request, asked: None) -> Response:
    """Answer GET /api/tags."""
    roster = front.completer.fleet.roster
    return JSONResponse(
        {
            "models": [
                {
                    "name": f"{name}:latest",
                    "model": f"{name}:latest",
                    "modified_at": _LONG_AGO,
                    "size": roster.base.stat().st_size,
                    "digest": content_id(roster.base_sha256, roster.model(name).run.sha256, name),
                    "details": _details(),
                }
                for name in roster.names()
            ]
        }
    )


async def version(front: Front, request: Request, asked: None) -> Response:
    """Answer GET /api/version."""
    return JSONResponse({"version": f"0.0.0-tuner-{__version__}"})


def _chat(front: Front, model: str, messages: list[tuple[str, str]]) -> Text:
    renderer = front.completer.renderer(front.completer.model(model).run)
    return Text(conversation_ids(renderer, messages))


def _merged(asked: Asking, options: Options) -> Asking:
    """Take the options, and what stands beside them."""
    given = {name: value for name in Asking.model_fields if (value := getattr(asked, name)) is not None}
    chosen = {name: value for name in Asking.model_fields if (value := getattr(options, name)) is not None}
    return Asking.model_construct(**{**given, **chosen})


def _said(model: str, text: dict[str, Any]) -> dict[str, Any]:
    return {"model": model, "created_at": _LONG_AGO, **text}


def _end(answer: Answer) -> dict[str, Any]:
    timings = answer.timings
    nanoseconds = {
        "prompt_eval_duration": int(1e6 * timings.get("prompt_ms", 0)),
        "eval_duration": int(1e6 * timings.get("predicted_ms", 0)),
    }
    return {
        "done": True,
        "done_reason": answer.finish,
        "total_duration": sum(nanoseconds.values()),
        "load_duration": 0,
        "prompt_eval_count": answer.prompt_tokens,
        "eval_count": answer.tokens,
        **nanoseconds,
    }


def _details() -> dict[str, Any]:
    return {
        "parent_model": "",
        "format": "gguf",
        "family": "tuner",
        "families": ["tuner"],
        "parameter_size": "",
        "quantization_level": "",
    }


def _line_of(fault: Fault) -> bytes:
    return line(as_json(fault, _PATH))


ENDPOINTS = [
    Endpoint("POST", "/api/generate", "ollama", "Complete, with suffix at a cursor", generate, GenerateRequest),
    Endpoint("POST", "/api/chat", "ollama", "Answer a conversation", chat, OllamaChat),
    Endpoint("POST", "/api/show", "ollama", "Describe a model", show, ShowRequest),
    Endpoint("GET", "/api/tags", "ollama", "The names that models are served under", tags),
    Endpoint("GET", "/api/version", "ollama", "A version, for clients that ask", version),
]
