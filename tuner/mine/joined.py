"""Secrets in strings that code puts together: `"AKIA" + "..."`, `"..." \\` on two lines, `'...' . '...'`.

The statement is read as if its pieces were one string. Out: one finding for each piece, so that every piece is replaced
where it stands and the statement stays a statement.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from tuner.mine.placeholders import Finding

# Alternatives that start with a letter each, and no `\\?`, let the search jump from one such letter to the next.
_JOINT = re.compile(
    r"(\"|'|\\\"|\\')[ \t]*(?:(?:\+|\.\.?|&|<<|\\)[ \t]*(?:\r?\n[ \t]*)?|\r?\n[ \t]*(?:\+[ \t]*|\.[ \t]*)?)[rbuf]?\1"
)
_REACH = 200  # characters before the first joint and after the last one


def find_joined(text: str, find: Callable[[str], list[Finding]]) -> Iterator[Finding]:
    """Yield the pieces of what `find` sees only when the strings around each joint are read as one."""
    for joints in _runs(text):
        low, high = max(0, joints[0][0] - _REACH), min(joints[-1][1] + _REACH, len(text))
        before, after = text.rfind("\n", low, joints[0][0]), text.find("\n", joints[-1][1], high)
        start, end = before + 1 if before >= 0 else low, after if after >= 0 else high
        pieces = _between(start, end, joints)
        for found in find("".join(text[a:b] for a, b in pieces)):
            parts = list(_parts(pieces, found))
            if len(parts) > 1:
                for a, b in parts:
                    if text[a:b] != found.prefix and b > a:
                        prefix = found.prefix if text.startswith(found.prefix, a) else ""
                        yield Finding(found.kind, a, b, found.is_shape, prefix, found.tag)


def _runs(text: str) -> Iterator[list[tuple[int, int]]]:
    """Yield the joints of a statement together: those with no more than one string between them."""
    run: list[tuple[int, int]] = []
    for match in _JOINT.finditer(text):
        if run and (match.start() - run[-1][1] > _REACH or "\n" in text[run[-1][1] : match.start()]):
            yield run
            run = []
        run.append(match.span())
    if run:
        yield run


def _between(start: int, end: int, joints: list[tuple[int, int]]) -> list[tuple[int, int]]:
    edges = [start, *(edge for joint in joints for edge in joint), end]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _parts(pieces: list[tuple[int, int]], found: Finding) -> Iterator[tuple[int, int]]:
    """Give the places in the text of a finding in the joined pieces."""
    offset = 0
    for start, end in pieces:
        low, high = max(found.start - offset, 0), min(found.end - offset, end - start)
        if low < high:
            yield start + low, start + high
        offset += end - start
