"""Run contestants side by side: each in a fresh process, round after round, with its time and memory.

In: a module with contestants, and a job for each. Out: what each measured in every round; medians; the machine in
words. The time is taken by the contestant around its work, without the start of Python. Memory is the sum over all
processes of a contestant, looked up twenty times a second; pages that several processes share count in each of them,
so that the sum is an upper bound. Every second round runs backwards, so that a machine that slows down favours nobody.
"""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
LOOKS_PER_SECOND = 20
MIB = 1 << 20
PROCESSES = Path("/proc")


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one contestant. `peak_mib` is None on a system without /proc; `said` is what it counted itself."""

    seconds: float
    peak_mib: float | None
    said: dict[str, float]


class ContestantError(Exception):
    """A contestant ended with an error, which is a result of its own: nothing stands in for its figures."""


def run_once(module: str, job: dict[str, Any]) -> Measured:
    """Run one contestant in a fresh process: `python -m module`, with the job on its standard input."""
    with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as complaints:
        given.write(json.dumps(job).encode())
        given.seek(0)
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])}
        process = subprocess.Popen(
            [sys.executable, "-m", module], stdin=given, stdout=said, stderr=complaints, env=environment
        )
        peak, cpu_seconds = _watch(process)
        said.seek(0)
        complaints.seek(0)
        if process.returncode != 0:
            raise ContestantError(f"{job}: {complaints.read().decode('utf-8', 'replace').strip()[-2000:]}")
        counted = json.loads(said.read())
    if cpu_seconds is not None:  # looked at from outside, it lacks the last moment: the contestant may know better
        counted.setdefault("cpu_seconds", cpu_seconds)
    return Measured(counted.pop("seconds"), peak, counted)


def run_rounds(module: str, jobs: dict[str, dict[str, Any]], rounds: int) -> Iterator[tuple[str, Measured]]:
    """Yield each contestant's name with what it measured, in every round."""
    for number in range(rounds):
        names = list(jobs) if number % 2 == 0 else list(jobs)[::-1]
        for name in names:
            yield name, run_once(module, jobs[name])


def of_pairs(above: Iterable[float], below: Iterable[float]) -> float:
    """Give the median of the ratios, each of two runs of the same round."""
    return statistics.median(one / other for one, other in zip(above, below, strict=True))


def tree_use(root: int) -> tuple[float, dict[int, float]]:
    """Give the resident memory of a process and all that it started, in MiB, and the processor seconds of each.

    Processes that just ended count nothing.
    """
    pages, seconds, waiting = 0, {}, [root]
    while waiting:
        number = waiting.pop()
        place = PROCESSES / str(number)
        try:
            pages += int((place / "statm").read_text().split()[1])
            fields = (place / "stat").read_text().rpartition(")")[2].split()
            seconds[number] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            for task in (place / "task").iterdir():
                waiting += map(int, (task / "children").read_text().split())
        except (OSError, IndexError):
            continue
    return pages * os.sysconf("SC_PAGE_SIZE") / MIB, seconds


def machine() -> dict[str, Any]:
    """Describe this machine, without its name."""
    git = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout.split()
    return {
        "machine.cores": os.cpu_count() or 1,
        "machine.cpu": _cpu(),
        "machine.system": platform.system(),
        "machine.git": git[2],
        "machine.python": platform.python_version(),
        "machine.load_before": round(os.getloadavg()[0], 2),
    }


def _watch(process: subprocess.Popen[bytes]) -> tuple[float | None, float | None]:
    """Wait for a process; give the peak memory and the processor seconds of it and all that it started."""
    if not (PROCESSES / "self" / "task").is_dir():
        process.wait()
        return None, None
    peak, used = 0.0, dict[int, float]()
    while process.poll() is None:
        mib, seconds = tree_use(process.pid)
        peak, used = max(peak, mib), used | seconds
        time.sleep(1 / LOOKS_PER_SECOND)
    return peak, sum(used.values())


def _cpu() -> str:
    cpuinfo = PROCESSES / "cpuinfo"
    lines = cpuinfo.read_text(errors="replace").splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
