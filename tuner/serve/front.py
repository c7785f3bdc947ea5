"""The front: every protocol's endpoints as one web application on the loopback address.

In: the completer, the metrics and `recipe.serve`. Out: an ASGI application. Each body is read whole, checked by its
model, and answered; what is wrong with it is said in the words of its protocol. `/openapi.json` describes all of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tuner.errors import ServeError
from tuner.serve import chat, infill, mistral_fim, ollama, openai, tabby
from tuner.serve.description import describe
from tuner.serve.endpoint import Body, Endpoint, Front
from tuner.serve.faults import Fault, as_fault, as_json, explain, read_json
from tuner.serve.guard import Guard, Said
from tuner.serve.metrics import KIND

_SECONDS_FOR_BODY = 30.0


async def complete(front: Front, request: Request, asked: Any) -> Response:
    """Answer POST /v1/completions, which OpenAI's clients and Tabby's agent share."""
    if isinstance(asked, tabby.TabbyRequest):
        return await tabby.complete(front, request, asked)
    return await openai.complete(front, request, asked)


def completion_body(body: dict[str, Any]) -> type[Body]:
    """Tell Tabby's agent, which sends `segments`, from all others."""
    return tabby.TabbyRequest if "segments" in body else openai.CompletionRequest


async def health(front: Front, request: Request, asked: None) -> Response:
    """Answer GET /health."""
    is_up = front.completer.fleet.is_up
    return JSONResponse({"status": "ok" if is_up else "loading model"}, 200 if is_up else 503)


async def metrics(front: Front, request: Request, asked: None) -> Response:
    """Answer GET /metrics."""
    fleet = front.completer.fleet
    gauges = {
        "queue": fleet.queued,
        "slots_busy": fleet.busy,
        "slots": front.settings.parallel,
        "engine_up": float(fleet.is_up),
        "engine_restarts_total": fleet.restarts,
        "models": len(fleet.roster.names()),
    }
    with suppress(ServeError):  # an engine that is being started again has no slots
        gauges["engine_slots_processing"] = await fleet.slots_processing()
    return Response(front.metrics.text(gauges), media_type=KIND)


_BODIES = (openai.CompletionRequest, tabby.TabbyRequest)
ENDPOINTS = [
    Endpoint(
        "POST", "/v1/completions", "openai", "Complete, with suffix at a cursor", complete, _BODIES, completion_body
    ),
    Endpoint("POST", "/completions", "openai", "The same", complete, _BODIES, completion_body),
    *chat.ENDPOINTS,
    *openai.ENDPOINTS,
    *mistral_fim.ENDPOINTS,
    *infill.ENDPOINTS,
    *ollama.ENDPOINTS,
    *tabby.ENDPOINTS,
    Endpoint("GET", "/health", "front", "Whether the engine runs", health),
    Endpoint("GET", "/metrics", "front", "Counts and times, for Prometheus", metrics),
]


def application(front: Front, said: Said, key: str | None) -> Guard:
    """Build the whole application."""
    description = describe(ENDPOINTS)

    async def openapi(request: Request) -> Response:
        request.state.note["protocol"] = "front"
        return JSONResponse(description)

    routes = [Route(each.path, _handler(front, each), methods=[each.method]) for each in ENDPOINTS]
    app = Starlette(
        routes=[*routes, Route("/openapi.json", openapi, methods=["GET"])],
        exception_handlers={HTTPException: _not_there},
    )
    settings = front.settings
    return Guard(app, front.metrics, said, key, settings.hosts, settings.max_body_kib * 1024)


def _handler(front: Front, endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        note = request.state.note
        note["protocol"] = endpoint.protocol
        try:
            return await endpoint.answer(front, request, await _read(request, endpoint))
        except ClientDisconnect:
            fault = Fault(499, "the client went away")
        except ServeError as error:
            fault = as_fault(error)
            note["fault"] = type(error).__name__
        if fault.status == 499:
            note["left"] = True
        return JSONResponse(as_json(fault, endpoint.path), fault.status, fault.headers)

    return handle


async def _read(request: Request, endpoint: Endpoint) -> Body | None:
    """Read and check a body."""
    if endpoint.body is None:
        return None
    try:
        async with asyncio.timeout(_SECONDS_FOR_BODY):
            values = read_json(await request.body())
    except TimeoutError:
        raise Fault(408, f"the body did not come within {_SECONDS_FOR_BODY:g} seconds") from None
    wanted = endpoint.choose(values) if endpoint.choose else endpoint.body
    assert not isinstance(wanted, tuple)
    try:
        return wanted.model_validate(values)
    except ValidationError as error:
        raise explain(error) from None


async def _not_there(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    messages = {404: "there is no such endpoint; GET /openapi.json lists them", 405: "this endpoint has other methods"}
    fault = Fault(error.status_code, messages.get(error.status_code, error.detail))
    return JSONResponse(as_json(fault, request.url.path), error.status_code, dict(error.headers or {}))
