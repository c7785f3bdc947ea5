"""Speak JSON-RPC with a language server over its stdin and stdout, and end it for certain.

In: a command. Out: results of requests; what the server asks is answered, what it tells is handed on, both from the
thread that reads. Each request has a time limit. A server that ends, or that writes anything but LSP frames, fails
every request under way and every later one with `Gone`. It is a session of its own, so that Ctrl-C does not reach it
before us; it ends when the context does, and when this process is killed: a language server leaves when its stdin
closes.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import signal
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any

from tuner.errors import EvaluateError

MOST_BYTES = 64 * 2**20  # of one message; anything above is no message
POLITE_SECONDS = 2.0  # for leaving by itself
KEPT_LINES = 5


class Gone(EvaluateError):
    """The server's process has ended, or writes what is no message."""


class TimedOut(EvaluateError):
    """No answer came in time; the server was told to stop working on it."""


class Refused(EvaluateError):
    """The server answered with an error."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class LanguageServer:
    """One server process. `on_request` answers what it asks, `on_notification` hears what it tells.

    `hide` takes secrets out of what it writes to stderr, of which the last line is shown when it dies.
    """

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        folder: Path,
        on_request: Callable[[str, Any], Any],
        on_notification: Callable[[str, Any], None],
        hide: Callable[[str], str],
    ) -> None:
        self.name = Path(command[0]).name
        try:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=folder,
                env=dict(environment),
                start_new_session=True,
            )
        except OSError as error:
            raise Gone(f"{command[0]}: cannot be started: {error.strerror}") from None
        self._on_request = on_request
        self._on_notification = on_notification
        self._hide = hide
        self._numbers = itertools.count(1)
        self._waiting: dict[int, Future[Any]] = {}
        self._lock = threading.Lock()  # guards who waits for what, and whether it is gone
        self._gone: str | None = None
        self._said: deque[str] = deque(maxlen=KEPT_LINES)
        # A server that reads no more would block whoever writes to it: that is a thread of its own.
        self._outbox: SimpleQueue[bytes | None] = SimpleQueue()
        self._listening = threading.Thread(target=self._hear_errors, daemon=True)
        self._threads = [
            self._listening,
            *(threading.Thread(target=work, daemon=True) for work in (self._read, self._write)),
        ]
        for thread in self._threads:
            thread.start()

    def request(self, method: str, params: Any, seconds: float) -> Any:
        """Ask, and wait for the result."""
        number, answer = next(self._numbers), Future[Any]()
        with self._lock:
            if self._gone is not None:
                raise Gone(self._gone)
            self._waiting[number] = answer
        self._send({"id": number, "method": method, "params": params})
        try:
            return answer.result(seconds)
        except FutureTimeout:
            self._send({"method": "$/cancelRequest", "params": {"id": number}})
            raise TimedOut(f"{self.name}: no answer to {method} within {seconds:g} s") from None
        finally:
            self._waiting.pop(number, None)

    def notify(self, method: str, params: Any) -> None:
        """Tell, without an answer; what is told to a server that has ended shows in the next request."""
        self._send({"method": method, "params": params})

    def close(self) -> None:
        """End the process: politely, then by force, with whatever it started."""
        with contextlib.suppress(Gone, TimedOut, Refused):
            self.request("shutdown", None, POLITE_SECONDS)
            self.notify("exit", None)
        self._outbox.put(None)
        try:
            self.process.wait(POLITE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
        for thread in self._threads:
            thread.join(POLITE_SECONDS)
        if not any(thread.is_alive() for thread in self._threads):  # else a child that got away holds the pipes
            self._pipe(self.process.stdout).close()
            self._pipe(self.process.stderr).close()

    def kill(self) -> None:
        """End the process and its children at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _send(self, message: dict[str, Any]) -> None:
        data = json.dumps({"jsonrpc": "2.0", **message}).encode("ascii")
        self._outbox.put(b"Content-Length: %d\r\n\r\n%b" % (len(data), data))

    def _write(self) -> None:
        stream = self._pipe(self.process.stdin)
        with contextlib.suppress(OSError):  # it has ended, which the reading thread tells
            while (data := self._outbox.get()) is not None:
                stream.write(data)
                stream.flush()
        with contextlib.suppress(OSError):
            stream.close()

    def _read(self) -> None:
        reason = None
        try:
            while (message := read_message(self._pipe(self.process.stdout))) is not None:
                self._take(message)
        except (ValueError, OSError) as error:
            reason = f"{self.name}: {error}"
            self.kill()
        reason = reason or self._ending()
        with self._lock:
            self._gone = reason
            waiting = list(self._waiting.values())
            self._waiting.clear()
        for answer in waiting:
            answer.set_exception(Gone(reason))

    def _ending(self) -> str:
        """Say how the process ended; one that only closed its output is of no use, and is ended."""
        try:
            status = self.process.wait(POLITE_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return f"{self.name}: closed its output"
        self._listening.join(POLITE_SECONDS)
        said = f": {self._said[-1]}" if self._said and status else ""
        return f"{self.name}: ended with status {status}{said}"

    def _take(self, message: dict[str, Any]) -> None:
        method = message.get("method")
        if method is None:
            answer = self._waiting.pop(message.get("id", 0), None)
            if answer is None:
                return  # its asker has given up
            error = message.get("error")
            if error is None:
                answer.set_result(message.get("result"))
            else:
                answer.set_exception(Refused(int(error.get("code", 0)), str(error.get("message", ""))))
        elif "id" in message:
            self._send({"id": message["id"], "result": self._on_request(method, message.get("params"))})
        else:
            self._on_notification(method, message.get("params"))

    def _hear_errors(self) -> None:
        for line in self._pipe(self.process.stderr):
            text = line.decode("utf-8", "replace").strip()
            if text:
                self._said.append(self._hide(text)[:300])

    @staticmethod
    def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
        assert stream is not None, "all three are pipes"
        return stream


def read_message(stream: IO[bytes]) -> dict[str, Any] | None:
    """Read one framed message; None at the end, and a ValueError for what is no frame."""
    length = None
    while (line := stream.readline(4096)) not in (b"\r\n", b"\n"):
        if not line and length is None:
            return None
        name, colon, value = line.partition(b":")
        if not colon or not line.endswith(b"\n"):
            raise ValueError(f"no language server: it wrote {line[:60]!r}")
        if name.strip().lower() == b"content-length":
            length = int(value)
    if length is None or not 0 < length <= MOST_BYTES:
        raise ValueError(f"no language server: a message of {length} bytes")
    data = stream.read(length)
    if len(data) < length:
        return None  # it ended within a message
    message = json.loads(data)
    if not isinstance(message, dict):
        raise ValueError(f"no language server: a message that is no object: {data[:60]!r}")
    return message
