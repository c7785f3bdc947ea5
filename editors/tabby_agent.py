"""Speak with Tabby's agent as an editor does: the language server protocol over its standard input and output.

In: the command, a file and a cursor. Out: the completions that the agent offers there. Requests that the agent makes of
its editor are answered with nothing.
"""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from editors.place import Failed


def completions(
    command: Sequence[str], folder: Path, name: str, text: str, at: int, environment: dict[str, str], seconds: float
) -> list[str]:
    """Open a file, ask for completions at a place in it, and end the agent."""
    agent = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder, env=environment
    )
    late = threading.Timer(seconds, agent.kill)
    late.start()
    try:
        return _asked(_Wire(agent), folder, name, text, at)
    finally:
        late.cancel()
        agent.kill()
        agent.wait()


def _asked(wire: _Wire, folder: Path, name: str, text: str, at: int) -> list[str]:
    root, document = folder.as_uri(), (folder / name).as_uri()
    wire.ask(
        "initialize",
        processId=None,
        rootUri=root,
        workspaceFolders=[{"uri": root, "name": folder.name}],
        clientInfo={"name": "editor", "version": "1"},
        capabilities={},
    )
    wire.tell("initialized")
    wire.tell(
        "textDocument/didOpen",
        textDocument={"uri": document, "languageId": "python", "version": 1, "text": text},
    )
    before = text[:at]
    position = {"line": before.count("\n"), "character": len(before) - before.rfind("\n") - 1}
    found = wire.ask("textDocument/completion", textDocument={"uri": document}, position=position)
    wire.ask("shutdown")
    wire.tell("exit")
    return [item["textEdit"]["newText"] for item in (found or {}).get("items", [])]


class _Wire:
    """Messages with a Content-Length, both ways."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None and process.stdout is not None
        self._to, self._from = process.stdin, process.stdout
        self._asked = 0

    def tell(self, method: str, **params: Any) -> None:
        self._send({"method": method, "params": params})

    def ask(self, method: str, **params: Any) -> Any:
        self._asked += 1
        self._send({"id": self._asked, "method": method, "params": params})
        while True:
            message = self._next()
            if "method" not in message and message.get("id") == self._asked:
                if "error" in message:
                    raise Failed(f"{method}: {message['error']['message']}")
                return message["result"]
            if "method" in message and "id" in message:
                self._send({"id": message["id"], "result": None})

    def _send(self, message: dict[str, Any]) -> None:
        content = json.dumps({"jsonrpc": "2.0", **message}).encode()
        try:
            self._to.write(b"Content-Length: %d\r\n\r\n" % len(content) + content)
            self._to.flush()
        except OSError:
            raise Failed("the agent ended") from None

    def _next(self) -> dict[str, Any]:
        length = 0
        while line := self._from.readline().strip():
            name, _, value = line.partition(b":")
            if name.lower() == b"content-length":
                length = int(value)
        content = self._from.read(length)
        if not content:
            raise Failed("the agent ended")
        return dict(json.loads(content))
