"""The clients of the serving benchmark: what an editor sends to the front, and the same asked of the bare engine.

In: places in files. Out: seconds to the first piece and to the whole answer. The bare engine is sent the ids, the
grammar that the front would send, and both end by the number of tokens, so that both do the same work.
"""

from __future__ import annotations

import http.client
import json
import random
import socket
import threading
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tuner.render import Renderer
from tuner.serve.healing import grammar

_LOCAL = threading.local()
_IDLE_SECONDS = 5.0  # after which a server may have closed a connection
_SHORTEST = 2_000  # characters before a place: enough to fill a prompt


@dataclass(frozen=True, slots=True)
class Place:
    """A cursor in a file, and the prompt that it makes."""

    prefix: str
    suffix: str
    path: str
    ids: list[int]
    renderer: Renderer | None
    healed: bytes

    def moved(self, head: str) -> Place:
        """Put a line of its own into the text before the cursor, so that nobody has read that prompt."""
        lines = self.prefix.split("\n")
        return replace(self, prefix="\n".join([*lines[:-8], head, *lines[-8:]]))

    def typed(self) -> Place:
        """Type the next character of the file."""
        return replace(self, prefix=self.prefix + self.suffix[:1], suffix=self.suffix[1:])


@dataclass(frozen=True, slots=True)
class Timed:
    """How long an answer took, to its first piece and to its last."""

    seconds: float
    first_seconds: float


@dataclass(frozen=True, slots=True)
class Asker:
    """A client of one server; every thread keeps a connection of its own."""

    name: str
    address: str
    key: str | None
    tokenizer: Path

    def complete(self, place: Place, tokens: int, model: str = "tuned") -> Timed:
        """Ask for a completion as a stream, and time it."""
        path, body = self.body(place, tokens, model)
        started = time.perf_counter()
        connection = self._connection()
        connection.request("POST", path, json.dumps(body), self._headers())
        answer = connection.getresponse()
        first = None
        for line in answer:
            if line.startswith(b"data: {"):
                first = first or time.perf_counter()
        ended = time.perf_counter()
        if self.key is not None:
            connection.close()  # the engine does so too, after a stream
        if answer.status != 200:
            raise RuntimeError(f"{self.name}: {path} answered {answer.status}")
        return Timed(ended - started, (first or ended) - started)

    def status(self, place: Place, tokens: int) -> int:
        """Ask for a whole answer, and give its status."""
        path, body = self.body(place, tokens, "tuned")
        connection = self._connection()
        connection.request("POST", path, json.dumps(body | {"stream": False}), self._headers())
        answer = connection.getresponse()
        answer.read()
        return answer.status

    def body(self, place: Place, tokens: int, model: str) -> tuple[str, dict[str, Any]]:
        """Write a request down, in the front's words or in the engine's."""
        if self.key is None:
            around = {"prompt": place.prefix, "suffix": place.suffix, "path": place.path}
            asked = {"model": model, "max_tokens": tokens, "stream": True, "boundary": "none"}  # ended by tokens alone
            return "/v1/completions", {**around, **asked}
        body: dict[str, Any] = {"prompt": place.ids, "n_predict": tokens, "temperature": 0.0, "stream": True}
        body |= {"grammar": grammar(place.healed) or "", "lora": [{"id": 0, "scale": 1.0}], "cache_prompt": True}
        return "/completion", body

    def metric(self, name: str) -> float:
        """Read one gauge of the front."""
        connection = http.client.HTTPConnection(*self.netloc(), timeout=60)
        connection.request("GET", "/metrics", headers=self._headers())
        lines = connection.getresponse().read().decode().splitlines()
        connection.close()
        return next((float(line.split()[1]) for line in lines if line.startswith(f"tuner_{name} ")), 0.0)

    def netloc(self) -> tuple[str, int]:
        """Give host and port."""
        parts = urlsplit(self.address)
        return str(parts.hostname), int(parts.port or 80)

    def _headers(self) -> dict[str, str]:
        given = {"Content-Type": "application/json"}
        return given | ({"Authorization": f"Bearer {self.key}"} if self.key else {})

    def _connection(self) -> http.client.HTTPConnection:
        known: dict[str, tuple[http.client.HTTPConnection, float]] = _LOCAL.__dict__.setdefault("connections", {})
        found, used_at = known.get(self.address, (None, 0.0))
        if found is None or time.monotonic() - used_at > _IDLE_SECONDS:
            found = http.client.HTTPConnection(*self.netloc(), timeout=600)
        known[self.address] = found, time.monotonic()
        return found


def places(folder: Path, renderer: Renderer, max_tokens: int, count: int) -> list[Place]:
    """Choose cursors in real files, deep enough that their prompts are full, the same ones in every run."""
    draw, found = random.Random(3), []
    files = [path for path in sorted(folder.rglob("*.py")) if path.stat().st_size > 2 * _SHORTEST]
    while len(found) < count:
        path = draw.choice(files)
        text = path.read_text(encoding="utf-8")
        at = draw.randrange(_SHORTEST, len(text) - 10)
        name = path.relative_to(folder).as_posix()
        prompt = renderer.infilling_prompt(text[:at], text[at:], name, max_tokens)
        found.append(Place(text[:at], text[at:], name, prompt.ids, renderer, prompt.healed))
    return found


def leave(asker: Asker, place: Place, tokens: int, after: float) -> None:
    """Send a request and close the connection after some seconds, whatever has come by then."""
    path, body = asker.body(place, tokens, "tuned")
    content = json.dumps(body).encode()
    host, port = asker.netloc()
    with socket.create_connection((host, port)) as connection:
        head = f"POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Length: {len(content)}\r\n\r\n"
        connection.sendall(head.encode() + content)
        time.sleep(after)
