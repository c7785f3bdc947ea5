"""Contestants run in this process, one after another: a process each would import torch each time."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pytest
import torch

from benchmarks.contest import Measured


def run_here(module: str, job: dict[str, Any]) -> Measured:
    """Do what `contest.run_once` does; nobody looks at the memory."""
    return Measured(1.0, None, None, importlib.import_module(module).work(job))


def all_here(module: str, jobs: Mapping[str, dict[str, Any]]) -> dict[str, Measured]:
    """Do what `turns.run_in_turns` does, one contestant after another."""
    return {name: run_here(module, job) for name, job in jobs.items()}


@contextmanager
def in_float32() -> Iterator[None]:
    """Let everybody train in float32 also where the machine has bf16: losses are compared to many digits."""
    import benchmarks.judging
    import tuner.train.stage

    with pytest.MonkeyPatch.context() as patch:
        for module in (tuner.models, tuner.train.stage, benchmarks.judging):
            patch.setattr(module, "training_dtype", lambda: torch.float32)
        yield
