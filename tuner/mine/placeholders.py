"""What was found in a text, and what is written in its place.

In: findings, by character offsets. Out: the text with a stand-in for each. A secret becomes its provider's prefix
where it has one, then `REDACTED`, a short tag of its type where the length allows, and characters of the same classes:
as long as it was (8 at least) and the same for the same value. Addresses become ones that RFC 2606, 5737 and 3849
reserve, another one for each value as far as those reach. No rule finds a stand-in, so redacting twice changes nothing
more.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

MARK = "REDACTED"
PLACEHOLDER_EMAIL = re.compile(r"\buser\d{5}@example\.com\b")
PLACEHOLDER_IPV4 = ("192.0.2.", "198.51.100.", "203.0.113.")
HOSTS = 254  # of each of these networks
PLACEHOLDER_IPV6 = "2001:db8::"
PLACEHOLDER_PERSON = "Someone"
_ESCAPE = re.compile(r"\\(?:u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|.)")


@dataclass(frozen=True, slots=True)
class Finding:
    """One secret or personal detail in a text. `is_shape` marks shapes that only a provider issues.

    `prefix` is the public beginning that the stand-in keeps; `tag` says the type where there is no such beginning.
    """

    kind: str
    start: int
    end: int
    is_shape: bool
    prefix: str = ""
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text that is safe to keep, and what was taken out of it."""

    text: str
    counts: dict[str, int]
    shapes: int


def lower(text: str) -> str:
    """Lower the case without moving any character: a dotted capital I would become two."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else text.replace("\u0130", "i").lower()


def without_overlaps(findings: Iterable[Finding]) -> list[Finding]:
    """Sort by place; of two that overlap, keep the one that starts first, then the longer one."""
    kept: list[Finding] = []
    for each in sorted(findings, key=lambda each: (each.start, -each.end)):
        if not kept or each.start >= kept[-1].end:
            kept.append(each)
    return kept


def replace(text: str, findings: list[Finding], counts: Counter[str]) -> str:
    """Write the stand-ins over findings that are in order and apart, and count them by kind."""
    pieces, position = [], 0
    for each in findings:
        pieces += [text[position : each.start], stand_in(each, text[each.start : each.end])]
        position = each.end
        counts[each.kind] += 1
    return "".join(pieces) + text[position:]


def stand_in(finding: Finding, value: str) -> str:
    """Give what is written in place of the value."""
    if finding.kind == "email":
        return f"user{int.from_bytes(_digest(value.lower())[:4], 'big') % 100_000:05}@example.com"
    if finding.kind == "ip_address":
        number = int.from_bytes(_digest(value)[:2], "big")
        if ":" in value:
            return f"{PLACEHOLDER_IPV6}{number or 1:x}"
        return f"{PLACEHOLDER_IPV4[number // HOSTS % len(PLACEHOLDER_IPV4)]}{number % HOSTS + 1}"
    if finding.kind == "phone":
        return _phone(value)
    if finding.kind == "person":  # a login stays one lower-case word
        return PLACEHOLDER_PERSON if value[:1].isupper() or " " in value else PLACEHOLDER_PERSON.lower()
    if finding.kind == "url_password":  # punctuation before the @ would look like the start of an address
        value = re.sub(r"[^A-Za-z0-9]", "x", value)
    return placeholder(value, finding.prefix, finding.tag)


def placeholder(value: str, prefix: str = "", tag: str = "") -> str:
    """Give the stand-in of a secret: of its length (8 at least) and classes, and the same for the same value."""
    digest = _digest(value)
    escaped = {place for match in _ESCAPE.finditer(value) for place in range(match.start() + 1, match.end())}
    shaped = []
    for index, character in enumerate(value):
        byte = digest[index % len(digest)]
        if index in escaped:  # the n of a \n stays, so that the string around it stays one
            shaped.append(character)
        elif character.isascii() and character.isalpha():
            letter = "abcdefghijklmnopqrstuvwxyz"[byte % 26]
            shaped.append(letter.upper() if character.isupper() else letter)
        elif character.isdigit():
            shaped.append("0123456789"[byte % 10])
        else:
            shaped.append(character)
    prefix = prefix if len(prefix) + len(MARK) <= len(value) and value.startswith(prefix) else ""
    return prefix + _with_mark("".join(shaped[len(prefix) :]), tag)


def _with_mark(shaped: str, tag: str) -> str:
    """Write mark and tag over the first characters, but never over a line break."""
    start = next((index for index, character in enumerate(shaped) if not character.isspace()), 0)
    line = shaped[start:].split("\n", 1)[0]
    mark = MARK + tag if len(line) >= len(MARK) + len(tag) + 2 else MARK
    return shaped[:start] + mark + line[len(mark) :] + shaped[start + len(line) :]


def _phone(value: str) -> str:
    """Give a number of the fictional 555-01 range, with the signs between the digits where they were."""
    count = sum(character.isdigit() for character in value)
    digits = ("155501" if value.startswith("+") else "55501") + "".join(str(byte % 10) for byte in _digest(value))
    replaced = iter(digits[:count])
    return "".join(next(replaced) if character.isdigit() else character for character in value)


def _digest(value: str) -> bytes:
    return hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()
