"""Ask the engine over its private port: answers as a stream of JSON events.

In: an address, a key, a path and a body. Out: the events of a streamed answer, or one JSON answer. HTTP is spoken with
the parser that the front's own server uses: a general client library took 5 ms a request on the machine this was
measured on, as much as the whole front may add. Every request has a connection of its own, since the engine closes it
after a stream; leaving a stream before its end closes it too, which is how the engine learns that nobody waits any
more.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast
from urllib.parse import urlsplit

import httptools

from tuner.errors import ServeError


class EngineGone(ServeError):
    """The engine ended, or its answer broke off."""


class EngineRefused(ServeError):
    """The engine answered with an error of its own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Connection(asyncio.Protocol):
    """One HTTP/1.1 connection to the engine, for one request."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._status: int | None = None
        self._pieces: deque[bytes] = deque()
        self._is_whole = False
        self._broken_by: str | None = None
        self._waiting: asyncio.Future[None] | None = None

    def send(self, method: str, path: str, host: str, key: str, body: bytes) -> None:
        """Send a request; the transport buffers what the socket does not take at once."""
        assert self._transport is not None
        head = [
            f"{method} {path} HTTP/1.1",
            f"Host: {host}",
            f"Authorization: Bearer {key}",
            "Content-Type: application/json",
            f"Content-Length: {len(body)}",
        ]
        self._transport.write("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body)

    async def status(self) -> int:
        """Wait for the head of the answer."""
        while self._status is None:
            await self._news()
        return self._status

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """Yield the answer's body as it comes."""
        while True:
            while self._pieces:
                yield self._pieces.popleft()
            if self._is_whole:
                return
            await self._news()

    async def rest(self) -> bytes:
        """Wait for the whole body."""
        return b"".join([piece async for piece in self.pieces()])

    def close(self) -> None:
        """Close the connection, whatever is still to come."""
        if self._transport is not None:
            self._transport.close()

    async def _news(self) -> None:
        if self._broken_by:
            raise EngineGone(f"the engine broke off its answer: {self._broken_by}")
        self._waiting = asyncio.get_running_loop().create_future()
        await self._waiting

    def _tell(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    # What the event loop calls.
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._broken_by = type(error).__name__
            self.close()
        self._tell()

    def connection_lost(self, exc: Exception | None) -> None:
        self._broken_by = self._broken_by or (type(exc).__name__ if exc else "it closed the connection")
        self._tell()

    # What the parser calls.
    def on_headers_complete(self) -> None:
        self._status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self._pieces.append(body)

    def on_message_complete(self) -> None:
        self._is_whole = True


class EngineClient:
    """A client of one engine."""

    def __init__(self, address: str, key: str) -> None:
        parts = urlsplit(address)
        self.address, self.key = address, key
        self._netloc, self._host, self._port = parts.netloc, parts.hostname or "", parts.port or 80

    async def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Give the whole answer as JSON."""
        async with self._answered(method, path, body) as connection:
            return json.loads(await connection.rest())

    async def stream(self, path: str, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the events of a streamed answer; closing the iterator early gives the request up."""
        async with self._answered("POST", path, body) as connection:
            held = b""
            async for piece in connection.pieces():
                *whole, held = (held + piece).split(b"\n\n")
                for line in whole:
                    line = line.strip()
                    if line.startswith(b"data: {"):
                        found = json.loads(line[6:])
                        if "error" in found:
                            raise _refusal(found["error"], 500)
                        yield found
                    elif line.startswith(b"error: "):
                        raise _refusal(json.loads(line[7:]), 500)

    @asynccontextmanager
    async def _answered(self, method: str, path: str, body: dict[str, Any] | None) -> AsyncIterator[_Connection]:
        """Send a request and read the head of its answer; the connection is closed at the end."""
        content = json.dumps(body).encode() if body is not None else b""
        connection = _Connection()
        try:
            await asyncio.get_running_loop().create_connection(lambda: connection, self._host, self._port)
            connection.send(method, path, self._netloc, self.key, content)
            status = await connection.status()
            if status != 200:
                raise _refusal(_error_of(await connection.rest()), status)
            yield connection
        except OSError as error:
            raise EngineGone(f"the engine broke off its answer: {type(error).__name__}") from None
        finally:
            connection.close()


def _error_of(text: bytes) -> dict[str, Any]:
    try:
        error = json.loads(text)["error"]
    except (ValueError, KeyError, TypeError):
        return {}
    return error if isinstance(error, dict) else {}


def _refusal(error: dict[str, Any], status: int) -> EngineRefused:
    return EngineRefused(int(error.get("code") or status), str(error.get("message") or "the engine gave no reason"))
