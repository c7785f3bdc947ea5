"""What a stage ran with: versions, machine, threads. The manifest keeps it, to tell why two runs differ."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path

# The libraries that decide numbers, or what is read from a repository.
LIBRARIES = (
    "torch", "transformers", "trl", "peft", "accelerate", "bitsandbytes", "tokenizers", "numpy", "datasets",
    "tree-sitter", "gitpython",
)  # fmt: skip
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")


def read_environment() -> dict[str, str]:
    """Look at versions and machine, without importing anything heavy."""
    found = {"python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}"}
    for name in LIBRARIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed"
    found["processor"] = _processor()
    found["cores"] = str(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    found |= {name: os.environ[name] for name in THREADS if name in os.environ}
    return found


def differences(before: dict[str, str], now: dict[str, str]) -> list[str]:
    """List what is not the same in two environments."""
    return [
        f"{name}: {before.get(name, 'not set')} then, {now.get(name, 'not set')} now"
        for name in sorted({*before, *now})
        if before.get(name) != now.get(name)
    ]


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines() if cpuinfo.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or "unknown")
