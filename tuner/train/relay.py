"""What worker processes say to the one that started them, a line of JSON each: progress, and what went wrong.

In: in a worker the calls of `Progress`, and an error. Out: in the process that waits the same calls and the same error.
A view is sent only once somebody has looked at it here: what it shows may cost the worker time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from tuner import errors
from tuner.errors import TunerError
from tuner.progress import Progress, Track, View


class Speaker(Progress):
    """Says over a file descriptor what progress there is."""

    def __init__(self, descriptor: int) -> None:
        os.set_inheritable(descriptor, False)
        self.stream = os.fdopen(descriptor, "w", encoding="utf-8")
        self.view: View | None = None
        self.is_watched = False

    @contextmanager
    def track(self, label: str, total: float | None, unit: str) -> Iterator[Track]:
        self.say("track", label, total, unit)
        yield self
        self.view = None
        self.say("end")

    def advance(self, count: float = 1) -> None:
        if self.view is not None and self.is_watched:
            self.say("view", self.view.short(), self.view.lines())
        self.say("advance", count)

    def skip(self, count: float) -> None:
        self.say("skip", count)

    def note(self, text: str) -> None:
        self.say("note", text)

    def show(self, view: View) -> None:
        self.view = view
        self.say("show")

    def error(self, error: TunerError) -> None:
        """Say what went wrong in the words of a message."""
        self.say("error", type(error).__name__, error.message, error.hint)

    def say(self, *words: Any) -> None:
        """Say one thing."""
        self.stream.write(json.dumps(words) + "\n")
        self.stream.flush()


class Seen:
    """A worker's view as it last was; `look` is called once, when somebody looks at it."""

    def __init__(self, look: Callable[[], None]) -> None:
        self.look = look
        self.is_watched = False
        self.text: tuple[str, list[str]] = ("", [])

    def short(self) -> str:
        """Say it in a few words."""
        return self._watched()[0]

    def lines(self) -> list[str]:
        """Say it in lines."""
        return self._watched()[1]

    def _watched(self) -> tuple[str, list[str]]:
        if not self.is_watched:
            self.is_watched = True
            self.look()
        return self.text


class Listener:
    """Repeats to a `Progress` what one worker says; keeps its error. Use it as a context manager."""

    def __init__(self, progress: Progress, look: Callable[[], None] = lambda: None) -> None:
        self.progress = progress
        self.seen = Seen(look)
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
        elif word in ("advance", "skip", "note"):
            getattr(self.tracks[-1][1], word)(*more)
        elif word == "show":
            self.tracks[-1][1].show(self.seen)
        elif word == "view":
            self.seen.text = (more[0], more[1])
        elif word == "error":
            name, message, hint = more
            self.error = getattr(errors, name)(message, hint)
        else:
            raise ValueError(f"a worker said {word!r}, which nobody understands")
