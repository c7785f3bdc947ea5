"""The tiny repository and what mining it gives, made once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.mine.histories import History, shop
from tests.tiny_repo import build_tiny_repo
from tuner.mine.repositories import open_repositories
from tuner.mine.repository import open_repository
from tuner.mine.stage import run
from tuner.progress import Progress
from tuner.recipe import MineSettings
from tuner.records import Addition, Mined, Pair, Rejected, Repo, read_jsonl
from tuner.rundir import Workspace


@dataclass
class Outcome:
    folder: Path
    mined: Mined

    @property
    def pairs(self) -> list[Pair]:
        return list(read_jsonl(self.folder / self.mined.pairs, Pair))

    @property
    def additions(self) -> list[Addition]:
        return list(read_jsonl(self.folder / self.mined.additions, Addition))

    @property
    def rejected(self) -> list[Rejected]:
        return list(read_jsonl(self.folder / self.mined.rejected, Rejected))


def mine(
    source: object,
    out: Path,
    seed: int = 0,
    *,
    memory: Path | None = None,
    progress: Progress | None = None,
    **settings: object,
) -> Outcome:
    """Mine what `source` names into `out`; nothing is remembered from another run, unless `memory` is given."""
    out.mkdir(parents=True, exist_ok=True)
    progress = progress or Progress()
    repos = open_repositories(str(source), out / "clones", progress)
    work = Workspace(out, out, out, progress)
    return Outcome(out, run(repos, MineSettings.model_validate(settings), seed, memory or out / "memory", work))


def assert_same(one: Outcome, other: Outcome) -> None:
    """Compare all that was written, and that there is something."""
    for name in (one.mined.pairs, one.mined.additions, one.mined.rejected, str(one.mined.names)):
        assert (one.folder / name).read_bytes() == (other.folder / name).read_bytes(), name
    assert one.pairs and one.additions


@pytest.fixture(scope="session")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """Give what mining makes of the shop of `histories`."""
    return mine(shop(History()).write(tmp_path_factory.mktemp("plain") / "shop"), tmp_path_factory.mktemp("of_shop"))


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_tiny_repo(tmp_path_factory.mktemp("tiny") / "ledger")


@pytest.fixture(scope="session")
def tiny_opened(tiny: Path) -> Repo:
    return open_repository(str(tiny), tiny / "clones", Progress())


@pytest.fixture(scope="session")
def mined(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return mine(tiny, tmp_path_factory.mktemp("mined"))
