"""Put measured text between two marks of a document, so that no figure in it is typed.

In: a file with the lines `<!-- name -->` and `<!-- /name -->`. Out: the same file with other lines between them.
"""

from __future__ import annotations

from pathlib import Path

from tuner.errors import DataError
from tuner.rundir import write_atomically


def require_marks(path: Path, name: str) -> None:
    """Refuse a file that could not be filled: before the measuring, which takes its time."""
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    first, second = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    if second not in text.partition(first)[2]:
        raise DataError(
            f"{path}: no lines {first.strip()} and {second}, one after the other", "write both where the figures belong"
        )


def fill(path: Path, name: str, text: str) -> None:
    """Replace what stands between the marks of this name."""
    require_marks(path, name)
    first, second = f"<!-- {name} -->\n", f"<!-- /{name} -->"
    before, begin, rest = path.read_text(encoding="utf-8").partition(first)
    _, end, after = rest.partition(second)
    write_atomically(path, before + begin + text + end + after)
