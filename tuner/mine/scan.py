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
from tuner.mine.novelty import Searched
from tuner.mine.people import People
from tuner.mine.redact import Scanner, find_secrets
from tuner.mine.scanner import open_scanner
from tuner.mine.workers import Workers

BLOCK, OVERLAP = 5_000, 200  # lines of a text file in memory; the longest private key that a border may cut
SHOWN = 5
SHORTEST = 6  # characters; a shorter string holds nothing that a rule knows
LINES_PER_BATCH, FEW_LINES, CHARS_AT_ONCE = 200, 1_000, 50_000
APART = "\n\n\x00\n\n"  # strings that were never side by side must make no secret together


@dataclass(frozen=True, slots=True)
class Leak:
    """What was found in a written file: where, and of which kind."""

    path: Path
    line: int
    kind: str


def scan_file(
    path: Path, people: People | None = None, scanner: str = "none", workers: Workers | None = None
) -> Iterator[Leak]:
    """Yield what the file still holds, in order of lines. A line that is no JSON in a .jsonl file is a DataError."""
    with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
        if path.suffix != ".jsonl":
            for line, kind in _in_text(file, people, open_scanner(scanner)):
                yield Leak(path, line, kind)
            return
        search = LineSearch(people, scanner)
        kinds_of_lines = (workers or Workers(1)).map(search, file, LINES_PER_BATCH, few=FEW_LINES)
        for number, kinds in enumerate(kinds_of_lines, 1):
            if kinds is None:
                raise DataError(f"{path.name}, line {number} is no JSON", hint="mine again")
            yield from (Leak(path, number, kind) for kind in kinds)


def require_clean(
    paths: Iterable[Path], people: People | None = None, scanner: str = "none", workers: Workers | None = None
) -> None:
    """Raise a DataError that lists the first places where a file still holds a secret or a person's details."""
    leaks = [leak for path in paths for leak in islice(scan_file(path, people, scanner, workers), SHOWN)]
    if leaks:
        places = "; ".join(f"{leak.path.name}, line {leak.line}: {leak.kind}" for leak in leaks[:SHOWN])
        raise DataError(
            f"a secret or a person's details are left after redaction: {places}",
            hint="leave their source files out with SET='mine.exclude=[\"<path>\"]', and report the kind as a bug",
        )


@dataclass(frozen=True, slots=True)
class LineSearch:
    """Search a batch of JSON lines; goes to a worker process. Gives the kinds found in each line, None for no JSON."""

    people: People | None
    scanner: str

    def __call__(self, lines: list[str]) -> list[list[str] | None]:
        scanner = open_scanner(self.scanner)
        found: list[list[str] | None] = []
        searched = Searched()  # additions of one file repeat what stands around them
        texts_of_lines = [_texts(line) for line in lines]
        for some in _of_size(texts_of_lines):
            together = APART.join(text for texts in some for text in texts or ())
            # one search for many short strings
            new = (together,) if scanner is None else searched.new_pieces(together)
            is_clean = not any(find_secrets(each, self.people, scanner) for each in new)
            if is_clean and scanner is not None:
                searched.add(together)
            for texts in some:
                if texts is None:
                    found.append(None)
                    continue
                findings = (find_secrets(text, self.people, scanner) for text in texts if not is_clean)
                found.append([each.kind for several in findings for each in several])
        return found


def _texts(line: str) -> list[str] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    texts: list[str] = []
    _collect(value, texts)
    return texts


def _of_size(texts_of_lines: list[list[str] | None]) -> Iterator[list[list[str] | None]]:
    """Cut a list into runs of about `CHARS_AT_ONCE`."""
    some: list[list[str] | None] = []
    size = 0
    for texts in texts_of_lines:
        some.append(texts)
        size += sum(map(len, texts or ()))
        if size >= CHARS_AT_ONCE:
            yield some
            some, size = [], 0
    yield some


def _collect(value: Any, texts: list[str]) -> None:
    if isinstance(value, str):
        if len(value) >= SHORTEST:
            texts.append(value)
    elif isinstance(value, dict):
        for name, each in value.items():
            _collect(name, texts)
            _collect(each, texts)
    elif isinstance(value, list):
        for each in value:
            if type(each) is not int:  # as most are: the places of spans
                _collect(each, texts)


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
