"""How a stage says how far it is: stages call `Progress.track`, only the command line decides what is shown.

with progress.track("reading files", total=120, unit="file") as track:
    track.advance(1)
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol, TextIO

from tqdm import tqdm

PLAIN = "{desc}: {n_fmt}{unit} [{elapsed}, {rate_fmt}{postfix}]"
PLAIN_WITH_END = "{desc}: {n_fmt}/{total_fmt}{unit} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"


class View(Protocol):
    """What is to be seen of a piece of work beside its rate; asked only when it is drawn."""

    def short(self) -> str:
        """Say it in a few words, for a line of a log file."""

    def lines(self) -> list[str]:
        """Say it in lines of at most 76 characters, for below the bar on a terminal."""


class Track(Protocol):
    """One counted piece of work."""

    def advance(self, count: float = 1) -> None:
        """Count `count` more units as done."""

    def skip(self, count: float) -> None:
        """Count units that an earlier attempt has done, which say nothing about the rate."""

    def note(self, text: str) -> None:
        """Show a short remark beside the rate, such as the name of a file."""

    def show(self, view: View) -> None:
        """Show a view from now on."""


class Progress:
    """Show nothing: what tests and library callers get."""

    @contextmanager
    def track(self, label: str, total: float | None, unit: str) -> Iterator[Track]:
        """Open one counted piece of work; `total` is None where the end is not known."""
        yield _Silent()


class _Silent:
    def advance(self, count: float = 1) -> None:
        pass

    def skip(self, count: float) -> None:
        pass

    def note(self, text: str) -> None:
        pass

    def show(self, view: View) -> None:
        pass


class TerminalProgress(Progress):
    """A live line with rate and time left on a terminal, and a view below it; when piped a plain line every ten
    seconds."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stderr

    @contextmanager
    def track(self, label: str, total: float | None, unit: str) -> Iterator[Track]:
        live = self.stream.isatty()
        bar = _Drawn(
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


class _Drawn(tqdm):
    """A bar that asks its view whenever it is drawn, and not more often."""

    view: View | None = None
    rows: tuple[tqdm, ...] = ()

    def display(self, msg: str | None = None, pos: int | None = None) -> Any:
        if msg is not None or self.view is None:
            return super().display(msg, pos)
        below: list[str] = []
        if self.fp.isatty():
            below = self.view.lines()
        else:
            self.postfix = self.view.short()
        drawn = super().display(msg, pos)
        if len(below) > len(self.rows):  # tqdm gives each row the next free place
            new = (tqdm(bar_format="{desc}", file=self.fp, leave=False) for _ in below[len(self.rows) :])
            self.rows = (*self.rows, *new)
        for row, text in zip(self.rows, below, strict=False):
            row.set_description_str(f"    {text}"[: self.ncols and self.ncols - 1])
        return drawn

    def close(self) -> None:
        for row in reversed(self.rows):
            row.close()
        super().close()


class _Bar:
    def __init__(self, bar: _Drawn) -> None:
        self.bar = bar

    def advance(self, count: float = 1) -> None:
        self.bar.update(count)

    def skip(self, count: float) -> None:
        self.bar.initial += count
        self.bar.n += count
        self.bar.last_print_n += count

    def note(self, text: str) -> None:
        self.bar.set_postfix_str(text, refresh=False)

    def show(self, view: View) -> None:
        self.bar.view = view


class _Lines:
    """Turn tqdm's carriage returns into whole lines, so that a log file stays readable."""

    def __init__(self, stream: TextIO) -> None:
        self.stream = stream

    def isatty(self) -> bool:
        return False

    def write(self, text: str) -> None:
        text = text.strip("\r\n ")
        if text:
            self.stream.write(f"  {text}\n")

    def flush(self) -> None:
        self.stream.flush()
