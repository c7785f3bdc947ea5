"""Read what the repository's own `.gitattributes` say of a path: generated, vendored, documentation.

In: the folder and bytes of each `.gitattributes` file. Out: a reason for a path; it overrules the rules on paths, in
both directions. Patterns mean what they mean to git (gitattributes(5), `attr.c` and `wildmatch.c`): later lines and
deeper files win, `-` unsets, `!` leaves it unsaid, a folder's name alone marks nothing in it. Only for `name**/`, which
git documents as one star and matches as two, the document is followed. Matching is done here, not by `git check-attr`:
before git 2.40 that reads the work tree, and never another commit.

Not read: `[attr]` macros; `export-ignore`, which says what leaves a release archive and so mostly stands at tests, CI
and examples that people write; `linguist-detectable` and `linguist-language`, which are about a statistic.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from tuner.mine.languages import is_prose, language_of

MARKS = {
    "linguist-generated": "generated",
    "linguist-vendored": "vendored",
    "linguist-documentation": "documentation",
}
MAX_LINE_BYTES = 2048  # git passes over longer lines
BLANK = " \t\r"
NAME = re.compile(r"[A-Za-z0-9_.][-A-Za-z0-9_.]*")
CLASSES = {
    "alnum": b"A-Za-z0-9", "alpha": b"A-Za-z", "blank": rb" \t", "cntrl": rb"\x00-\x1f\x7f", "digit": b"0-9",
    "graph": rb"\x21-\x7e", "lower": b"a-z", "print": rb"\x20-\x7e", "punct": rb"!-/:-@\[-`{-~", "space": rb"\s",
    "upper": b"A-Z", "xdigit": b"A-Fa-f0-9",
}  # fmt: skip
ESCAPES = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, '"': 34, "\\": 92}
DOCUMENT_LANGUAGES = frozenset({"html", "css"})


@dataclass(frozen=True, slots=True)
class AttributeRule:
    """One line: which paths it is about, and what it says of each mark (None where it leaves it unsaid again)."""

    folder: bytes
    pattern: list[re.Pattern[bytes] | None]
    is_name: bool
    marks: dict[str, bool | None]

    def matches(self, path: bytes) -> bool:
        """Tell whether the line is about a path from the top of the repository."""
        if not path.startswith(self.folder):
            return False
        names = path[len(self.folder) :].split(b"/")
        return _matched(self.pattern, names[-1:] if self.is_name else names)


class Attributes:
    """What all `.gitattributes` files of one commit say."""

    def __init__(self, files: Iterable[tuple[str, bytes]]) -> None:
        """Take the folder (empty, or with a slash at its end) and the bytes of each file, in any order."""
        self.rules: list[AttributeRule] = []
        for folder, data in sorted(files, key=lambda each: each[0].count("/")):
            self.rules += attribute_rules(folder, data.decode("utf-8", "surrogateescape"))
        self.rules.reverse()

    def state(self, path: str, mark: str) -> bool | None:
        """Say whether a path is marked (`generated`, `vendored`, `documentation`), unmarked, or not spoken of."""
        data = _bytes(path)
        return next((rule.marks[mark] for rule in self.rules if mark in rule.marks and rule.matches(data)), None)

    def judge(self, path: str, reason: str | None) -> str | None:
        """Overrule what the gates on paths said: set a reason, or take it away where the path is unmarked."""
        if not self.rules:
            return reason
        if reason in ("vendored", "generated"):
            return None if self.state(path, reason) is False and language_of(path) is not None else reason
        if reason is not None:
            return reason
        for mark in ("vendored", "generated"):
            if self.state(path, mark):
                return mark
        language = language_of(path)
        # Marked as documentation, pages are mostly built ones; the examples in a documentation folder are code.
        is_page = language is not None and (is_prose(language) or language.name in DOCUMENT_LANGUAGES)
        return "documentation" if is_page and self.state(path, "documentation") else None


def attribute_rules(folder: str, text: str) -> list[AttributeRule]:
    """Read one `.gitattributes` file, in its order, without lines that git refuses or that are about other marks."""
    rules = []
    for line in text.removeprefix("\ufeff").split("\n"):
        line = line.strip(BLANK)
        if not line or line[0] == "#" or len(_bytes(line)) >= MAX_LINE_BYTES:
            continue
        pattern, rest = _first_field(line)
        marks = _marks(rest.split())
        if not marks or pattern.startswith(("[attr]", "!")) or pattern.endswith("/"):
            continue
        is_name = "/" not in pattern
        data = _bytes(pattern.removeprefix("/"))
        rules.append(AttributeRule(_bytes(folder), _components(data), is_name, marks))
    return rules


def _first_field(line: str) -> tuple[str, str]:
    """Split off the pattern, which may be quoted as in C."""
    if quoted := re.match(r'"((?:[^"\\]|\\.)*)"', line):
        data, sound = _unquoted(quoted[1])
        if sound:
            return data, line[quoted.end() :]
    pattern, *rest = re.split(rf"[{BLANK}]+", line, maxsplit=1)
    return pattern, rest[0] if rest else ""


def _unquoted(body: str) -> tuple[str, bool]:
    data = bytearray()
    for octal, letter, plain in re.findall(r"\\([0-3][0-7]{2})|\\(.)|([^\\]+)", body, re.DOTALL):
        if letter and letter not in ESCAPES:
            return "", False
        data += bytes([int(octal, 8)]) if octal else bytes([ESCAPES[letter]]) if letter else _bytes(plain)
    return data.decode("utf-8", "surrogateescape"), True


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _marks(fields: list[str]) -> dict[str, bool | None]:
    """Read the states of the marks on one line; nothing where git would refuse the line."""
    marks: dict[str, bool | None] = {}
    for field in fields:
        name, _, value = field[field[0] in "-!" :].partition("=")
        if not NAME.fullmatch(name):
            return {}
        if name in MARKS:
            marks[MARKS[name]] = None if field[0] == "!" else field[0] != "-" and value != "false"
    return marks


def _components(pattern: bytes) -> list[re.Pattern[bytes] | None]:
    """Cut a pattern at its slashes, and translate each piece; None stands for `**`, any number of folders."""
    pieces: list[list[bytes]] = [[]]
    place = 0
    while place < len(pattern):
        if pattern[place : place + 1] == b"[":
            matched, place = _bracket(pattern, place)
            pieces[-1].append(matched)
            continue
        place += pattern[place : place + 1] == b"\\"
        byte = pattern[place : place + 1]
        is_plain = pattern[place - 1 : place] == b"\\" and place > 0
        place += 1
        if byte == b"/":
            pieces.append([])
        elif byte == b"":  # a backslash at the end
            pieces[-1].append(b"(?!)")
        else:
            pieces[-1].append(re.escape(byte) if is_plain or byte not in b"*?" else byte)
    return [None if len(piece) > 1 and set(piece) == {b"*"} else _component(piece) for piece in pieces]


def _component(piece: list[bytes]) -> re.Pattern[bytes]:
    """Translate what stands between two slashes, from its parts of one byte each and its stars.

    What follows a star is searched for once, in an atomic group: the first place where it fits is as good as any later
    one, and a hostile pattern of many stars takes no exponential time.
    """
    head, *rest = _split_at_stars(piece)
    body = head
    for number, part in enumerate(rest, start=1):
        body += b".*" + part if number == len(rest) else b"(?>.*?" + part + b")"
    return re.compile(body, re.DOTALL)


def _split_at_stars(piece: list[bytes]) -> list[bytes]:
    runs = [b""]
    for number, part in enumerate(piece):
        if part != b"*":
            runs[-1] += b"[^/]" if part == b"?" else part
        elif number == 0 or piece[number - 1] != b"*":
            runs.append(b"")
    return runs


def _matched(pattern: list[re.Pattern[bytes] | None], names: list[bytes]) -> bool:
    """Match a path's names; only the last `**` passed is ever tried again, which is enough for stars of one kind."""
    at = name = 0
    retry: tuple[int, int] | None = None
    while name < len(names):
        part = pattern[at] if at < len(pattern) else re.compile(b"(?!)")
        if part is None:
            if at == len(pattern) - 1:
                return True
            retry = (at, name)
            at += 1
        elif part.fullmatch(names[name]):
            at, name = at + 1, name + 1
        elif retry is not None:
            at, name = retry[0] + 1, retry[1] + 1
            retry = (retry[0], name)
        else:
            return False
    return at == len(pattern)


