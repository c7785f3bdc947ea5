"""What holds for every test: no hub, no telemetry, and no connection that leaves this machine.

The environment is set here, before pytest imports a test module, because libraries read it when they are imported.
"""

from __future__ import annotations

import gc
import os
import socket
from collections.abc import Iterator
from typing import Any, NoReturn

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"  # tests start processes, which threads of a tokenizer do not survive
os.environ["OMP_NUM_THREADS"] = "1"  # the suite runs on one process a core
os.environ["OMP_WAIT_POLICY"] = "PASSIVE"  # threads that wait by spinning starve the processes beside them

import hypothesis
import pytest

hypothesis.settings.register_profile("tuner", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("tuner")
# Files whose few tests take longest. xdist hands out whole files, those of most tests first: these would come last,
# and one process would wait for the other.
LONGEST = (
    *("test_pipeline_stops", "test_processes", "test_pipeline", "test_leaks", "test_executing", "test_clients"),
    *("test_benchmarks", "test_planted_repository", "test_parity", "test_families", "test_methods", "test_resume"),
    *("test_hostile_sizes", "test_benchmark", "test_contest", "test_completing", "test_screening"),
    *("test_real_faults", "test_real_signing_in"),
)
NAMES_OF_THIS_MACHINE = {"::1", "localhost", "0.0.0.0", "::", "", None}


@pytest.fixture(scope="session", autouse=True)
def no_network() -> Iterator[None]:
    """Let sockets connect on this machine only; a name of another machine is not even looked up."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("connect", "connect_ex"):
            patch.setattr(socket.socket, name, _guarded(getattr(socket.socket, name)))
        for name in ("create_connection", "getaddrinfo"):
            patch.setattr(socket, name, _guarded_lookup(getattr(socket, name)))
        yield


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest; all else stays in its order."""
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(ranks)))


def pytest_collection_finish() -> None:
    """Leave what is imported by now, torch above all, out of every later search for garbage."""
    gc.collect()
    gc.freeze()


def _guarded(connect: Any) -> Any:
    def guarded(self: socket.socket, address: Any) -> Any:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_this_machine(address[0]):
            _refuse(address)
        return connect(self, address)

    return guarded


def _guarded_lookup(function: Any) -> Any:
    def guarded(first: Any, *arguments: Any, **named: Any) -> Any:
        host = first[0] if isinstance(first, tuple) else first
        if not _is_this_machine(host.decode() if isinstance(host, bytes) else host):
            _refuse(first)
        return function(first, *arguments, **named)

    return guarded


def _is_this_machine(host: str | None) -> bool:
    return host in NAMES_OF_THIS_MACHINE or str(host).startswith("127.")


def _refuse(address: Any) -> NoReturn:
    raise RuntimeError(f"a test tried to reach {address!r}; tests may only use the loopback address")
