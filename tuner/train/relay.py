"""What worker processes say to the one that started them, a line of JSON each: progress, and what went wrong.

In: in a worker the calls of `Progress`, and an error. Out: in the process that waits the same calls and the same error.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from tuner import errors
from tuner.errors import TunerError
from tuner.progress import Progress, Track


class Speaker(Progress):
    """Says over a file descriptor what progress there is."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self.stream = os.fdopen(descriptor, "w", encoding="utf-8")

    @contextmanager
    def track(self, label: str, total: float | None, unit: str) -> Iterator[Track]:
        self.say("track", label, total, unit)
        yield self
        self.say("end")

    def advance(self, count: float = 1) -> None:
        self.say("advance", count)

    def note(self, text: str) -> None:
        self.say("note", text)

    def error(self, error: TunerError) -> None:
        """Say what went wrong in the words of a message."""
        self.say("error", type(error).__name__, error.message, error.hint)

    def say(self, *words: Any) -> None:
        """Say one thing."""
        self.stream.write(json.dumps(words) + "\n")
        self.stream.flush()


class Listener:
    """Repeats to a `Progress` what one worker says; keeps its error. Use it as a context manager."""

    def __init__(self, progress: Progress) -> None:
        self.progress = progress
        self.error: TunerError | None = None
        self.tracks: list[tuple[ExitStack, Track]] = []

    def __enter__(self) -> Listener:
        return self

    def __exit__(self, *_: object) -> None:
        while self.tracks:
            self.tracks.pop()[0].close()

    def hear(self, line: str) -> None:
        """Take one line."""
        word, *more = json.loads(line)
        if word == "track":
            stack = ExitStack()
            self.tracks.append((stack, stack.enter_context(self.progress.track(*more))))
        elif word == "end":
            self.tracks.pop()[0].close()
        elif word == "advance":
            self.tracks[-1][1].advance(*more)
        elif word == "note":
            self.tracks[-1][1].note(*more)
        elif word == "error":
            name, message, hint = more
            self.error = getattr(errors, name)(message, hint)
        else:
            raise ValueError(f"a worker said {word!r}, which nobody understands")
