"""What a stage shows of its progress: nothing to library callers, whole plain lines when the output is piped."""

from __future__ import annotations

import io
import re
from collections.abc import Callable

import pytest
from tqdm import std

from tuner.progress import Progress, TerminalProgress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def wait(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Give tqdm a clock that moves when it is told to."""
    now = [1000.0]
    monkeypatch.setattr(std, "time", lambda: now[0])

    def forward(seconds: float) -> None:
        now[0] += seconds

    return forward


def work(progress: Progress, wait: Callable[[float], None], seconds: float, total: float | None = 100) -> None:
    with progress.track("reading", total=total, unit="file") as track:
        for _ in range(10):
            wait(seconds / 10)
            track.note("loss 1.5")
            track.advance(5)


def test_piped_output_is_plain_lines_with_rate_and_time_left(wait: Callable[[float], None]) -> None:
    stream = io.StringIO()
    work(TerminalProgress(stream), wait, 40)
    text = stream.getvalue()
    lines = text.splitlines()
    assert len(lines) in (3, 4)  # forty seconds, a line every ten
    assert lines[0] == "  reading: 15/100 file [00:12<01:07,  1.25 file/s, loss 1.5]"
    assert not set("\r\x1b") & set(text) and text.isascii() and text.endswith("\n")


def test_piped_output_without_a_known_end_promises_no_time(wait: Callable[[float], None]) -> None:
    stream = io.StringIO()
    work(TerminalProgress(stream), wait, 40, total=None)
    assert stream.getvalue().splitlines()[0] == "  reading: 15 file [00:12,  1.25 file/s, loss 1.5]"


def test_work_of_less_than_a_second_shows_nothing(wait: Callable[[float], None]) -> None:
    for stream in (io.StringIO(), Terminal()):
        work(TerminalProgress(stream), wait, 0.5)
        assert stream.getvalue().strip("\r ") == ""


def test_a_terminal_has_one_live_line_that_is_gone_at_the_end(wait: Callable[[float], None]) -> None:
    stream = Terminal()
    work(TerminalProgress(stream), wait, 40)
    assert "reading:" in stream.getvalue() and "loss 1.5" in stream.getvalue()
    assert "\n" not in stream.getvalue()
    assert stream.getvalue().rpartition("\r")[0].rpartition("\r")[2].strip() == ""


def test_plain_progress_shows_nothing(wait: Callable[[float], None], capfd: pytest.CaptureFixture[str]) -> None:
    work(Progress(), wait, 1000)
    assert capfd.readouterr() == ("", "")


class Figures:
    """A view that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def short(self) -> str:
        self.asked += 1
        return f"loss {self.asked}"

    def lines(self) -> list[str]:
        self.asked += 1
        return [] if self.asked == 1 else [f"loss {self.asked}", "memory 2 GiB " + "and more " * 20]


def show(stream: io.StringIO, wait: Callable[[float], None], steps: int = 60) -> Figures:
    view = Figures()
    with TerminalProgress(stream).track("training", total=80, unit="step") as track:
        track.skip(20)
        track.show(view)
        for _ in range(steps):
            wait(0.5)
            track.advance()
    return view


def test_a_view_stands_below_the_bar_and_is_gone_at_the_end(wait: Callable[[float], None]) -> None:
    stream = Terminal()
    view = show(stream, wait)
    rows = [row.strip() for row in re.split(r"[\r\n]|\x1b\[A", stream.getvalue()) if row.strip()]
    assert rows[0].startswith("training:") and "loss" not in rows[0]
    at = rows.index("loss 2")
    assert rows[at + 1].startswith("memory 2 GiB and more") and rows[at - 1].startswith("training:")
    assert stream.getvalue().count("\n") == stream.getvalue().count("\x1b[A")  # the cursor comes back
    assert stream.getvalue().rpartition("\r")[0].rpartition("\r")[2].strip() == ""
    assert 2 < view.asked <= 60


def test_a_view_is_asked_when_it_is_drawn_and_not_at_each_step(wait: Callable[[float], None]) -> None:
    stream = io.StringIO()
    view = show(stream, wait)
    lines = stream.getvalue().splitlines()
    assert view.asked == len(lines) in (2, 3)
    assert lines[0] == "  training: 40/80 step [00:10<00:20,  2.00 step/s, loss 1]"
    assert show(Terminal(), wait, steps=1).asked == 0  # over before anything is drawn


def test_what_was_done_before_says_nothing_about_the_rate(wait: Callable[[float], None]) -> None:
    stream = io.StringIO()
    with TerminalProgress(stream).track("training", total=1000, unit="step") as track:
        track.skip(900)
        for _ in range(2):
            wait(10)
            track.advance()
    assert stream.getvalue().splitlines()[0] == "  training: 901/1000 step [00:10<16:30, 10.00s/ step]"


def test_an_error_goes_through_and_the_line_is_closed(wait: Callable[[float], None]) -> None:
    stream = Terminal()
    with pytest.raises(ValueError, match="a bug"), TerminalProgress(stream).track("reading", 10, "file") as track:
        wait(5)
        track.advance(1)
        raise ValueError("a bug")
    assert stream.getvalue().endswith("\r")
