"""Run contestants side by side: each in a fresh process, round after round, with its time and memory.

In: a module with contestants, and a job for each. Out: what each measured in every round; medians; the machine in
words. The time is taken by the contestant around its work, without the start of Python. Memory is the sum over all
processes of a contestant, looked up twenty times a second: what each holds for itself, and, as a second figure, with
the pages of files that it maps, such as git's packs, which are the system's cache and count in each process. Every
second round runs backwards, so that a machine that slows down favours nobody.
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
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
LOOKS_PER_SECOND = 20
MIB = 1 << 20
PROCESSES = Path("/proc")


@dataclass(frozen=True, slots=True)
class Measured:
    """One run of one contestant. The peaks are None on a system without /proc; `said` is what it counted itself."""

    seconds: float
    peak_mib: float | None
    peak_with_files_mib: float | None
    said: dict[str, float]


Runner = Callable[[str, dict[str, Any]], Measured]


class ContestantError(Exception):
    """A contestant ended with an error, which is a result of its own: nothing stands in for its figures."""


class Contestant:
    """A contestant in a fresh process, `python -m module`, with its job on standard input; use it in a `with` block.

    `most` is what it used at most, as far as `look` was called often enough; None on a system without /proc.
    """

    def __init__(self, module: str, job: dict[str, Any], inherited: Sequence[int] = (), **environment: str) -> None:
        self.job = job
        self._given, self._said, self._complaints = (tempfile.TemporaryFile() for _ in range(3))  # noqa: SIM115
        self._given.write(json.dumps(job).encode())
        self._given.seek(0)
        path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
        self.process = subprocess.Popen(
            [sys.executable, "-m", module], stdin=self._given, stdout=self._said, stderr=self._complaints,
            env={**os.environ, "PYTHONPATH": path, **environment}, pass_fds=inherited,
        )  # fmt: skip
        self.most = Use() if (PROCESSES / "self" / "task").is_dir() else None

    def __enter__(self) -> Contestant:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for each in (self._given, self._said, self._complaints):
            each.close()

    def look(self) -> None:
        """Note what it uses now."""
        if self.most is not None:
            now, most = tree_use(self.process.pid), self.most
            seconds = most.cpu_seconds | now.cpu_seconds
            self.most = Use(max(most.own_mib, now.own_mib), max(most.mib, now.mib), seconds)

    def measured(self) -> Measured:
        """Wait for its end, and give what it said and used."""
        while self.process.poll() is None:
            self.look()
            time.sleep(1 / LOOKS_PER_SECOND)
        self._said.seek(0)
        self._complaints.seek(0)
        if self.process.returncode != 0:
            raise ContestantError(f"{self.job}: {self._complaints.read().decode('utf-8', 'replace').strip()[-2000:]}")
        counted = json.loads(self._said.read())
        if self.most is None:
            return Measured(counted.pop("seconds"), None, None, counted)
        # Looked at from outside, the last moment is missing: the contestant may know better.
        counted.setdefault("cpu_seconds", sum(self.most.cpu_seconds.values()))
        return Measured(counted.pop("seconds"), self.most.own_mib, self.most.mib, counted)


def run_once(module: str, job: dict[str, Any]) -> Measured:
    """Run one contestant to its end."""
    with Contestant(module, job) as contestant:
        return contestant.measured()


def answer_job(work: Callable[[dict[str, Any]], dict[str, Any]]) -> int:
    """Do the work of a job on standard input, as a contestant, and say what came of it and how long it took."""
    job, started = json.load(sys.stdin), time.monotonic()
    print(json.dumps({**work(job), "seconds": time.monotonic() - started}))
    return 0


def run_rounds(module: str, jobs: dict[str, dict[str, Any]], rounds: int) -> Iterator[tuple[str, Measured]]:
    """Yield each contestant's name with what it measured, in every round."""
    for number in range(rounds):
        names = list(jobs) if number % 2 == 0 else list(jobs)[::-1]
        for name in names:
            yield name, run_once(module, jobs[name])


def of_pairs(above: Iterable[float], below: Iterable[float]) -> float:
    """Give the median of the ratios, each of two runs of the same round."""
    return statistics.median(one / other for one, other in zip(above, below, strict=True))


@dataclass(slots=True)
class Use:
    """What the processes of a contestant use: memory in MiB, their own and with mapped files; seconds of each."""

    own_mib: float = 0.0
    mib: float = 0.0
    cpu_seconds: dict[int, float] = field(default_factory=dict)


def tree_use(root: int) -> Use:
    """Add up what a process and all that it started use now; those that just ended count nothing.

    A child that has not become a program of its own yet runs in its parent's memory (vfork), which counts once.
    """
    use, page = Use(), os.sysconf("SC_PAGE_SIZE") / MIB
    waiting = [(root, "")]
    while waiting:
        number, parents = waiting.pop()
        place = PROCESSES / str(number)
        try:
            memory = (place / "statm").read_text()
            resident, of_files = map(int, memory.split()[1:3]) if memory != parents else (0, 0)
            fields = (place / "stat").read_text().rpartition(")")[2].split()
            use.mib += resident * page
            use.own_mib += (resident - of_files) * page
            use.cpu_seconds[number] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            for task in (place / "task").iterdir():
                waiting += [(int(child), memory) for child in (task / "children").read_text().split()]
        except (OSError, ValueError, IndexError):
            continue
    return use


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


def _cpu() -> str:
    cpuinfo = PROCESSES / "cpuinfo"
    lines = cpuinfo.read_text(errors="replace").splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
