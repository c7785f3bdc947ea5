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
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from tuner.errors import ServeError
from tuner.recipe import ServeSettings
from tuner.serve.engine_client import EngineClient

PROGRAM = Path(__file__).with_name("engine_process.py")
_KEPT_LINES = 40
_LONGEST_LINE = 1 << 16
_SECONDS_TO_END = 5.0


class Engine:
    """A running engine. `ended` is set when its process has ended, for whatever reason."""

    def __init__(
        self, process: subprocess.Popen[bytes], client: EngineClient, log: deque[str], reading: threading.Thread
    ) -> None:
        self.process = process
        self.client = client
        self.ended = asyncio.Event()
        self._log = log
        threading.Thread(target=self._wait, args=(asyncio.get_running_loop(), reading), daemon=True).start()

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
        # Not by the event loop: uvloop runs Python in the child before it becomes the program, which hangs or crashes
        # where another thread held a lock.
        process = subprocess.Popen(
            [sys.executable, "-P", str(PROGRAM)],  # -P: the program's folder is not searched for modules
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the front, which ends the engine in its own time
        )
        assert process.stderr is not None
        log: deque[str] = deque(maxlen=_KEPT_LINES)
        reading = threading.Thread(target=_keep, args=(process.stderr, log), daemon=True)
        reading.start()
        try:
            line = await asyncio.to_thread(_ask, process, json.dumps(asked).encode() + b"\n")
        except asyncio.CancelledError:
            process.kill()
            process.wait()
            raise
        if not line:
            process.kill()  # what closed its output serves nobody
            await asyncio.to_thread(process.wait)
            await asyncio.to_thread(reading.join)
            files = " with ".join(path.name for path in (base, *adapters))
            raise ServeError(f"the engine could not load {files}: {_reason(log)}", "export again")
        return cls(process, EngineClient(json.loads(line)["address"], key), log, reading)

    async def stop(self) -> None:
        """End the engine, by force if it does not end by itself."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            await asyncio.wait_for(self.ended.wait(), _SECONDS_TO_END)
        except TimeoutError:
            self.process.kill()
            await self.ended.wait()

    def last_words(self) -> str:
        """Give the line of its log that says why it ended; only when it has."""
        return _reason(self._log)

    def _wait(self, loop: asyncio.AbstractEventLoop, reading: threading.Thread) -> None:
        self.process.wait()
        reading.join()  # its last words are whole, and nobody adds to them while they are looked through
        with suppress(RuntimeError):  # the loop may have ended before
            loop.call_soon_threadsafe(self.ended.set)


def _ask(process: subprocess.Popen[bytes], asked: bytes) -> bytes:
    """Tell the engine what to load, and give its answer, empty if it ended before."""
    assert process.stdin is not None and process.stdout is not None
    with suppress(OSError):
        process.stdin.write(asked)
        process.stdin.flush()
        return process.stdout.readline()
    return b""


def _keep(stream: IO[bytes], log: deque[str]) -> None:
    """Keep the last lines of the engine's log, until it ends."""
    with stream:
        while line := stream.readline(_LONGEST_LINE):
            log.append(line.decode("utf-8", "replace").strip())


def _reason(log: deque[str]) -> str:
    errors = [line for line in log if " E " in line or "rror" in line or "ASSERT" in line]
    return (errors or [line for line in log if line] or ["it said nothing"])[0]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
