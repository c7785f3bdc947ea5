"""What was found is kept for the next run, under keys that name all that decides it."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tuner.errors import MachineError
from tuner.mine.memo import Memo, remembered
from tuner.mine.workers import Workers


def test_what_was_put_is_there_next_time(tmp_path: Path) -> None:
    with Memo(tmp_path / "m.sqlite", "1") as memo:
        memo.put([("file a", {"text": "x\udc80", "n": [1, 2]})])
    with Memo(tmp_path / "m.sqlite", "1") as memo:
        assert memo.get(["file a", "file b"]) == {"file a": {"text": "x\udc80", "n": [1, 2]}}
        assert memo.among(["file a", "file b"]) == {"file a"}


def test_another_scope_sees_nothing_of_it(tmp_path: Path) -> None:
    with Memo(tmp_path / "m.sqlite", "version 1", "settings") as memo:
        memo.put([("file a", 1)])
    with Memo(tmp_path / "m.sqlite", "version 2", "settings") as memo:
        assert memo.among(["file a"]) == set()


def test_only_its_owner_can_read_it(tmp_path: Path) -> None:
    with Memo(tmp_path / "kept" / "m.sqlite") as memo:
        memo.put([("a", 1)])
        assert stat.S_IMODE((tmp_path / "kept" / "m.sqlite").stat().st_mode) == 0o600
        assert stat.S_IMODE((tmp_path / "kept").stat().st_mode) == 0o700


def test_a_file_that_is_no_database_is_begun_anew(tmp_path: Path) -> None:
    (tmp_path / "m.sqlite").write_bytes(b"not a database at all, but long enough to look at" * 20)
    with Memo(tmp_path / "m.sqlite") as memo:
        assert memo.was_damaged
        memo.put([("a", 1)])
        assert memo.get(["a"]) == {"a": 1}


def test_a_damaged_result_stops_with_what_to_do(tmp_path: Path) -> None:
    with Memo(tmp_path / "m.sqlite") as memo:
        memo.put([("a", 1)])
        memo._database.execute("UPDATE facts SET value = x'00'")
        with pytest.raises(MachineError, match=r"m\.sqlite: damaged\nhint: remove it; the same command finds"):
            memo.get(["a"])


def doubled(batch: list[int]) -> list[int]:
    return [2 * each for each in batch]


@pytest.mark.parametrize("workers", [1, 2])
def test_only_what_is_missing_is_found_and_the_order_stays(tmp_path: Path, workers: int) -> None:
    asked: list[int] = []

    def items() -> list[int]:
        return list(range(20))

    with Memo(tmp_path / "m.sqlite") as memo, Workers(workers) as pool:
        memo.put([(str(each), 1000 + each) for each in range(0, 20, 3)])
        there = memo.among(map(str, items()))
        found = list(remembered(memo, pool, doubled, items(), str, there, size=4, few=0))
        assert found == [(each, 1000 + each if each % 3 == 0 else 2 * each) for each in items()]
        asked = [int(each) for each in memo.among(map(str, items()))]
    assert sorted(asked) == items()  # and is there the next time
