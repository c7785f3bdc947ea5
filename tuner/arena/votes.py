"""Keep the votes in one SQLite file of the run folder; what was acknowledged survives a kill and a power cut.

In: who voted, on which duel, what stood left and right, and the choice. Out: the same, as records. Nothing is dropped:
a vote that was taken back stays in the file, marked. Several voters, threads and programs may write at once: each vote
is one transaction, and one voter has one vote on a duel. Refused: a file of another schema or about other items, one
that is no database, and one that another program holds locked for longer than `WAIT_SECONDS`.

Names lie here as typed and nowhere else: whatever leaves the file has voter numbers.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from tuner.errors import DataError, MachineError, RunError, TunerError

SCHEMA = 1
WAIT_SECONDS = 5.0
Choice = Literal["left", "right", "equal", "both_bad", "skip"]
CHOICES: tuple[Choice, ...] = get_args(Choice)
_TABLES = f"""
CREATE TABLE facts (items_sha256 TEXT NOT NULL);
CREATE TABLE voters (
    number INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, joined_at REAL NOT NULL, ended_at REAL
);
CREATE TABLE votes (
    number INTEGER PRIMARY KEY, voter INTEGER NOT NULL REFERENCES voters, duel TEXT NOT NULL, item TEXT NOT NULL,
    left TEXT NOT NULL, right TEXT NOT NULL, choice TEXT NOT NULL CHECK (choice IN {CHOICES}), seconds REAL,
    voted_at REAL NOT NULL, taken_back INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX one_vote_each ON votes (voter, duel) WHERE NOT taken_back;
"""


@dataclass(frozen=True, slots=True)
class Voter:
    """Someone who votes; `number` counts from 1 in the order of arrival. Who has ended votes no more."""

    number: int
    name: str
    ended: bool


@dataclass(frozen=True, slots=True)
class Vote:
    """One standing vote. `left` and `right` name the systems; `seconds` is None where the page did not measure it."""

    voter: int
    duel: str
    item: str
    left: str
    right: str
    choice: Choice
    seconds: float | None


class Votes:
    """The votes of one run. Open it with `Votes(path, items_sha256)`; close it when done."""

    def __init__(self, path: Path, items_sha256: str, wait_seconds: float = WAIT_SECONDS) -> None:
        self.path = path
        self.wait_seconds = wait_seconds
        self._lock = threading.Lock()
        with self._named():
            path.parent.mkdir(exist_ok=True)
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))  # names stand in it: for this account alone
            self._connection = sqlite3.connect(
                path, timeout=wait_seconds, isolation_level=None, check_same_thread=False
            )
            try:
                self._prepare(items_sha256)
            except BaseException:
                self._connection.close()
                raise

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def enter(self, name: str, now: float) -> Voter:
        """Give the voter of this name; a new name gets the next number."""
        with self._transaction() as connection:
            connection.execute("INSERT INTO voters (name, joined_at) VALUES (?, ?) ON CONFLICT DO NOTHING", (name, now))
            found = _voter(connection, name)
            assert found is not None  # it was just stored
            return found

    def voter(self, name: str) -> Voter | None:
        """Give the voter of this name, if there is one."""
        with self._transaction("DEFERRED") as connection:
            return _voter(connection, name)

    def cast(self, vote: Vote, now: float) -> bool:
        """Store a vote; False when this voter has judged the duel before, or has ended."""
        values = (vote.voter, vote.duel, vote.item, vote.left, vote.right, vote.choice, vote.seconds, now)
        with self._transaction() as connection:
            found = connection.execute(
                "INSERT INTO votes (voter, duel, item, left, right, choice, seconds, voted_at)"
                " SELECT ?, ?, ?, ?, ?, ?, ?, ? WHERE EXISTS"
                " (SELECT 1 FROM voters WHERE number = ? AND ended_at IS NULL) ON CONFLICT DO NOTHING",
                (*values, vote.voter),
            )
            return found.rowcount == 1

    def take_back(self, voter: int) -> bool:
        """Mark the voter's last standing vote as taken back; False when there is none, or the voter has ended."""
        with self._transaction() as connection:
            found = connection.execute(
                "UPDATE votes SET taken_back = 1 WHERE number ="
                " (SELECT max(number) FROM votes WHERE voter = ? AND NOT taken_back)"
                " AND EXISTS (SELECT 1 FROM voters WHERE number = ? AND ended_at IS NULL)",
                (voter, voter),
            )
            return found.rowcount == 1

    def end(self, voter: int, now: float) -> None:
        """Close the voter's vote for good."""
        with self._transaction() as connection:
            connection.execute("UPDATE voters SET ended_at = ? WHERE number = ? AND ended_at IS NULL", (now, voter))

    def of(self, voter: int) -> list[Vote]:
        """List a voter's standing votes, the last one last."""
        return self._read("WHERE voter = ? AND NOT taken_back", (voter,))

    def all(self) -> list[Vote]:
        """List every standing vote, in the order in which they were cast."""
        return self._read("WHERE NOT taken_back", ())

    def _read(self, where: str, values: tuple[int, ...]) -> list[Vote]:
        fields = "voter, duel, item, left, right, choice, seconds"
        query = f"SELECT {fields} FROM votes {where} ORDER BY number"
        with self._transaction("DEFERRED") as connection:
            return [Vote(*row) for row in connection.execute(query, values)]

    def _prepare(self, items_sha256: str) -> None:
        connection = self._connection
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA synchronous = FULL")
        mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        if mode != "wal":
            raise MachineError(
                f"{self.path}: this file system holds no write-ahead log, SQLite offers `{mode}`",
                "copy the run folder to a local disk",
            )
        with self._transaction():
            schema = connection.execute("PRAGMA user_version").fetchone()[0]
            if schema == 0 and not connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                for statement in _TABLES.split(";\n"):
                    connection.execute(statement)
                connection.execute("INSERT INTO facts VALUES (?)", (items_sha256,))
                connection.execute(f"PRAGMA user_version = {SCHEMA}")
            elif schema != SCHEMA:
                raise DataError(
                    f"{self.path}: schema is {schema}, wanted {SCHEMA}",
                    "it was written by another version of tuner, or by another program; move it away to begin anew",
                )
            (about,) = connection.execute("SELECT items_sha256 FROM facts").fetchone()
        if about != items_sha256:
            raise DataError(
                f"{self.path}: its votes are about items {about[:12]}, this run has {items_sha256[:12]}",
                "the file is another run's; move it away to begin anew",
            )

    @contextmanager
    def _transaction(self, kind: Literal["IMMEDIATE", "DEFERRED"] = "IMMEDIATE") -> Iterator[sqlite3.Connection]:
        """Hold the file for one change, of which all or nothing is stored; `DEFERRED` reads and waits for nobody."""
        with self._lock, self._named():
            self._connection.execute(f"BEGIN {kind}")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Turn what SQLite and the disk say into a message."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise _message(self.path, error, self.wait_seconds) from None


def _voter(connection: sqlite3.Connection, name: str) -> Voter | None:
    row = connection.execute("SELECT number, name, ended_at IS NOT NULL FROM voters WHERE name = ?", (name,)).fetchone()
    return None if row is None else Voter(row[0], row[1], bool(row[2]))


def _message(path: Path, error: sqlite3.Error | OSError, waited: float) -> TunerError:
    if isinstance(error, OSError):
        return MachineError(f"{path}: cannot be written: {error.strerror}", "votes need a folder that can be written")
    kind = getattr(error, "sqlite_errorname", "")
    if kind.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return RunError(
            f"{path}: another program has held it locked for {waited:g} s",
            "close what has it open, such as a database browser; votes that were confirmed are kept",
        )
    if kind.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
        return DataError(f"{path}: not a sound SQLite database: {error}", "restore it, or move it away to begin anew")
    if kind.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_READONLY", "SQLITE_CANTOPEN")):
        return MachineError(f"{path}: cannot be written: {error}", "votes need a folder that can be written")
    raise error
