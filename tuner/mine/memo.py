"""Keep what was found in a blob or a commit from one run to the next, so that the next run reads only what is new.

In: keys that name all that decides a result (object, path, settings, program version). Out: the result, as JSON. One
SQLite file for each repository, readable by its owner only; it holds redacted text and never decides what is found:
without it the same run takes longer. A damaged file is removed and begun anew.
"""

from __future__ import annotations

import itertools
import json
import os
import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from tuner.errors import MachineError
from tuner.mine.workers import Workers
from tuner.records import content_id

FAST = 1  # zlib level
KEYS_PER_QUERY = 400
FRESH_AT_ONCE = 64  # results written together
DAMAGE = frozenset({"unreadable", "missing_object"})  # reasons that say something of today's repository only
Item = TypeVar("Item")


class Memo:
    """A store of results; use it as a context manager. `scope` names what decides all results beside their own key."""

    def __init__(self, path: Path, *scope: str) -> None:
        self.path = path
        self.scope = content_id(*scope)
        self.was_damaged = False

    @classmethod
    def of_scope(cls, path: Path, scope: str) -> Memo:
        """Give an open memo in a worker process, with the scope that the first process worked out."""
        memo = cls(path)
        memo.scope = scope
        return memo.__enter__()

    def __enter__(self) -> Memo:
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            self._open()
        except sqlite3.DatabaseError:
            self.was_damaged = True
            for ending in ("", "-wal", "-shm"):
                Path(f"{self.path}{ending}").unlink(missing_ok=True)
            self._open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Keep what was put in, and let go of the file."""
        self._database.commit()
        self._database.close()

    def get(self, keys: Iterable[str]) -> dict[str, Any]:
        """Give the results that are there."""
        found: dict[str, Any] = {}
        wanted = list(dict.fromkeys(keys))
        for start in range(0, len(wanted), KEYS_PER_QUERY):
            some = [self._scoped(key) for key in wanted[start : start + KEYS_PER_QUERY]]
            marks = ",".join("?" * len(some))
            for key, value in self._database.execute(f"SELECT key, value FROM facts WHERE key IN ({marks})", some):
                found[key.partition(" ")[2]] = self._unpacked(value)
        return found

    def put(self, results: Iterable[tuple[str, Any]]) -> None:
        """Keep results; what was there under the same key is replaced by the same."""
        self.put_packed((key, _packed(value)) for key, value in results)

    def put_packed(self, results: Iterable[tuple[str, bytes]]) -> None:
        """Keep results that a worker has packed already."""
        rows = ((self._scoped(key), value) for key, value in results)
        with self._database:
            self._database.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", rows)

    def among(self, keys: Iterable[str]) -> set[str]:
        """Say which of the keys have a result."""
        wanted = list(dict.fromkeys(keys))
        found: set[str] = set()
        for start in range(0, len(wanted), KEYS_PER_QUERY):
            some = [self._scoped(key) for key in wanted[start : start + KEYS_PER_QUERY]]
            marks = ",".join("?" * len(some))
            found.update(
                key.partition(" ")[2]
                for (key,) in self._database.execute(f"SELECT key FROM facts WHERE key IN ({marks})", some)
            )
        return found

    def stream(self, keys: list[str], at_once: int = 64) -> Iterator[Any]:
        """Yield the results of keys that are all there, in their order, a few at a time."""
        for start in range(0, len(keys), at_once):
            some = keys[start : start + at_once]
            found = self.get(some)
            for key in some:
                yield found[key]

    def _unpacked(self, value: bytes) -> Any:
        try:
            return json.loads(zlib.decompress(value))
        except (zlib.error, ValueError):
            raise MachineError(f"{self.path}: damaged", "remove it; the same command finds everything again") from None

    def _scoped(self, key: str) -> str:
        return f"{self.scope} {key}"

    def _open(self) -> None:
        handle = os.open(self.path, os.O_CREAT | os.O_RDWR, 0o600)
        os.close(handle)
        self._database = sqlite3.connect(self.path, timeout=60)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=OFF")  # a lost tail is found again; a torn file is begun anew
        self._database.execute("CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, value BLOB) WITHOUT ROWID")


def remembered(
    memo: Memo,
    workers: Workers,
    function: Callable[[list[Item]], list[Any]],
    items: Iterable[Item],
    key_of: Callable[[Item], str],
    there: set[str],
    *,
    size: int,
    few: int,
    lasts: Callable[[Any], bool] = lambda result: True,
) -> Iterator[tuple[Item, Any]]:
    """Yield each item with its result, in order: from the memo where its key is `there`, else found by the workers.

    A result that does not last is found again in the next run.
    """
    in_order, for_work = itertools.tee(items)
    found = workers.map(_Packing(function), (item for item in for_work if key_of(item) not in there), size, few=few)
    fresh: list[tuple[str, bytes]] = []
    for item in in_order:
        key = key_of(item)
        if key in there:
            yield item, memo.get([key])[key]
            continue
        result, packed = next(found)
        if lasts(result):
            fresh.append((key, packed))
        yield item, result
        if len(fresh) >= FRESH_AT_ONCE:
            memo.put_packed(fresh)
            fresh = []
    memo.put_packed(fresh)


@dataclass(frozen=True, slots=True)
class _Packing(Generic[Item]):
    """Find results and pack them where they were found: in a worker, while the first process does something else."""

    function: Callable[[list[Item]], list[Any]]

    def __call__(self, batch: list[Item]) -> list[tuple[Any, bytes]]:
        return [(each, _packed(each)) for each in self.function(batch)]


def is_whole(facts: dict[str, Any]) -> bool:
    """Tell facts that last from those of an object that was not to be had: a repair brings it back."""
    return facts["reason"] not in DAMAGE and all(reason not in DAMAGE for _, reason in facts.get("dropped", ()))


def _packed(value: Any) -> bytes:
    return zlib.compress(json.dumps(value, separators=(",", ":")).encode(), FAST)
