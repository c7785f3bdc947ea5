"""Fetch GitHub's Copilot language server from npm into a folder of this checkout: what `make copilot` runs.

Needs nothing but Python's standard library. Only the platform's own package is taken: one program that brings its own
Node and needs none on this machine. Set COPILOT_VERSION to another version, or to `latest`; npm takes the registry
that it is configured for.

    python3 -m tuner.evaluate.copilot.install .copilot
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from tuner.evaluate.copilot.platforms import PACKAGE, package, program_in

VERSION = "1.550.0"  # what the tests were last run with


def main(folder: str) -> int:
    """Install into `folder`; return the exit status."""
    name = package()
    if name is None:
        return _fail(
            f"GitHub publishes no Copilot language server for {sys.platform} on {platform.machine()}",
            f"see npmjs.com/package/{PACKAGE}",
            status=2,
        )
    npm = shutil.which("npm")
    if npm is None:
        return _fail(
            "npm was not found on PATH; the Copilot language server comes from its registry",
            f"install Node.js, or fetch npmjs.com/package/{name} by hand and set compare.copilot.server to its program",
            status=2,
        )
    wanted = f"{name}@{os.environ.get('COPILOT_VERSION') or VERSION}"
    program = program_in(Path(folder))
    print(f"copilot: fetching {wanted} (about 100 MB)", file=sys.stderr, flush=True)
    command = [npm, "install", "--prefix", folder, "--no-save", "--no-audit", "--no-fund", "--ignore-scripts", wanted]
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        ended = subprocess.run([*command, "--loglevel=error"], stdout=subprocess.DEVNULL, check=False).returncode
    except OSError as error:
        return _fail(f"{folder}: cannot be written: {error.strerror}", "mend the folder's rights, then `make copilot`")
    if ended != 0 or not program.is_file():
        return _fail(
            f"npm could not install {wanted}: exit status {ended}", "see the lines above; then `make copilot` again"
        )
    print(f"copilot: {program}", file=sys.stderr)
    return 0


def _fail(message: str, hint: str, status: int = 1) -> int:
    print(f"error: {message}\nhint: {hint}", file=sys.stderr)
    return status


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
