"""Names on disk: the same names give the same bytes, and a damaged file is named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.names import known
from tuner.errors import DataError
from tuner.repo_names import Timeline, read_names, write_names


def test_what_is_written_is_read_and_the_same_twice(tmp_path: Path) -> None:
    names = [known("count", added={"later": 2}), known("other", repo="till")]
    for place in ("a.gz", "b.gz"):
        write_names(tmp_path / place, names)
    assert (tmp_path / "a.gz").read_bytes() == (tmp_path / "b.gz").read_bytes()
    assert [each.names for each in read_names(tmp_path / "a.gz").values()] == names


@pytest.mark.parametrize("data", [b"", b"no gzip"])
def test_a_damaged_file_says_what_to_do(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "names.json.gz"
    write_names(path, [known("count")])
    path.write_bytes(data or path.read_bytes()[:-9])
    with pytest.raises(DataError, match=re.escape(f"{path}: cannot be read as names: ")) as caught:
        read_names(path)
    assert caught.value.hint == "run the stage that writes it again; `make verify RUN=...` says which"


def test_a_commit_that_is_not_listed_counts_as_the_newest() -> None:
    timeline = Timeline(known(added={"later": 3}))
    assert not timeline.before("c" * 40).knows("later")
    assert timeline.before("e" * 40).knows("later")


def test_a_folder_that_came_later_is_a_module_from_then_on() -> None:
    timeline = Timeline(known(added_modules={"cart": 2}))
    assert [timeline.before(sha * 40).has_module("cart") for sha in "abc"] == [False, False, True]
