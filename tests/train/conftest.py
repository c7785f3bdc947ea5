"""The small base and its rows, made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuner.records import Row

from .examples import code_rows, small_base


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_base(tmp_path_factory.mktemp("small") / "base")


@pytest.fixture(scope="session")
def wide_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_base(tmp_path_factory.mktemp("wide") / "base", width=64)


@pytest.fixture(scope="session")
def rows(base: Path) -> list[Row]:
    return code_rows(base)
