"""Worker processes that live no longer than this one, and of which none goes on when one has failed.

In: a command and an environment for each. Out: the lines that they write to the file descriptor which they find in
`TUNER_SAYS`, in order of arrival. A worker's standard input is a pipe that closes when this process ends, however it
ends; the worker watches it. What a worker prints goes into its log. A worker is in a session of its own, so that Ctrl-C
reaches this process alone, which ends the others.
"""

from __future__ import annotations

import os
import selectors
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

SAYS = "TUNER_SAYS"
GRACE = 5.0  # seconds in which the others may say what they died of, once one has failed


class Failed(Exception):
    """A worker failed; `statuses` holds those that ended by themselves: below 0 the signal that ended one."""

    def __init__(self, statuses: dict[int, int]) -> None:
        super().__init__(str(statuses))
        self.statuses = statuses


class Crew:
    """Several workers under way; use it as a context manager."""

    def __init__(self, command: Sequence[str], environments: Sequence[Mapping[str, str]], logs: Sequence[Path]) -> None:
        self.workers: list[subprocess.Popen[bytes]] = []
        self.ears: list[int] = []
        try:
            for environment, log in zip(environments, logs, strict=True):
                self._start(command, environment, log)
        except BaseException:
            self.stop()
            raise

    def __enter__(self) -> Crew:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def lines(self, grace: float = GRACE) -> Iterator[tuple[int, str]]:
        """Give each line with its worker's number until all have ended; stop with `Failed` as soon as one fails."""
        unfinished = [b""] * len(self.workers)
        with selectors.DefaultSelector() as selector:
            for number, ear in enumerate(self.ears):
                selector.register(ear, selectors.EVENT_READ, number)
            failed_at: float | None = None
            while selector.get_map():
                left = None if failed_at is None else failed_at + grace - time.monotonic()
                ready = selector.select(left) if left is None or left > 0 else []
                if not ready:
                    break
                for key, _ in ready:
                    heard = os.read(key.fd, 1 << 16)
                    *lines, unfinished[key.data] = (unfinished[key.data] + heard).split(b"\n")
                    yield from ((key.data, line.decode("utf-8")) for line in lines)
                    if not heard:
                        selector.unregister(key.fd)
                        if self.workers[key.data].wait() != 0 and failed_at is None:
                            failed_at = time.monotonic()
        if failed_at is not None:
            statuses = {number: worker.poll() for number, worker in enumerate(self.workers)}
            raise Failed({number: status for number, status in statuses.items() if status is not None})

    def nudge(self, number: int) -> None:
        """Write a byte to a worker's standard input."""
        stream = self.workers[number].stdin
        assert stream is not None
        with suppress(BrokenPipeError):  # it has just ended, which `lines` says
            stream.write(b".")

    def stop(self) -> None:
        """End whoever is still at work, and wait until it is gone."""
        for worker in self.workers:
            worker.kill()
        for worker in self.workers:
            worker.wait()
            if worker.stdin is not None:
                worker.stdin.close()
        for ear in self.ears:
            os.close(ear)
        self.ears.clear()

    def _start(self, command: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        ear, mouth = os.pipe()
        self.ears.append(ear)
        try:
            with log.open("wb") as stream:
                worker = subprocess.Popen(
                    command,
                    env={**environment, SAYS: str(mouth)},
                    stdin=subprocess.PIPE,
                    bufsize=0,
                    stdout=stream,
                    stderr=subprocess.STDOUT,
                    pass_fds=(mouth,),
                    start_new_session=True,
                )
            self.workers.append(worker)
        finally:
            os.close(mouth)
