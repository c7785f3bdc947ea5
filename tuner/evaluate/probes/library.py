"""Take a fixed sample of Python's standard library: unrelated code that lies on every machine that runs this program.

In: how many pieces, and which part. Out: pieces of whole lines, one from each of as many modules, from places that a
fixed seed chooses. So the same interpreter gives the same pieces for every base, tokenizer, repository and recipe; an
interpreter of another version has another library, which the hash tells. Left out: modules that this interpreter does
not have, and lines that alone are longer than a piece.

The two parts share no module. What is chosen on `choice` can be judged on `gate`.
"""

from __future__ import annotations

import hashlib
import platform
import random
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tuner.errors import MachineError

SEED = 17  # not the recipe's: another would make figures of two runs unlike
CHARS = 480  # of a piece, about 130 tokens
FEWEST = 2  # modules without which there is no interval
Part = Literal["gate", "choice"]
# Plain Python that has been in the library for many versions, in no order that matters; every second one is `choice`.
MODULES = """
argparse ast asyncio/base_events asyncio/queues bdb bisect calendar cmd code codecs collections/__init__ compileall
concurrent/futures/_base configparser contextlib copy csv dataclasses difflib dis doctest email/message
email/header enum fileinput fractions ftplib functools gettext gzip heapq html/parser http/client http/cookies imaplib
inspect ipaddress json/decoder json/encoder locale logging/__init__ logging/handlers mailbox mimetypes
multiprocessing/pool netrc optparse os pdb pickle plistlib poplib pprint queue random sched shelve shlex
shutil smtplib socketserver statistics string subprocess tarfile tempfile textwrap threading timeit tokenize trace
traceback types typing unittest/case unittest/mock urllib/parse urllib/request uuid wave weakref xml/dom/minidom
""".split()  # noqa: SIM905 - ninety quoted names are no easier to read


@dataclass(frozen=True, slots=True)
class Sample:
    """Pieces as (path, first line, text), with the interpreter's version and the hash of all of it."""

    python: str
    sha256: str
    pieces: list[tuple[str, int, str]]


def sample(count: int, part: Part, folder: Path | None = None) -> Sample:
    """Take `count` pieces, or as many as there are; `folder` is the interpreter's own library if not given."""
    folder = folder or Path(sysconfig.get_path("stdlib"))
    pieces: list[tuple[str, int, str]] = []
    for module in MODULES[("gate", "choice").index(part) :: 2]:
        path = folder / f"{module}.py"
        if len(pieces) < count and path.is_file():
            lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
            found = _piece(lines, random.Random(f"{SEED}/{module}"))
            if found is not None:
                pieces.append((f"{module}.py", *found))
    if len(pieces) < FEWEST:
        raise MachineError(
            f"{folder}: {len(pieces)} modules of Python's standard library with their source, wanted {FEWEST}",
            "use an interpreter that comes with it, or SET=evaluate.probes.library_pieces=0",
        )
    digest = hashlib.sha256("".join(f"{path}:{line}\n{text}" for path, line, text in pieces).encode())
    return Sample(platform.python_version(), digest.hexdigest(), pieces)


def _piece(lines: list[str], draw: random.Random) -> tuple[int, str] | None:
    """Take whole lines from a random one on, in the middle half of the file: no licence, and enough of them left."""
    start = draw.randrange(max(1, len(lines) // 2)) + len(lines) // 4
    text = ""
    for line in lines[start:]:
        if len(text) + len(line) > CHARS:
            break
        text += line
    return (start + 1, text) if text.strip() else None
