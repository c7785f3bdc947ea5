"""Stand before the front: who may ask, how much, and what is written down about it.

In: HTTP requests from this machine. Refused, in this order: a foreign Host (a web page's name that was made to mean
this machine), a foreign Origin (a web page), a wrong or missing key where one is set, a body that is too large. Out:
answers with a request id, a count in the metrics, and one log record each: protocol, model, status, times and token
counts. No record holds code, a key, or a path that a client made up. A request that the server's end cuts off gets 503.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import re
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tuner.serve.faults import Fault, as_json, stopping
from tuner.serve.metrics import Metrics

LOOPBACK = ("127.0.0.1", "localhost", "::1")
REQUEST_ID = "x-request-id"
_OWN_ID = re.compile(r"[A-Za-z0-9_.-]{1,64}")
Said = Callable[[dict[str, Any]], None]


class Guard:
    """An ASGI application around the front."""

    def __init__(
        self, app: ASGIApp, metrics: Metrics, said: Said, key: str | None, hosts: Sequence[str], max_body: int
    ) -> None:
        self._app, self._metrics, self._said = app, metrics, said
        self._key = _digest(key) if key else None
        self._hosts = {*LOOPBACK, *(host.lower() for host in hosts)}
        self._max_body = max_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        started, ident = time.monotonic(), _request_id(headers)
        note: dict[str, Any] = {"id": ident}
        scope.setdefault("state", {})
        scope["state"]["note"] = note
        status = 0

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(raw=message["headers"])[REQUEST_ID] = ident
            await send(message)

        try:
            fault = self._fault(headers)
            if fault is not None:
                await _refuse(sending, fault, scope["path"])
            else:
                await self._app(scope, self._bounded(receive), sending)
        except asyncio.CancelledError:  # only the server's end cancels a request; the client may ask again
            note["fault"] = "Stopping"
            if status:
                raise
            await _refuse(sending, stopping(), scope["path"])
        except Exception as error:
            note["fault"] = type(error).__name__
            if status:  # the answer has begun; all that can be done is to break it off
                raise
            await _refuse(
                sending, Fault(500, "the server failed on this request; its log names the kind"), scope["path"]
            )
        finally:
            seconds = time.monotonic() - started
            protocol = note.pop("protocol", "none")
            self._metrics.add(protocol, status, seconds, note)
            self._said({"event": "request", "protocol": protocol, "status": status,
                        "ms": round(1000 * seconds, 1), **note})  # fmt: skip

    def _fault(self, headers: Headers) -> Fault | None:
        host = headers.get("host", "")
        if _host_of(f"//{host}") not in self._hosts:
            return Fault(403, "this server answers on the loopback address only, under its own name (serve.hosts)")
        origin = headers.get("origin")
        if origin is not None and origin.partition("://")[2] != host:
            return Fault(403, "web pages may not ask this server")
        if self._key is not None and not hmac.compare_digest(_digest(_key_in(headers)), self._key):
            return Fault(401, "the API key is missing or wrong", {"WWW-Authenticate": "Bearer"})
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > self._max_body:
            return self._too_large()
        return None

    def _bounded(self, receive: Receive) -> Receive:
        taken = 0

        async def receiving() -> Message:
            nonlocal taken
            message = await receive()
            taken += len(message.get("body", b""))
            if taken > self._max_body:
                raise self._too_large()
            return message

        return receiving

    def _too_large(self) -> Fault:
        limit = f"{self._max_body // 1024} KiB"
        return Fault(413, f"the body is larger than {limit} (serve.max_body_kib)", {"Connection": "close"})


def _key_in(headers: Headers) -> str:
    """Find the key that a client sends, in any of the headers that clients use."""
    scheme, _, given = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and given.strip():
        return given.strip()
    return headers.get("x-api-key", "")


def _digest(key: str) -> bytes:
    """Bring keys to one length: comparing them then takes the same time whatever they are."""
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()


def _host_of(address: str) -> str | None:
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None


def _request_id(headers: Headers) -> str:
    given = headers.get(REQUEST_ID, "")
    return given if _OWN_ID.fullmatch(given) else secrets.token_hex(8)


async def _refuse(send: Send, fault: Fault, path: str) -> None:
    content = json.dumps(as_json(fault, path)).encode()
    headers = {"content-type": "application/json", "content-length": str(len(content)), **fault.headers}
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": fault.status, "headers": raw})
    await send({"type": "http.response.body", "body": content})
