"""Say which added lines and spans make an item, and where in a line a cursor may stand.

In: a line, or a span of an addition. Out: cursors, or the reason for leaving it out. No tokenizer is involved, so that
every base and every rival answers the same items.
"""

from __future__ import annotations

import re

from tuner.records import Addition, Span

FEWEST_VISIBLE = 6
LONGEST_LINE = 160
FEWEST_LEFT = 3  # visible characters after the cursor
FEWEST_TYPED = 2  # characters of a word before a cursor inside it
LEXEME = re.compile(r"\w+|[^\w\s]")
WORD = re.compile(r"[^\W_]\w*|_\w+")
REDACTED = re.compile(
    r"REDACTED|user\d*@example\.com|192\.0\.2\.|198\.51\.100\.|203\.0\.113\.|2001:db8::|\b[Ss]omeone\b"
)  # as the mine room marks what it replaced


def fault_of(line: str) -> str | None:
    """Say why an added line makes no item; None when it makes one."""
    visible = _visible(line)
    if visible < FEWEST_VISIBLE:
        return "short"
    if len(line.rstrip()) > LONGEST_LINE:
        return "long"
    if not any(each.isalnum() for each in line):
        return "no_word"
    if REDACTED.search(line):
        return "redacted"
    return None


def boundary_cursors(line: str) -> list[int]:
    """List the cursors between lexemes, the one after the indentation included."""
    edges = {place for match in LEXEME.finditer(line) for place in match.span()}
    return _with_enough_left(line, sorted(edges))


def inside_cursors(line: str) -> list[int]:
    """List the cursors inside words and numbers, after two or more of their characters."""
    return _with_enough_left(
        line, [at for match in WORD.finditer(line) for at in range(match.start() + FEWEST_TYPED, match.end())]
    )


def asked_lines(addition: Addition, span: Span) -> list[str]:
    """Give the lines that tell something of those that a span stands in, stripped; none where one makes no item."""
    first = addition.added.rfind("\n", 0, span.start) + 1
    lines = [line.strip() for line in addition.added[first : span.end].split("\n")]
    if any(REDACTED.search(line) or len(line) > LONGEST_LINE for line in lines):
        return []
    if span.kind == "call" and _visible(addition.added[span.start : span.end]) < FEWEST_LEFT:
        return []
    return [line for line in lines if fault_of(line) is None]


def lines_of(text: str) -> list[str]:
    """Split at newlines only, keeping them: `splitlines` also splits at form feeds, which occur within lines."""
    return re.findall(r"[^\n]*\n|[^\n]+", text)


def _with_enough_left(line: str, cursors: list[int]) -> list[int]:
    return [at for at in cursors if _visible(line[at:]) >= FEWEST_LEFT]


def _visible(text: str) -> int:
    return sum(not each.isspace() for each in text)
