"""Find the language server's program, and refuse one that is missing, cannot be run or is too old.

In: `compare.copilot.server`, or nothing: then the folder that `make copilot` fills is looked in, then PATH. The version
is read from the server's own greeting, so that no process is started only to ask for it.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from tuner.errors import MachineError
from tuner.evaluate.copilot.platforms import PACKAGE, PROGRAM, package, program_in
from tuner.recipe import CopilotSettings

FOLDER = Path(".copilot")
OLDEST = (1, 400)  # the oldest whose log lines were seen to say what became of a request
INSTALL = f"`make copilot` installs it from npm ({PACKAGE})"


def find_server(settings: CopilotSettings) -> Path:
    """Give the program to start."""
    if settings.server is not None:
        chosen = Path(settings.server).expanduser()
        if not chosen.is_file():
            raise MachineError(f"compare.copilot.server: {chosen}: no such file", INSTALL)
        return _runnable(chosen)
    installed = program_in(FOLDER)
    if package() is not None and installed.is_file():
        return _runnable(installed)
    on_path = shutil.which(PROGRAM)
    if on_path is None:
        raise MachineError(
            f"the Copilot language server was not found: no {installed}, and no {PROGRAM} on PATH",
            f"{INSTALL}; or set compare.copilot.server to its program",
        )
    return Path(on_path)


def require_recent(program: Path, version: str) -> None:
    """Refuse a server that is older than those that are understood here."""
    found = re.match(r"(\d+)\.(\d+)", version)
    if found is None or (int(found[1]), int(found[2])) < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        raise MachineError(
            f"{program}: its version is {version or 'unknown'}, wanted {wanted} or newer",
            "`make copilot` installs a newer one from npm",
        )


def _runnable(program: Path) -> Path:
    if not os.access(program, os.X_OK):
        raise MachineError(f"{program}: not executable", f"chmod +x {program}")
    return program.absolute()
