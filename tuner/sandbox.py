"""Run a command that nobody vouches for, on a throw-away copy, cut off from the machine, and say how it ended.

In: a command, limits, a folder that is copied and files that are written over the copy. Out: an `Outcome`. Nothing is
dropped and nothing stays: the copy lives in memory and goes with the last process. What the command sees: the
system's programs and the folders in `readable`, all read-only; its copy, which is the working folder, `/tmp` and a
home, which it may write to; no network, loopback included; no process but its own; no variable but what is given.

It needs Linux 5.14 with user namespaces. Where they are not allowed nothing is run: there is no weaker way. What it
does not do: it filters no system calls, so that a flaw in the kernel itself is not covered, and it hides no timing.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tuner.errors import MachineError

Ended = Literal[
    "exited",  # by itself: `status` says with what, negative for the number of a signal
    "timeout",  # it took too long, on the clock or on the processors
    "memory",  # all its processes together held more than is allowed
    "processes",  # it started more processes and threads than are allowed
    "disk",  # it wrote a larger file than is allowed
    "output",  # it printed more than is allowed
]
INSIDE = Path(__file__).with_name("sandbox_inside.py")
TREE = "/sandbox/tree"  # where the copy lies in the sandbox
MIB = 2**20
MAPPED_MIB = 8192  # a program maps more than it holds: each thread a stack and a heap of its own
GRACE_SECONDS = 60.0  # building the cage, and what a stopped machine adds; then the launcher itself is killed
OPEN_FILES = 512
HINT = (
    "code is run on Linux 5.14 or newer with user namespaces: `sysctl user.max_user_namespaces` must not be 0, and "
    "neither AppArmor nor the container may forbid `unshare --user`"
)


@dataclass(frozen=True, slots=True)
class Limits:
    """What a command may use; memory is that of all its processes together, disk is kept in memory as well."""

    seconds: float
    memory_mib: int
    disk_mib: int = 512
    processes: int = 128
    output_bytes: int = MIB


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a command ended, and what it printed."""

    ended: Ended
    status: int | None
    output: str
    seconds: float

    @property
    def passed(self) -> bool:
        """Tell whether it ended by itself and said that all is well."""
        return self.ended == "exited" and self.status == 0


def run(
    command: Sequence[str],
    limits: Limits,
    *,
    tree: Path | None = None,
    files: Mapping[str, str] | None = None,
    readable: Sequence[Path] = (),
    environment: Mapping[str, str] | None = None,
) -> Outcome:
    """Run a command in a copy of `tree` with `files` (path in the copy, text) written into it."""
    for name in files or {}:
        if os.path.isabs(name) or ".." in Path(name).parts:
            raise ValueError(f"{name}: wanted a path inside the copy")
    started = time.monotonic()
    spec = {
        "command": list(command),
        "tree": None if tree is None else str(tree.resolve()),
        "files": dict(files or {}),
        "readable": sorted(str(path) for path in readable),  # a folder before what lies in it, which it shows too
        "environment": {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": "/sandbox/home",
            "TMPDIR": "/tmp",
            "LANG": "C.UTF-8",
            **(environment or {}),
        },
        "seconds": limits.seconds,
        "memory": limits.memory_mib * MIB,
        "address_space": (limits.memory_mib + MAPPED_MIB) * MIB,
        "disk": limits.disk_mib * MIB,
        "processes": limits.processes,
        "open_files": OPEN_FILES,
    }
    said, output, ended = _converse(spec, started + limits.seconds + GRACE_SECONDS, limits.output_bytes)
    if ended is None and "refused" in said:
        raise MachineError(f"no code can be run in isolation here: {said['refused']}", HINT)
    if ended is None and "ended" not in said:
        raise MachineError("the sandbox ended without a word", "was it killed? repeat the command")
    text = output.decode("utf-8", "replace")
    seconds = time.monotonic() - started
    return Outcome(ended or said["ended"], None if ended else said["status"], text, seconds)


@functools.cache
def require_isolation() -> None:
    """Refuse, with what to do, where the kernel does not let a command be isolated."""
    if sys.platform != "linux":
        raise MachineError(f"no code can be run in isolation on {sys.platform}", HINT)
    outcome = run(["/bin/sh", "-c", "exit 7"], Limits(seconds=20.0, memory_mib=256))
    if outcome.status != 7:
        raise MachineError(f"no code can be run in isolation here: /bin/sh: {outcome.output.strip()}", HINT)


def folders_of(python: Path) -> list[Path]:
    """List the folders that an interpreter needs: its environment and the installation behind it.

    Never a home folder, nor one that holds no Python: a link in `~/bin` must not lay the home open.
    """
    found: list[Path] = []
    path = Path(os.path.abspath(python))
    while True:
        prefix = path.parent.parent
        holds_python = (prefix / "pyvenv.cfg").is_file() or any(prefix.glob("lib*/python3*"))
        if holds_python and prefix not in (Path("/"), Path.home(), *found):
            found.append(prefix)
        if not path.is_symlink():
            return found
        path = Path(os.path.normpath(path.parent / os.readlink(path)))


def _converse(spec: dict[str, Any], deadline: float, most: int) -> tuple[dict[str, Any], bytes, Ended | None]:
    """Start the launcher, read the command's output and the keeper's report; end both when a bound is passed."""
    report, write_report = os.pipe()
    arguments = [sys.executable, "-I", "-S", str(INSIDE), str(write_report)]
    process = subprocess.Popen(
        arguments,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=[write_report],
        start_new_session=True,
        env={},
    )
    os.close(write_report)
    assert process.stdin is not None and process.stdout is not None
    texts = {report: bytearray(), process.stdout.fileno(): bytearray()}
    output = texts[process.stdout.fileno()]
    ended: Ended | None = None
    try:
        with contextlib.suppress(BrokenPipeError), process.stdin:
            process.stdin.write(json.dumps(spec).encode())
        with selectors.DefaultSelector() as selector:
            for number in texts:
                selector.register(number, selectors.EVENT_READ)
            while selector.get_map() and ended is None:
                for key, _ in selector.select(max(0.0, deadline - time.monotonic())):
                    piece = os.read(key.fd, 65536)
                    texts[key.fd] += piece
                    if not piece:
                        selector.unregister(key.fd)
                if len(output) > most:
                    ended = "output"
                elif time.monotonic() > deadline:
                    ended = "timeout"
    finally:
        if ended is not None or sys.exc_info()[0] is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        process.stdout.close()
        os.close(report)
    said = bytes(texts[report])
    return (json.loads(said) if said else {}), bytes(output[:most]), ended
