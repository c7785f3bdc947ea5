"""Ask a server over plain HTTP, byte for byte where that matters."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.content)

    @property
    def events(self) -> list[Any]:
        """Read a body of server-sent events; `[DONE]` stays text."""
        lines = [line[6:] for line in self.content.decode().split("\n\n") if line.startswith("data: ")]
        return [line if line == "[DONE]" else json.loads(line) for line in lines]

    @property
    def lines(self) -> list[Any]:
        """Read a body with one JSON object a line."""
        return [json.loads(line) for line in self.content.decode().splitlines() if line]


def ask(
    url: str, path: str, body: Any = None, *, method: str | None = None, headers: dict[str, str] | None = None
) -> Reply:
    """Send one request; a body that is bytes goes out as it is."""
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    content = body if isinstance(body, bytes | None) else json.dumps(body).encode()
    given = {"Content-Type": "application/json", **(headers or {})}
    connection.request(method or ("GET" if body is None else "POST"), path, content, given)
    answer = connection.getresponse()
    reply = Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    connection.close()
    return reply


def error_of(reply: Reply) -> str:
    """Give the message of a refusal."""
    error = reply.json["error"]
    return str(error["message"] if isinstance(error, dict) else error)


def until(holds: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Wait for something that comes soon, however busy the machine is."""
    end = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)
    return found
