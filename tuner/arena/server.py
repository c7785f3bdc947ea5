"""Serve the arena's page on 127.0.0.1 until it is told to stop.

In: an `Arena`, its votes, a clock and a port. Out: a small web application of plain HTML forms; each press of a key is
one form sent and one vote stored before the next duel is shown. Nobody's name but the voter's own stands in a page,
there are no cookies, and nothing that a page or its headers hold depends on which system wrote what.

Refused: another Host than this machine's loopback names (a page elsewhere that rebinds its name), a form that comes
from another origin (a page elsewhere that votes), an address without the key that is drawn at each start (another
account of this machine), and a body of more than `LARGEST_BODY` bytes. No request is logged.
"""

from __future__ import annotations

import errno
import re
import secrets
import signal
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tuner.arena.booth import Answer, Booth
from tuner.errors import ServeError

HOST = "127.0.0.1"
OWN_NAME = re.compile(r"(127\.0\.0\.1|localhost)(:\d{1,5})?")
LARGEST_BODY = 4096
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src data:; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",  # with none at all a browser would send forms without their origin
    "X-Content-Type-Options": "nosniff",
}
Handler = Callable[[Request], Awaitable[Response]]


def application(booth: Booth, key: str) -> Starlette:
    """Build the web application; all its addresses lie below `/key/`."""
    routes = [
        Route("/", _page(booth.door), methods=["GET"]),
        Route("/vote", _page(booth.duel), methods=["GET"]),
        Route("/ratings", _page(booth.ratings), methods=["GET"]),
        Route("/arena.css", _page(booth.style), methods=["GET"]),
        Route("/arena.js", _page(booth.script), methods=["GET"]),
        Route("/enter", _form(booth.enter), methods=["POST"]),
        Route("/vote", _form(booth.vote), methods=["POST"]),
        Route("/undo", _form(booth.undo), methods=["POST"]),
        Route("/end", _form(booth.end), methods=["POST"]),
    ]
    return Starlette(routes=[Mount(f"/{key}", routes=routes)], middleware=[Middleware(_Guard)])


def serve(booth: Booth, port: int, ready: Callable[[str], None]) -> None:
    """Serve until SIGINT or SIGTERM; `ready` is called with the page's address."""
    stop = threading.Event()
    previous = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with running(booth, port) as url:
            ready(url)
            stop.wait()
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


@contextmanager
def running(booth: Booth, port: int = 0) -> Iterator[str]:
    """Serve while the context lasts, and yield the page's address; port 0 takes a free one."""
    key = secrets.token_urlsafe(9)
    listening = _listen(port)
    config = uvicorn.Config(
        application(booth, key),
        access_log=False,
        log_config=None,
        server_header=False,
        lifespan="off",
        limit_concurrency=64,
        timeout_graceful_shutdown=2,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{listening.getsockname()[1]}/{key}/"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def _listen(port: int) -> socket.socket:
    """Take the port before anything is served from it; requests wait there until the server answers."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen()
    except OSError as error:
        listening.close()
        if error.errno == errno.EADDRINUSE:
            hint = "stop the other server, or leave out --port: a free one is taken"
            raise ServeError(f"port {port} on {HOST} is taken", hint) from None
        if error.errno == errno.EACCES:
            raise ServeError(f"port {port} on {HOST} needs more rights", "choose one above 1023") from None
        raise
    return listening


def _page(show: Callable[[dict[str, str]], Answer]) -> Handler:
    async def handle(request: Request) -> Response:
        return await run_in_threadpool(_respond, show, dict(request.query_params))

    return handle


def _form(take: Callable[[dict[str, str]], Answer]) -> Handler:
    async def handle(request: Request) -> Response:
        body = b""
        async for piece in request.stream():
            body += piece
            if len(body) > LARGEST_BODY:
                return PlainTextResponse(f"a form of more than {LARGEST_BODY} bytes", 413)
        try:
            values = parse_qs(body.decode("ascii"), keep_blank_values=True, max_num_fields=8, errors="strict")
        except ValueError:
            return PlainTextResponse("not a form", 400)
        return await run_in_threadpool(_respond, take, {name: each[0] for name, each in values.items()})

    return handle


def _respond(act: Callable[[dict[str, str]], Answer], values: dict[str, str]) -> Response:
    answer = act(values)
    if answer.goto is not None:
        return RedirectResponse(answer.goto, status_code=303)
    return Response(answer.body, answer.status, media_type=answer.kind, headers=answer.headers)


class _Guard:
    """Let through what comes from this machine and from our own page, and give every answer the same headers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        if scope["type"] == "http":  # nothing else is spoken here
            refused = _refusal(Headers(scope=scope), scope["method"])
            answer = PlainTextResponse(refused, 403) if refused else self.app
            await answer(scope, receive, send_guarded)


def _refusal(headers: Headers, method: str) -> str | None:
    """Say why a request is not from our own page; None when it is."""
    hosts, origins = headers.getlist("host"), headers.getlist("origin")
    if len(hosts) != 1 or not OWN_NAME.fullmatch(hosts[0]):
        return "refused: this page is for 127.0.0.1 only"
    if (origins or method != "GET") and origins != [f"http://{hosts[0]}"]:
        return "refused: this form was not sent by the arena's own page"
    return None
