"""How a stage says how far it is: stages call `Progress.track`, only the command line decides what is shown.

with progress.track("reading files", total=120, unit="file") as track:
    track.advance(1)
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, TextIO

from tqdm import tqdm

PLAIN = "{desc}: {n_fmt}{unit} [{elapsed}, {rate_fmt}{postfix}]"
PLAIN_WITH_END = "{desc}: {n_fmt}/{total_fmt}{unit} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"


class Track(Protocol):
    """One counted piece of work."""

    def advance(self, count: float = 1) -> None:
        """Count `count` more units as done."""

    def note(self, text: str) -> None:
        """Show a short remark beside the rate, such as the current loss."""


class Progress:
    """Show nothing: what tests and library callers get."""

    @contextmanager
    def track(self, label: str, total: float | None, unit: str) -> Iterator[Track]:
        """Open one counted piece of work; `total` is None where the end is not known."""
        yield _Silent()


class _Silent:
    def advance(self, count: float = 1) -> None:
        pass

    def note(self, text: str) -> None:
        pass


class TerminalProgress(Progress):
    """A live line with rate and time left on a terminal; one plain line every ten seconds when piped."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr

    @contextmanager
    def track(self, label: str, total: float | None, unit: str) -> Iterator[Track]:
        live = self.stream.isatty()
        bar = tqdm(
            total=total,
            desc=f"  {label}",
            unit=f" {unit}",
            file=_Lines(self.stream) if not live else self.stream,
            mininterval=0.2 if live else 10.0,
            delay=1.0,
            leave=False,
            ascii=not live,
            dynamic_ncols=live,
            bar_format=None if live else (PLAIN if total is None else PLAIN_WITH_END),
        )
        try:
            yield _Bar(bar)
        finally:
            bar.close()


class _Bar:
    def __init__(self, bar: tqdm) -> None:
        self.bar = bar

    def advance(self, count: float = 1) -> None:
        self.bar.update(count)

    def note(self, text: str) -> None:
        self.bar.set_postfix_str(text, refresh=False)


class _Lines:
    """Turn tqdm's carriage returns into whole lines, so that a log file stays readable."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def write(self, text: str) -> None:
        text = text.strip("\r\n ")
        if text:
            self.stream.write(f"  {text}\n")

    def flush(self) -> None:
        self.stream.flush()
