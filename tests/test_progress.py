"""What a stage shows of its progress: nothing to library callers, whole plain lines when the output is piped."""

from __future__ import annotations

import io
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


def test_an_error_goes_through_and_the_line_is_closed(wait: Callable[[float], None]) -> None:
    stream = Terminal()
    with pytest.raises(ValueError, match="a bug"), TerminalProgress(stream).track("reading", 10, "file") as track:
        wait(5)
        track.advance(1)
        raise ValueError("a bug")
    assert stream.getvalue().endswith("\r")
