"""Two runs on one base that only continues text, one run on a base that infills, and a server for each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.once import once
from tests.serve.runs import SETTINGS, base_in, taught_run, teach_base
from tuner.records import Base, Bundle
from tuner.rundir import Run
from tuner.serve import stage


@dataclass
class Served:
    """A run that is being served, and what the server has said."""

    run: Run
    base: Base
    url: str
    said: list[dict[str, Any]] = field(default_factory=list)

    @property
    def netloc(self) -> str:
        return self.url.removeprefix("http://")


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Base:
    return taught_base(tmp_path_factory, "prefix_only")


def taught_base(tmp_path_factory: pytest.TempPathFactory, form: str) -> Base:
    """Teach a base once for all processes of the suite."""
    torch.set_num_threads(1)
    home = tmp_path_factory.getbasetemp()
    return base_in(once(home, f"taught-{form}", lambda folder: teach_base(folder, form)), form)


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory, base: Base) -> tuple[Run, Run]:
    """Make two runs beside each other, on the same base."""
    adapters = tmp_path_factory.mktemp("shop") / "adapters"
    return taught_run(adapters, base, spread=0.1), taught_run(adapters, base, seed=18, spread=0.2)


@pytest.fixture(scope="session")
def served(runs: tuple[Run, Run], base: Base) -> Iterator[Served]:
    said: list[dict[str, Any]] = []
    run = runs[0]
    with stage.running(run.record("export", Bundle), run.folder, SETTINGS, said.append) as url:
        yield Served(run, base, url, said)


@pytest.fixture(scope="session")
def infilling(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("infilling")
    base = taught_base(tmp_path_factory, "qwen")
    run = taught_run(folder / "adapters", base, spread=0.1)
    with stage.running(run.record("export", Bundle), run.folder, SETTINGS) as url:
        yield Served(run, base, url)
