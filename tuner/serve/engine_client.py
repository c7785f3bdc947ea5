"""Ask the engine over its private port: answers as a stream of JSON events.

In: an address, a key, a path and a body. Out: the events of a streamed answer, or one JSON answer. HTTP is spoken with
h11, which the front's own server needs anyhow: a general client library took 5 ms a request on the machine this was
measured on, as much as the whole front may add. Every request has a connection of its own, since the engine closes it
after a stream; leaving a stream before its end closes it too, which is how the engine learns that nobody waits any
more.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import h11

from tuner.errors import ServeError

_PIECE = 1 << 16


class EngineGone(ServeError):
    """The engine ended, or its answer broke off."""


class EngineRefused(ServeError):
    """The engine answered with an error of its own."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class _Connection:
    """One HTTP/1.1 connection to the engine."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.state = h11.Connection(h11.CLIENT)

    async def send(self, method: str, path: str, host: str, key: str, body: bytes) -> None:
        headers = [
            ("Host", host),
            ("Authorization", f"Bearer {key}"),
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
        ]
        events = [h11.Request(method=method, target=path, headers=headers), h11.Data(body), h11.EndOfMessage()]
        self.writer.write(b"".join(self.state.send(each) or b"" for each in events))
        await self.writer.drain()

    async def next_event(self) -> h11.Response | h11.Data | h11.EndOfMessage:
        while True:
            event = self.state.next_event()
            if event is h11.NEED_DATA:
                self.state.receive_data(await self.reader.read(_PIECE))
            elif isinstance(event, h11.Response | h11.Data | h11.EndOfMessage):
                return event
            elif not isinstance(event, h11.InformationalResponse):
                raise EngineGone("the engine closed the connection")


class EngineClient:
    """A client of one engine."""

    def __init__(self, address: str, key: str) -> None:
        parts = urlsplit(address)
        self.address, self.key = address, key
        self._netloc, self._host, self._port = parts.netloc, parts.hostname, parts.port

    async def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
        """Give the whole answer as JSON."""
        async with self._answered(method, path, body) as connection:
            return json.loads(await _rest(connection))

    async def stream(self, path: str, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the events of a streamed answer; closing the iterator early gives the request up."""
        async with self._answered("POST", path, body) as connection:
            held = b""
            while isinstance(event := await connection.next_event(), h11.Data):
                *whole, held = (held + bytes(event.data)).split(b"\n\n")
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
        connection = None
        try:
            connection = _Connection(*await asyncio.open_connection(self._host, self._port))
            await connection.send(method, path, self._netloc, self.key, content)
            event = await connection.next_event()
            if not isinstance(event, h11.Response):
                raise EngineGone("the engine's answer has no head")
            if event.status_code != 200:
                raise _refusal(_error_of(await _rest(connection)), event.status_code)
            yield connection
        except (OSError, h11.RemoteProtocolError) as error:
            raise EngineGone(f"the engine broke off its answer: {type(error).__name__}") from None
        finally:
            if connection is not None:
                connection.writer.close()


async def _rest(connection: _Connection) -> bytes:
    pieces = []
    while isinstance(event := await connection.next_event(), h11.Data):
        pieces.append(bytes(event.data))
    return b"".join(pieces)


def _error_of(text: bytes) -> dict[str, Any]:
    try:
        error = json.loads(text)["error"]
    except (ValueError, KeyError, TypeError):
        return {}
    return error if isinstance(error, dict) else {}


def _refusal(error: dict[str, Any], status: int) -> EngineRefused:
    return EngineRefused(int(error.get("code") or status), str(error.get("message") or "the engine gave no reason"))
