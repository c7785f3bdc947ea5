"""Contestants run in this process, one after another: a process each would import torch each time."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

from benchmarks.contest import Measured


def run_here(module: str, job: dict[str, Any]) -> Measured:
    """Do what `contest.run_once` does; nobody looks at the memory."""
    return Measured(1.0, None, None, importlib.import_module(module).work(job))


def all_here(module: str, jobs: Mapping[str, dict[str, Any]]) -> dict[str, Measured]:
    """Do what `turns.run_in_turns` does, one contestant after another."""
    return {name: run_here(module, job) for name, job in jobs.items()}
