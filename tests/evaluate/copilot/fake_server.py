"""A language server as a program of its own, which does what a script says: for faults that the real one hardly has.

It stands in for GitHub's program where that is not what is tested. Steps are JSON objects in a file, one a question,
and go on where the last process stopped; all that it is told is written to another file.
"""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path
from typing import Any

URL = "http://127.0.0.1/v1/engines/gpt-41-copilot/completions"
FINISHED = f"[fetchCompletions] Request 1 at <{URL}> finished with {{}} status after 5ms"
RETURNED = "[streamChoices] solution 0 returned. finish reason: [{}]"

PROGRAM = """#!{python}
import json, os, sys, time
script, heard, version, status = {script!r}, {heard!r}, {version!r}, {status!r}

def send(message):
    data = json.dumps({{"jsonrpc": "2.0", **message}}).encode()
    sys.stdout.buffer.write(b"Content-Length: %d\\r\\n\\r\\n%b" % (len(data), data))
    sys.stdout.buffer.flush()

def step():
    with open(script) as stream:
        left = json.load(stream)
    with open(script, "w") as stream:
        json.dump(left[1:], stream)
    return left[0]

while True:
    length = 0
    while (line := sys.stdin.buffer.readline()) not in (b"\\r\\n", b""):
        length = int(line.split(b":")[1])
    if not line:
        break
    message = json.loads(sys.stdin.buffer.read(length))
    method, number = message.get("method"), message.get("id")
    with open(heard, "a") as stream:
        stream.write(json.dumps(message) + "\\n")
    if method == "exit":
        break
    if number is None or method is None:
        continue
    if method == "initialize":
        send({{"id": number, "result": {{"serverInfo": {{"version": version}}}}}})
    elif method == "checkStatus":
        send({{"id": number, "result": {{"status": status}}}})
    elif method not in ("textDocument/inlineCompletion", "signIn", "workspace/executeCommand"):
        send({{"id": number, "result": {{}}}})
    else:
        now = step()
        for line in now.get("log", []):
            send({{"method": "window/logMessage", "params": {{"type": 3, "message": line}}}})
        if now.get("die") is not None:
            print(now.get("last words", ""), file=sys.stderr, flush=True)
            os._exit(now["die"])
        if now.get("hang"):
            time.sleep(60)
        if "error" in now:
            send({{"id": number, "error": now["error"]}})
        else:
            send({{"id": number, "result": now.get("result", {{"items": now.get("items")}})}})
"""


def answering(text: str, start: int, end: int, line: int = 0) -> dict[str, Any]:
    """Make the step of an answer that replaces part of a line."""
    span = {"start": {"line": line, "character": start}, "end": {"line": line, "character": end}}
    return {"items": [{"insertText": text, "range": span}], "log": [FINISHED.format(200), RETURNED.format("stop")]}


def failing(status: int, *more: str) -> dict[str, Any]:
    """Make the step of a backend's failure."""
    return {"items": [], "log": [FINISHED.format(status), *more]}


class FakeServer:
    """The program, its script and what it heard."""

    def __init__(self, folder: Path, steps: list[dict[str, Any]], version: str = "1.550.0", status: str = "OK") -> None:
        self.program = folder / "fake-copilot"
        self._script, self._heard = folder / "script.json", folder / "heard.jsonl"
        self._script.write_text(json.dumps(steps))
        self._heard.touch()
        told = {"script": str(self._script), "heard": str(self._heard), "version": version, "status": status}
        self.program.write_text(PROGRAM.format(python=sys.executable, **told))
        self.program.chmod(self.program.stat().st_mode | stat.S_IXUSR)

    def heard(self, *methods: str) -> list[dict[str, Any]]:
        """List the parameters of what it was told by these methods, in order."""
        messages = [json.loads(line) for line in self._heard.read_text().splitlines()]
        return [message["params"] for message in messages if message.get("method") in methods]

    def steps_left(self) -> int:
        """Count the steps that no question has used."""
        return len(json.loads(self._script.read_text()))
