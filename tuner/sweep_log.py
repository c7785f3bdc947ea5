"""Write what a sweep found: as a table for the screen, and as an entry of `recipes/LOG.md`.

In: a `Sweep`. Out: lines of text. The log is only ever added to, by one write under a lock; a write that the disk cuts
short is taken back. An entry that is there already is not written again. No path and no date goes in.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from tuner.errors import MachineError
from tuner.records import Interval
from tuner.rundir import disk_errors_named
from tuner.swept import Result, Sweep

HEADER = """# What sweeps found

Written by `tuner sweep`, one entry a sweep, the newest last; nothing is ever rewritten. `docs/sweep.md` says what the
columns mean. A difference is in bits per byte against the baseline, below 0 where it is better, with its 95 % interval.
"""
COLUMNS = ("variant", "tokens", "steps", "minutes", "bits/byte", "nats/token", "difference", "outcome")
LIBRARIES = ("python", "torch", "transformers", "trl", "peft")
UNMARKED = ("untuned", "baseline")


def table(sweep: Sweep) -> list[str]:
    """Lay out the table for the screen."""
    rows = [COLUMNS, *_rows(sweep)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(COLUMNS))]
    lines = ["  ".join(_padded(row, widths)).rstrip() for row in rows]
    return [*lines, "", *_said(sweep)]


def entry(sweep: Sweep) -> str:
    """Write the entry of the log."""
    about = sweep.about
    repos = ", ".join(f"{name} at {revision[:12]}" for name, revision in about.repos)
    machine = about.environment
    versions = ", ".join(f"{name} {machine[name]}" for name in LIBRARIES)
    settings = ", ".join(f"{key}={value}" for key, value in about.settings.items())
    lines = [
        _heading(sweep),
        "",
        f"- Repository: {repos}",
        f"- Base: {about.base}, revision {about.base_revision[:12]}",
        f"- Machine: {machine['processor']}, {machine['cores']} cores, {machine['system']}",
        f"- Program: tuner {about.version}, {versions}",
        f"- Baseline: the defaults with {settings}" if settings else "- Baseline: the defaults",
        f"- Varied: {'all together, in a grid' if about.grid else 'one setting at a time'}",
        "",
        f"| {' | '.join(COLUMNS)} |",
        f"|---|{'---:|' * (len(COLUMNS) - 2)}---|",
        *(f"| {' | '.join(each.replace('|', '/') for each in row)} |" for row in _rows(sweep)),
        "",
        *(f"{line}." for line in _said(sweep)),
    ]
    return "\n".join(lines) + "\n"


def append(path: Path, sweep: Sweep) -> bool:
    """Add the entry to the log unless it is there; say whether it was added."""
    try:
        with disk_errors_named("log of sweeps"), path.open("a+b") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            stream.seek(0)
            before = stream.read()
            if _heading(sweep).encode() in before.splitlines():
                return False
            text = (("" if before else HEADER) + "\n" + entry(sweep)).encode()
            _write_whole(stream.fileno(), text, len(before))
            return True
    except OSError as error:
        raise MachineError(
            f"{path}: cannot be written: {error.strerror}", "name another file with --log; nothing is trained again"
        ) from None


def _write_whole(descriptor: int, text: bytes, size: int) -> None:
    """Write all of a text at the end of a file, or nothing of it."""
    try:
        written = 0
        while written < len(text):
            written += os.write(descriptor, text[written:])
        os.fsync(descriptor)
    except OSError:
        os.ftruncate(descriptor, size)
        raise


def _heading(sweep: Sweep) -> str:
    return f"## {sweep.about.name}"


def _rows(sweep: Sweep) -> list[tuple[str, ...]]:
    return [_row(each, sweep) for each in (sweep.untuned, *sweep.results)]


def _row(result: Result, sweep: Sweep) -> tuple[str, ...]:
    seeds = f" ({len(result.seeds)} seeds)" if len(result.seeds) > 1 else ""
    outcome = "best" if result.variant == sweep.best else result.outcome
    return (
        f"{result.variant}{seeds}",
        f"{result.tokens:,.0f}",
        f"{result.steps:.0f}",
        f"{result.seconds / 60:.1f}",
        _number(result.bits_per_byte),
        _number(result.nats_per_token),
        _interval(result.difference),
        f"failed: {result.failed}" if result.failed else "" if outcome in UNMARKED else outcome,
    )


def _said(sweep: Sweep) -> list[str]:
    rows = f"{sweep.valid_rows} validation rows, {sweep.valid_tokens:,} tokens, {sweep.valid_bytes:,} bytes"
    lines = [f"Judged on {rows} (sha256 {sweep.about.valid_sha256[:12]}), on which no variant was trained"]
    if sweep.noise is None:
        lines.append("Noise of the seeds: not measured, the baseline has one seed")
    else:
        count = len(sweep.results[0].seeds)
        lines.append(f"Noise of the seeds: {sweep.noise:.4f} bits per byte between {count} seeds of the baseline")
    found = [each for each in sweep.results if each.variant == sweep.best]
    if found:
        lines.append(f"Best: {sweep.best}, {_interval(found[0].difference)} bits per byte against the baseline")
    else:
        lines.append("Best: no variant is shown to be better than the baseline")
    return lines


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def _interval(found: Interval | None) -> str:
    return "" if found is None else f"{found.value:+.4f} [{found.low:+.4f}, {found.high:+.4f}]"


def _padded(row: tuple[str, ...], widths: list[int]) -> list[str]:
    """Align words to the left and figures to the right."""
    last = len(row) - 1
    return [
        each.ljust(width) if at in (0, last) else each.rjust(width)
        for at, (each, width) in enumerate(zip(row, widths, strict=True))
    ]
