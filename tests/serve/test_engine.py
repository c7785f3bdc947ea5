"""The engine starts in a process in which nothing of this one is run, and its end is never waited for in vain."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import uvloop

from tuner.errors import ServeError
from tuner.recipe import ServeSettings
from tuner.records import Bundle
from tuner.rundir import Run
from tuner.serve.engine import Engine

HELD = threading.Event()


def _end_if_held() -> None:
    if HELD.is_set():
        os._exit(9)


os.register_at_fork(after_in_child=_end_if_held)  # as a lock would that another thread holds


@pytest.fixture
def held() -> Iterator[None]:
    """Let every child end at once that runs Python before it becomes another program."""
    HELD.set()
    yield
    HELD.clear()


def test_no_python_runs_in_the_child_before_it_is_the_engine(runs: tuple[Run, Run], held: None) -> None:
    bundle = runs[0].record("export", Bundle)
    (base,) = (each.path for each in bundle.artefacts if each.name == "base-gguf")

    async def start_and_stop() -> int | None:
        engine = await Engine.start(runs[0].folder / base, [], ServeSettings())
        await engine.stop()
        return engine.process.returncode

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(start_and_stop()) == 0


def test_what_the_engine_cannot_load_is_named(tmp_path: Path) -> None:
    (tmp_path / "torn.gguf").write_bytes(b"GGUF")
    with pytest.raises(ServeError, match=r"^the engine could not load torn\.gguf: ") as caught:
        asyncio.run(Engine.start(tmp_path / "torn.gguf", [], ServeSettings()))
    assert caught.value.hint == "export again"
