"""Read what was written once more, and stop the stage if anything is left that must not leave the machine.

In: finished files. Lines of JSON are decoded first and searched string by string, so that no escape hides a secret.
Other files are searched as text. A message names file, line and kind, and never the value.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from tuner.errors import DataError
from tuner.mine.people import People
from tuner.mine.redact import Scanner, find_secrets

BLOCK, OVERLAP = 5_000, 200  # lines of a text file in memory; the longest private key that a border may cut
SHOWN = 5


@dataclass(frozen=True, slots=True)
class Leak:
    """What was found in a written file: where, and of which kind."""

    path: Path
    line: int
    kind: str


def scan_file(path: Path, people: People | None = None, scanner: Scanner | None = None) -> Iterator[Leak]:
    """Yield what the file still holds, in order of lines. A line that is no JSON in a .jsonl file is a DataError."""
    with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
        found = _in_json(path, file, people, scanner) if path.suffix == ".jsonl" else _in_text(file, people, scanner)
        for line, kind in found:
            yield Leak(path, line, kind)


def require_clean(paths: Iterable[Path], people: People | None = None, scanner: Scanner | None = None) -> None:
    """Raise a DataError that lists the first places where a file still holds a secret or a person's details."""
    leaks = [leak for path in paths for leak in islice(scan_file(path, people, scanner), SHOWN)]
    if leaks:
        places = "; ".join(f"{leak.path.name}, line {leak.line}: {leak.kind}" for leak in leaks[:SHOWN])
        raise DataError(
            f"a secret or a person's details are left after redaction: {places}",
            hint="leave their source files out with SET='mine.exclude=[\"<path>\"]', and report the kind as a bug",
        )


def _in_json(path: Path, file: TextIO, people: People | None, scanner: Scanner | None) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(file, 1):
        try:
            record = json.loads(line)
        except ValueError as error:
            raise DataError(f"{path.name}, line {number} is no JSON", hint="mine again") from error
        for text in _strings(record):
            for each in find_secrets(text, people, scanner):
                yield number, each.kind


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for pair in value.items() for each in pair for text in _strings(each))
    elif isinstance(value, list):
        yield from (text for each in value for text in _strings(each))


def _in_text(file: TextIO, people: People | None, scanner: Scanner | None) -> Iterator[tuple[int, str]]:
    """Search block by block; each starts with the last lines of the one before, so that a border cuts no key."""
    last: deque[str] = deque(maxlen=OVERLAP)
    first = 1
    while block := list(islice(file, BLOCK)):
        text = "".join((*last, *block))
        carried = sum(map(len, last))
        for each in find_secrets(text, people, scanner):
            if each.end > carried:  # the rest was found in the block before
                yield first - len(last) + text.count("\n", 0, each.start), each.kind
        last.extend(block)
        first += len(block)
