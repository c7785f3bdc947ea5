"""Answers that people collected by hand, as a system: one JSON object a line.

    {"item_id": "0123456789abcdef", "text": "max(width, 1)"}
    {"item_id": "fedcba9876543210", "text": "", "latency_ms": 412}

In: the file and the frozen items. Out: a prediction for each line, its text cut where every system's is; items
without a line are void `not_asked`. An empty text is an answer: nothing was suggested. Refused, with file and
line: what is no such object, items that are not frozen, and items that have a line already.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tuner.errors import DataError
from tuner.evaluate.replay import Replay, target_bytes
from tuner.records import Item, Prediction
from tuner.truncation import cut

MOST_MS = 3_600_000
LINE = '{"item_id": "...", "text": "..."}, with "latency_ms" if it was measured'


class Imported(Replay):
    """The answers in a file under the name `name`."""

    def __init__(self, name: str, path: Path) -> None:
        super().__init__(name, {"imported": path.name})
        self._path = path

    def read(self, items: Mapping[str, Item]) -> Mapping[str, Prediction]:
        """Read the answers, a line each."""
        return _read(self._path, items)


def _read(path: Path, items: Mapping[str, Item]) -> dict[str, Prediction]:
    if not path.is_file():
        raise DataError(f"{path}: no such file", "compare.imported names files of answers, by a name of your choice")
    known: dict[str, Prediction] = {}
    first: dict[str, int] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        if not line.strip():
            continue
        where = f"{path}:{number}"
        ident, text, latency = _fields(line, where)
        item = items.get(ident)
        if item is None:
            raise DataError(
                f"{where}: item {ident!r} is none of the {len(items)} frozen items",
                "take the ids from data/eval_items.jsonl of the run",
            )
        if ident in known:
            raise DataError(f"{where}: item {ident} has an answer already, in line {first[ident]}", "keep one of them")
        first[ident] = number
        known[ident] = Prediction(ident, text, cut(item, text), None, target_bytes(item), None, latency, None)
    return known


def _fields(line: bytes, where: str) -> tuple[str, str, float | None]:
    try:
        values: Any = json.loads(line)
    except ValueError as error:  # bytes that are no JSON, or no text at all
        raise DataError(f"{where}: not JSON: {getattr(error, 'msg', 'not UTF-8')}", f"each line is {LINE}") from None
    if not isinstance(values, dict):
        raise DataError(f"{where}: {_shown(values)} is no object", f"each line is {LINE}")
    for key in values:
        if key not in ("item_id", "text", "latency_ms"):
            raise DataError(f"{where}: unknown key `{key}`", f"each line is {LINE}")
    for key in ("item_id", "text"):
        if not isinstance(values.get(key), str):
            seen = _shown(values[key]) if key in values else "missing"
            raise DataError(f"{where}: `{key}` is {seen}, wanted a string", f"each line is {LINE}")
    latency = values.get("latency_ms")
    if latency is not None and not _is_duration(latency):
        raise DataError(f"{where}: `latency_ms` is {_shown(latency)}, wanted milliseconds", f"each line is {LINE}")
    return values["item_id"], values["text"], None if latency is None else float(latency)


def _is_duration(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < MOST_MS


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:60] + "…"
