"""What Tabby's agent asks of a Tabby server: `/v1/completions` with `segments`, `/v1/health`, `/v1/events`.

In: the segments around the cursor, with declarations, changed files and the clipboard where the agent has them. Out:
one choice with its text. Events (shown, accepted, dismissed) are taken and thrown away; settings say to send none.
"""

from __future__ import annotations

import os
import platform
from typing import Annotated

from pydantic import Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from tuner import __version__
from tuner.records import Neighbour
from tuner.serve.answers import cut_header, whole
from tuner.serve.cursor import Cursor
from tuner.serve.endpoint import Asking, Body, Endpoint, Front, Name


class Declaration(Body):
    """A piece of another file, as Tabby's language servers and its history of edits give it."""

    filepath: Name = ""
    body: str = ""


Pieces = Annotated[list[Declaration], Field(max_length=1000)]


class Segments(Body):
    """What stands around the cursor."""

    prefix: str
    suffix: str | None = None
    filepath: Name | None = None
    git_url: Name | None = None
    declarations: Pieces | None = None
    relevant_snippets_from_changed_files: Pieces | None = None
    relevant_snippets_from_recently_opened_files: Pieces | None = None
    clipboard: str | None = None


class TabbyRequest(Asking):
    """A completion as Tabby's agent asks for it."""

    segments: Segments
    language: str | None = Field(default=None, max_length=100)


class Event(Body):
    """Something that the user did with an answer; nothing of it is kept."""


async def complete(front: Front, request: Request, asked: TabbyRequest) -> Response:
    """Answer POST /v1/completions with segments."""
    request.state.note["protocol"] = "tabby"
    around = asked.segments
    pieces = [
        *(around.relevant_snippets_from_recently_opened_files or []),
        *(around.relevant_snippets_from_changed_files or []),
        *(around.declarations or []),
    ]
    files = tuple(Neighbour(each.filepath, each.body) for each in pieces if each.body.strip())
    place = Cursor(around.prefix, around.suffix or "", around.filepath or asked.path or "", neighbours=files)
    answer, text = await whole(request, front.completer, place, asked.model, asked.wanted(None))
    said = {"id": f"cmpl-{request.state.note['id']}", "choices": [{"index": 0, "text": text}]}
    return JSONResponse(said, headers=cut_header(answer))


async def health(front: Front, request: Request, asked: None) -> Response:
    """Answer GET and POST /v1/health."""
    version = {"build_date": "", "build_timestamp": "", "git_sha": "", "git_describe": f"tuner-{__version__}"}
    name = front.completer.fleet.roster.names()[0]
    return JSONResponse(
        {
            "model": name,
            "chat_model": name,
            "chat_device": "cpu",
            "device": "cpu",
            "arch": platform.machine(),
            "cpu_info": "",
            "cpu_count": os.cpu_count() or 1,
            "cuda_devices": [],
            "version": version,
        }
    )


async def settings(front: Front, request: Request, asked: None) -> Response:
    """Answer GET /v1beta/server_setting."""
    return JSONResponse({"disable_client_side_telemetry": True})


async def events(front: Front, request: Request, asked: Event) -> Response:
    """Answer POST /v1/events."""
    return Response(status_code=200)


ENDPOINTS = [
    Endpoint("GET", "/v1/health", "tabby", "What Tabby's agent asks first", health),
    Endpoint("POST", "/v1/health", "tabby", "The same", health),
    Endpoint("GET", "/v1beta/server_setting", "tabby", "Tells the agent to send no telemetry", settings),
    Endpoint("POST", "/v1/events", "tabby", "Taken and thrown away", events, Event),
]
