"""Read `mined/pairs.jsonl` more than once without holding it: a checked scan first, single pairs by offset later.

In: the file of pairs. Out: each pair with the byte offset of its line. Nothing is dropped: a malformed line, a weight
outside of (0, 1], or a pair whose id is not the hash of its content stops with file and line.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

from tuner.errors import DataError
from tuner.records import Neighbour, Pair, from_json

ALTERED = "the file was altered; remove the run folder and repeat the command"


class PairFile:
    """A file of pairs, open for reading; use it in a `with` block."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise DataError(
                f"{path}: no such file", "run the stage that writes it again; `make verify RUN=...` says which"
            )
        self.path = path
        self.bytes = path.stat().st_size
        self._stream = path.open("rb")

    def __enter__(self) -> PairFile:
        return self

    def __exit__(self, *error: object) -> None:
        self._stream.close()

    def scan(self) -> Iterator[tuple[int, str, Pair]]:
        """Yield offset, `file:line` and the checked pair of every line."""
        offset = 0
        with self.path.open("rb") as stream:
            for number, line in enumerate(stream, 1):
                where = f"{self.path}:{number}"
                yield offset, where, _checked(line, where)
                offset += len(line)

    def at(self, offset: int) -> Pair:
        """Read one pair again; its line was checked by `scan`."""
        self._stream.seek(offset)
        values = json.loads(self._stream.readline())
        values["neighbours"] = [Neighbour(**each) for each in values["neighbours"]]
        return Pair(**values)


def altered(pair: Pair, **changes: object) -> Pair:
    """Make a pair with other texts, and so with another id, from the same place in history."""
    values = {field.name: getattr(pair, field.name) for field in dataclasses.fields(pair) if field.name != "id"}
    return Pair.make(**(values | changes))


def _checked(line: bytes, where: str) -> Pair:
    try:
        values = json.loads(line)
    except UnicodeDecodeError:
        raise DataError(f"{where}: not UTF-8", ALTERED) from None
    except json.JSONDecodeError as error:
        raise DataError(f"{where}: not JSON: {error.msg}", "the file was altered or cut short") from None
    pair = from_json(Pair, values, where)
    if not 0 < pair.weight <= 1:
        raise DataError(f"{where}: `weight` is {pair.weight}, wanted more than 0 and at most 1", ALTERED)
    wanted = altered(pair).id
    if pair.id != wanted:
        raise DataError(f"{where}: pair id is {pair.id}, but its content hashes to {wanted}", ALTERED)
    return pair
