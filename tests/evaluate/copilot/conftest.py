"""The driver's two surroundings: a `Place` with GitHub's own program and a loopback backend, a `Desk` with a fake."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.evaluate.copilot.backend import Backend
from tests.evaluate.copilot.fake_server import FakeServer
from tuner.evaluate.copilot.platforms import program_in
from tuner.evaluate.copilot.system import CopilotSystem
from tuner.progress import Progress
from tuner.recipe import CopilotSettings
from tuner.records import Item, Neighbour, Prediction, content_id
from tuner.rundir import Workspace

ROOT = Path(__file__).parents[3]
TOKEN = "gho_0123456789abcdefTestOnly"
_NUMBERS = itertools.count(1)


def real_program() -> Path | None:
    """Find GitHub's program: where TUNER_COPILOT_SERVER says, or where `make copilot` puts it."""
    chosen = os.environ.get("TUNER_COPILOT_SERVER")
    program = Path(chosen) if chosen else program_in(ROOT / ".copilot")
    return program if program.is_file() else None


needs_the_server = pytest.mark.skipif(
    real_program() is None,
    reason="the Copilot language server is not installed: `make copilot`, or set TUNER_COPILOT_SERVER",
)


def item(before: str = "    total = ", after: str = "\n    return total\n", path: str = "shop/{}.py") -> Item:
    """Make an item whose file is like no other, so that no answer comes from a cache."""
    number = next(_NUMBERS)
    head = f"import os\n\n\ndef count_{number}(specs):\n"
    return Item(
        id=content_id("copilot", str(number)),
        repo="shop",
        path=path.format(f"count_{number}"),
        language="python",
        commit="c",
        committed_at=1,
        cursor="boundary",
        prefix=head + before,
        suffix=after,
        target="0.0",
        novel=True,
    )


def no_neighbours(_: Item) -> Sequence[Neighbour]:
    """Show nothing beside an item."""
    return []


class Place:
    """A backend, and an environment in which the real program knows only that."""

    def __init__(self, folder: Path, token: str | None = TOKEN) -> None:
        self.folder = folder
        self.backend = Backend()
        self._token = token
        self._environment = pytest.MonkeyPatch()

    def __enter__(self) -> Place:
        for name in [
            name for name in os.environ if name.startswith(("GH_COPILOT_", "GITHUB_COPILOT_", "GITHUB_TOKEN"))
        ]:
            self._environment.delenv(name)
        for name, value in self.backend.environment(str(self.folder / "home"), self._token).items():
            self._environment.setenv(name, value)
        return self

    def __exit__(self, *_: object) -> None:
        self._environment.undo()
        self.backend.close()

    def settings(self, **changed: object) -> CopilotSettings:
        """Ask the real program, without pauses."""
        given = {"send_code": True, "seconds_between": 0.0, "server": str(real_program()), **changed}
        return CopilotSettings.model_validate(given)

    def system(
        self, neighbours: Callable[[Item], Sequence[Neighbour]] = no_neighbours, **changed: object
    ) -> CopilotSystem:
        """Make the system under test."""
        return CopilotSystem(self.settings(**changed), neighbours, self.folder / "scratch")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Place(tmp_path) as made:
        yield made


class Desk:
    """A scripted server, and the driver that starts it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.scratch = folder / "scratch"

    def server(self, *steps: dict[str, Any], version: str = "1.550.0", status: str = "OK") -> FakeServer:
        return FakeServer(self.folder, list(steps), version, status)

    def system(self, fake: FakeServer, neighbours: Callable = no_neighbours, **changed: object) -> CopilotSystem:
        given = {"send_code": True, "seconds_between": 0.0, "server": str(fake.program), **changed}
        return CopilotSystem(CopilotSettings.model_validate(given), neighbours, self.scratch)

    def work(self) -> Workspace:
        self.scratch.mkdir(exist_ok=True)
        return Workspace(self.folder, self.folder / "out", self.scratch, Progress())

    def answers(self, fake: FakeServer, items: list[Item], **changed: object) -> list[Prediction]:
        with self.system(fake, **changed) as system:
            return list(system.answer(items))


@pytest.fixture
def no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GH_COPILOT_TOKEN", "GITHUB_COPILOT_TOKEN"):
        monkeypatch.delenv(name, raising=False)
