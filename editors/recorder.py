"""Stand between a client and the server on loopback, and remember every byte that went through.

In: the address of a server. Out: `Exchange`s: the request as the client wrote it, and the answer as it came, whole. The
answer is passed on piece by piece, so that a stream stays one. A client that leaves early closes the other side too.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOST = "127.0.0.1"
_TIMEOUT_SECONDS = 120
_PIECE = 1 << 16
_OWN = ("connection", "content-length", "transfer-encoding", "keep-alive", "date")  # of one connection, not the answer


@dataclass(slots=True)
class Exchange:
    """One request and its answer. `status` is 0 until the answer begins; `is_whole` once all of it has come."""

    method: str
    path: str
    headers: list[tuple[str, str]]
    body: bytes
    status: int = 0
    media_type: str = ""
    answer: bytes = b""
    ms: float = 0.0
    is_whole: bool = False


@contextmanager
def recording(url: str) -> Iterator[tuple[str, list[Exchange]]]:
    """Listen on a free port; yield the address for the client, and the list that grows with each request."""
    seen: list[Exchange] = []
    target = urlsplit(url).netloc

    class Handler(_Handler):
        exchanges, server_netloc = seen, target

    server = ThreadingHTTPServer((HOST, 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    exchanges: list[Exchange]
    server_netloc: str
    protocol_version = "HTTP/1.1"

    def _pass_on(self) -> None:
        """Ask the server what the client asked, and send back what it said."""
        body = self._body()
        exchange = Exchange(self.command, self.path, list(self.headers.items()), body)
        self.exchanges.append(exchange)
        started = time.monotonic()
        connection = http.client.HTTPConnection(self.server_netloc, timeout=_TIMEOUT_SECONDS)
        try:
            own = {"host": self.server_netloc, "content-length": str(len(body))}
            sent = {
                name: own.get(name.lower(), value) for name, value in exchange.headers if name.lower() not in _TAKEN
            }
            connection.request(self.command, self.path, body or None, sent)
            answer = connection.getresponse()
            exchange.status, exchange.media_type = answer.status, answer.getheader("content-type", "")
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _OWN:
                    self.send_header(name, value)
            self.send_header("Connection", "close")
            self.end_headers()
            while piece := answer.read1(_PIECE):
                exchange.answer += piece
                self.wfile.write(piece)
                self.wfile.flush()
            exchange.is_whole = True
        except OSError:
            pass  # the client went away, or the server did; what came until then is noted
        finally:
            exchange.ms = 1000 * (time.monotonic() - started)
            self.close_connection = True
            connection.close()

    do_GET = do_POST = do_HEAD = do_PUT = do_DELETE = _pass_on

    def _body(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            pieces = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                pieces.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(pieces)
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: what is written down is decided elsewhere."""


_TAKEN = ("transfer-encoding", "connection", "keep-alive")
