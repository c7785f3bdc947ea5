"""What is costly to make and never altered by a test is made once for all processes of the suite.

folder = once(tmp_path_factory.getbasetemp(), "base", lambda folder: write_base(folder))
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path


def once(home: Path, name: str, make: Callable[[Path], object]) -> Path:
    """Let the first process that asks make the folder `name`; `home` is one process's own folder."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        home = home.parent
    folder, made = home / name, home / f"{name}.made"
    with (home / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the second process waits for the first
        if not made.is_file():
            make(folder)
            made.touch()
    return folder
