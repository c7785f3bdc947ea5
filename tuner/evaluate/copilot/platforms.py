"""Which of GitHub's packages holds the language server for this machine, and where npm puts its program.

Needs nothing but Python's standard library: set-up imports it before anything is installed.
"""

from __future__ import annotations

import platform
import sys
from pathlib import Path

PACKAGE = "@github/copilot-language-server"
PROGRAM = "copilot-language-server"
_SYSTEMS = {"linux": "linux", "darwin": "darwin"}
_MACHINES = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def package() -> str | None:
    """Name the npm package for this machine; None where GitHub publishes none."""
    system, machine = _SYSTEMS.get(sys.platform), _MACHINES.get(platform.machine().lower())
    return f"{PACKAGE}-{system}-{machine}" if system and machine else None


def program_in(folder: Path) -> Path:
    """Give the path of the program below npm's `folder`."""
    return folder / "node_modules" / (package() or PACKAGE) / PROGRAM