def _bracket(pattern: bytes, place: int) -> tuple[bytes, int]:
    """Translate a bracket from its `[`; also give the place after its `]`. One without an end matches nothing."""
    place += 1
    negated = pattern[place : place + 1] in (b"!", b"^")
    place += negated
    body = b""
    first = True
    while first or pattern[place : place + 1] != b"]":
        first = False
        if match := re.compile(rb"\[:(\w*):\]").match(pattern, place):
            if match[1].decode() not in CLASSES:
                return b"(?!)", len(pattern)
            body += CLASSES[match[1].decode()]
            place = match.end()
            continue
        low, place = _member(pattern, place)
        if low is None:
            return b"(?!)", len(pattern)
        high = low
        if pattern[place : place + 1] == b"-" and pattern[place + 1 : place + 2] not in (b"]", b""):
            end, place = _member(pattern, place + 1)
            if end is None:
                return b"(?!)", len(pattern)
            high = end
        if low <= high:
            body += rb"\x%02x-\x%02x" % (low, high)
    inside = b"[" + (b"^" if negated else b"") + body + b"]" if body else (b"." if negated else b"(?!)")
    return b"(?:(?!/)" + inside + b")", place + 1


def _member(pattern: bytes, place: int) -> tuple[int | None, int]:
    place += pattern[place : place + 1] == b"\\"
    return (pattern[place], place + 1) if place < len(pattern) else (None, place)
