"""GitHub as far as the Copilot language server asks for it, on the loopback address: what the tests put in its place.

It is an HTTP proxy as well. The server is told to send everything through it, so that nothing leaves this machine: what
is meant for another host is refused, or answered here in that host's place where the test made a certificate.

backend = Backend()
backend.replies.append(says("0.0"))
"""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "gpt-41-copilot"
GITHUB = ("github.com:443", "api.github.com:443")


@dataclass(frozen=True)
class Reply:
    """What a question gets. `cut` bytes of the body are announced and never sent; `first` is called before all else."""

    status: int = 200
    body: bytes = b""
    kind: str = "text/event-stream"
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = 0
    first: Callable[[], None] | None = None


def event(value: Any) -> bytes:
    """Write one event of a stream."""
    return b"data: " + json.dumps(value).encode() + b"\n\n"


def says(*parts: str, finish: str | None = "stop", cut: int = 0, first: Callable[[], None] | None = None) -> Reply:
    """Make a completion that comes in parts; without `finish` the stream has no end."""
    events = [event({"choices": [{"index": 0, "text": part, "finish_reason": None}]}) for part in parts]
    if finish is not None:
        events += [event({"choices": [{"index": 0, "text": "", "finish_reason": finish}]}), b"data: [DONE]\n\n"]
    return Reply(body=b"".join(events), cut=cut, first=first)


class Backend:
    """The loopback GitHub. `questions` are the completion requests that came, `refused` the hosts that were not let."""

    def __init__(self) -> None:
        self.replies: deque[Reply] = deque()
        self.questions: list[dict[str, Any]] = []
        self.refused: list[str] = []
        self.token_requests = 0
        self.token_reply: tuple[int, dict[str, Any]] | None = None
        self.polls_until_granted = 1
        self.code_seconds = 30
        self.tls: ssl.SSLContext | None = None
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"backend": self}))
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()

    def environment(self, folder: str, token: str | None) -> dict[str, str]:
        """Say how a language server finds this backend, and keeps its own files in `folder`."""
        told = {"HOME": folder, "XDG_CONFIG_HOME": f"{folder}/config", "XDG_CACHE_HOME": f"{folder}/cache"}
        told |= dict.fromkeys(("HTTPS_PROXY", "HTTP_PROXY", "https_proxy", "http_proxy"), self.url)
        if token is not None:
            told |= {"GH_COPILOT_TOKEN": token, "GH_COPILOT_API_URL": self.url, "GH_COPILOT_SERVER_URL": self.url}
        return told


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    backend: Backend

    def log_message(self, *_: Any) -> None:
        pass

    def do_CONNECT(self) -> None:
        tls = self.backend.tls
        if self.path != self.backend.host and not (tls and self.path in GITHUB):
            self.backend.refused.append(self.path)
            self.send_error(403)
            return
        self.send_response_only(200)
        self.end_headers()
        self.close_connection = False
        if self.path != self.backend.host:
            assert tls is not None
            self.connection = tls.wrap_socket(self.connection, server_side=True)
            self.rfile = self.connection.makefile("rb", -1)
            self.wfile = self.connection.makefile("wb", 0)

    def do_GET(self) -> None:
        endpoints = dict.fromkeys(("api", "proxy", "telemetry", "origin-tracker"), self.backend.url)
        if self.path.startswith("/copilot_internal/v2/token"):
            self.backend.token_requests += 1
            if self.backend.token_reply is not None:
                self._json(*self.backend.token_reply)
                return
            until = int(time.time()) + 1500
            token = {"token": f"tid=x;exp={until}", "expires_at": until, "refresh_in": 1200, "endpoints": endpoints}
            self._json(200, token)
        elif self.path.startswith("/copilot_internal/user"):
            self._json(200, {"login": "octocat", "copilot_plan": "business", "endpoints": endpoints})
        elif self.path == "/user":
            self._json(200, {"login": "octocat"})
        elif self.path.startswith("/models"):
            able = {"type": "completion", "family": "gpt-4.1", "tokenizer": "o200k_base", "supports": {}, "limits": {}}
            self._json(200, {"data": [{"id": MODEL, "name": MODEL, "version": "1", "capabilities": able}]})
        else:
            self._json(404, {})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        if self.path == "/login/device/code":
            life = {"expires_in": self.backend.code_seconds, "interval": 1}
            address = "https://github.com/login/device"
            self._json(200, {"device_code": "d", "user_code": "ABCD-1234", "verification_uri": address, **life})
        elif self.path == "/login/oauth/access_token":
            self.backend.polls_until_granted -= 1
            granted = self.backend.polls_until_granted < 0
            self._json(200, {"access_token": "gho_granted"} if granted else {"error": "authorization_pending"})
        elif self.path.endswith("/completions"):
            self.backend.questions.append(json.loads(body))
            self._reply(self.backend.replies.popleft() if self.backend.replies else says("unforeseen"))
        else:
            self._json(200, {})

    def _json(self, status: int, value: dict[str, Any]) -> None:
        self._reply(Reply(status, json.dumps(value).encode(), "application/json"))

    def _reply(self, reply: Reply) -> None:
        if reply.first is not None:
            reply.first()
        self.send_response(reply.status)
        told = {"content-type": reply.kind, "content-length": str(len(reply.body) + reply.cut)}
        for name, value in {**told, "x-github-request-id": "1:2:3", **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)
        if reply.cut:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
