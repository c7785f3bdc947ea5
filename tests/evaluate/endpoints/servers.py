"""Loopback servers that speak each API's protocol, or misbehave, and note what they were asked.

with Server(chat("x")) as server:       # the last reply is repeated for ever
    settings(server.url, "openai_chat")
server.asked[0].body                    # the JSON that came
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from tuner.recipe import Endpoint
from tuner.records import Item, Neighbour, content_id

NEIGHBOURS = [Neighbour("shop/tank.py", "def tank_volume(spec):\n    return spec.width\n")]


@dataclass(frozen=True)
class Reply:
    """One answer. `missing` bytes are announced and never sent; `before` runs before anything is written."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    missing: int = 0
    before: Callable[[], object] = lambda: None
    drop: bool = False


@dataclass(frozen=True)
class Asked:
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing of a client that went away, as one does after a time-out."""


class Server:
    """Answers with its replies in turn, the last one for ever, on a free loopback port."""

    def __init__(self, *replies: Reply | Callable[[dict[str, Any]], Reply]) -> None:
        self.replies = list(replies)
        self.asked: list[Asked] = []
        self.most_at_once = 0
        self._at_once = 0
        self._lock = threading.Lock()
        self._http = _Quiet(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._http.server_port}"
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._http.shutdown()
        self._http.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                text = self.rfile.read(int(self.headers["Content-Length"]))
                with server._lock:
                    asked = Asked(self.path, {k.lower(): v for k, v in self.headers.items()}, json.loads(text))
                    chosen = server.replies[min(len(server.asked), len(server.replies) - 1)]
                    server.asked.append(asked)
                    server._at_once += 1
                    server.most_at_once = max(server.most_at_once, server._at_once)
                try:
                    self.answer(chosen if isinstance(chosen, Reply) else chosen(asked.body))
                finally:
                    with server._lock:
                        server._at_once -= 1

            def answer(self, reply: Reply) -> None:
                reply.before()
                if reply.drop:
                    self.close_connection = True
                    return
                body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
                self.send_response_only(reply.status)  # without the date, which a reply may name itself
                self.send_header("Content-Type", reply.content_type)
                self.send_header("Content-Length", str(len(body) + reply.missing))
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
                self.close_connection = reply.missing > 0

            def log_message(self, format: str, *args: Any) -> None:
                pass

        return Handler


def item(number: int = 0, **fields: Any) -> Item:
    """Make an item whose id tells its number."""
    made: dict[str, Any] = {
        "id": content_id("item", str(number)),
        "repo": "shop",
        "path": "shop/counter.py",
        "language": "python",
        "commit": f"c{number}",
        "committed_at": number,
        "cursor": "boundary",
        "prefix": f"# {number}\ndef count(self):\n    return ",
        "suffix": "\n\nprint(count)\n",
        "target": "self.n",
        "novel": True,
    }
    return Item(**{**made, **fields})


def items(count: int) -> list[Item]:
    return [item(number) for number in range(count)]


def settings(url: str, protocol: str = "openai_chat", **fields: Any) -> Endpoint:
    path = "/v1" if protocol in ("openai_chat", "openai_completions", "mistral_fim") else ""
    return Endpoint.model_validate({"protocol": protocol, "url": url + path, "model": "coder", **fields})


def chat(content: Any, finish: str = "stop", model: str = "coder-2", read: int = 20, written: int = 5) -> Reply:
    choice = {"index": 0, "finish_reason": finish, "message": {"role": "assistant", "content": content}}
    return Reply({"model": model, "choices": [choice], "usage": usage(read, written)})


def completion(text: str, model: str = "coder-2") -> Reply:
    return Reply({"model": model, "choices": [{"index": 0, "finish_reason": "stop", "text": text}], "usage": usage()})


def usage(read: int = 20, written: int = 5) -> dict[str, int]:
    return {"prompt_tokens": read, "completion_tokens": written, "total_tokens": read + written}


def refusal(status: int, message: str = "no", **more: Any) -> Reply:
    headers = more.pop("headers", {})
    return Reply({"error": {"message": message, **more}}, status, headers)
