"""Start llama.cpp's server as a child process on a private loopback port, and know when it ends.

In: a GGUF base, GGUF adapters and `recipe.serve`. Out: an `Engine` with a client. Its port takes only requests with a
key that is drawn at random for each start and is never written anywhere, so that no other program of the machine can
ask past the front. Refused: files that the engine cannot load, with what it said.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from tuner.errors import ServeError
from tuner.recipe import ServeSettings
from tuner.serve.engine_client import EngineClient

PROGRAM = Path(__file__).with_name("engine_process.py")
_KEPT_LINES = 40
_SECONDS_TO_END = 5.0


class Engine:
    """A running engine. `ended` is set when its process has ended, for whatever reason."""

    def __init__(self, process: asyncio.subprocess.Process, client: EngineClient, log: deque[str]) -> None:
        self.process = process
        self.client = client
        self.ended = asyncio.Event()
        self._log = log
        self._watch = asyncio.create_task(self._wait())

    @classmethod
    async def start(cls, base: Path, adapters: Sequence[Path], settings: ServeSettings) -> Engine:
        """Load the files and return once the engine listens."""
        key = secrets.token_urlsafe(32)
        asked = {
            "base": str(base.absolute()),
            "adapters": [str(path.absolute()) for path in adapters],
            "key": key,
            "context_tokens": settings.context_tokens,
            "slots": settings.parallel,
            "threads": settings.threads or _cores(),
            "drafting": settings.drafting,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",  # the program's folder is not searched for modules
            str(PROGRAM),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the front, which ends the engine in its own time
        )
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        log: deque[str] = deque(maxlen=_KEPT_LINES)
        reading = asyncio.create_task(_keep(process.stderr, log))
        try:
            process.stdin.write(json.dumps(asked).encode() + b"\n")
            await process.stdin.drain()
            line = await process.stdout.readline()
        except (OSError, RuntimeError):  # it ended before it read what it was asked; uvloop raises the latter
            line = b""
        except asyncio.CancelledError:
            process.kill()
            raise
        if not line:
            await reading
            await process.wait()
            files = " with ".join(path.name for path in (base, *adapters))
            raise ServeError(f"the engine could not load {files}: {_reason(log)}", "export again")
        return cls(process, EngineClient(json.loads(line)["address"], key), log)

    async def stop(self) -> None:
        """End the engine, by force if it does not end by itself."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            await asyncio.wait_for(self.ended.wait(), _SECONDS_TO_END)
        except TimeoutError:
            with suppress(ProcessLookupError):
                self.process.kill()
            await self.ended.wait()

    def last_words(self) -> str:
        """Give the line of its log that says why it ended."""
        return _reason(self._log)

    async def _wait(self) -> None:
        await self.process.wait()
        self.ended.set()


async def _keep(stream: asyncio.StreamReader, log: deque[str]) -> None:
    """Keep the last lines of the engine's log; a line that is too long is dropped."""
    while True:
        try:
            line = await stream.readline()
        except ValueError:
            continue
        if not line:
            return
        log.append(line.decode("utf-8", "replace").strip())


def _reason(log: deque[str]) -> str:
    errors = [line for line in log if " E " in line or "rror" in line or "ASSERT" in line]
    return (errors or [line for line in log if line] or ["it said nothing"])[0]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
