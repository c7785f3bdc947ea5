"""Replace secrets and personal details by stand-ins of the same shape, so that code still parses.

In: text, and the names of the repository's authors where they are known. Out: the text without them, and how many of
each kind there were. No line is added or removed. Redacting twice changes nothing more.

Found are: shapes that providers document (`secret_rules`), values beside a word such as `password` (`keyword_rules`),
both also where a string is put together from pieces (`joined`), addresses (`addresses`) and persons (`people`).
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections import Counter
from collections.abc import Callable, Iterator

from tuner.mine.addresses import find_addresses
from tuner.mine.joined import find_joined
from tuner.mine.keyword_rules import find_by_keyword, is_parted, keyword_places
from tuner.mine.people import People, find_persons
from tuner.mine.placeholders import (
    MARK,
    Finding,
    Redacted,
    lower,
    placeholder,
    replace,
    without_overlaps,
)
from tuner.mine.quiet import QuietLines
from tuner.mine.secret_rules import BLOCK_ANCHORS, rules_for

__all__ = ["MARK", "Finding", "Redacted", "find_secrets", "placeholder", "redact"]

MAX_ROUNDS = 8
LINES_AROUND = 3  # more than any rule looks at beside the line on which it begins, private keys excepted
Scanner = Callable[[str], list[Finding]]


def find_secrets(text: str, people: People | None = None, scanner: Scanner | None = None) -> list[Finding]:
    """List what must not be kept, in order and without overlaps; stand-ins do not count."""
    plain, personal = _around_loud_lines(text)
    found = [*plain, *find_joined(text, _find_in_joined), *personal]
    if people is not None:
        found += people.find(text)
    if scanner is not None:
        found += scanner(text)
    return without_overlaps(found)


def redact(text: str, people: People | None = None, scanner: Scanner | None = None) -> Redacted:
    """Replace everything that `find_secrets` finds, until it finds nothing."""
    counts: Counter[str] = Counter()
    shapes = 0
    for _ in range(MAX_ROUNDS):  # a replacement can bring two pieces together that now look like one more
        findings = find_secrets(text, people, scanner)
        if not findings:
            return Redacted(text, dict(sorted(counts.items())), shapes)
        text = replace(text, findings, counts)
        shapes += sum(each.is_shape for each in findings)
    raise AssertionError(f"redaction does not settle: {Counter(each.kind for each in find_secrets(text, people))}")


def _around_loud_lines(text: str) -> tuple[list[Finding], list[Finding]]:
    """List secrets in one piece, and personal details, looking only at lines that hold what a rule begins with."""
    lines = text.split("\n")
    loud = _LINES.loud(lines)
    if is_parted(text) or any(anchor in lines[number] for number in loud for anchor in BLOCK_ANCHORS):
        return _find_all(text)
    plain: list[Finding] = []
    personal: list[Finding] = []
    at = done = 0
    for first, last in _ranges(loud, len(lines)):
        at += sum(map(len, lines[done:first])) + first - done
        done = first
        for found, all_found in zip(_find_in_piece("\n".join(lines[first:last])), (plain, personal), strict=True):
            all_found += [dataclasses.replace(each, start=each.start + at, end=each.end + at) for each in found]
    return plain, personal


def _ranges(numbers: list[int], count: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges of lines around the given ones, apart."""
    start = end = 0
    for number in numbers:
        if end and number - LINES_AROUND > end:
            yield start, end
            end = 0
        if not end:
            start = max(0, number - LINES_AROUND)
        end = min(count, number + LINES_AROUND + 1)
    if end:
        yield start, end


@functools.lru_cache(maxsize=2_048)
def _find_in_piece(text: str) -> tuple[list[Finding], list[Finding]]:
    return _find_all(text)


@functools.lru_cache(maxsize=2_048)
def _find_in_joined(text: str) -> list[Finding]:
    return _find_plain(text, lower(text))


def _find_all(text: str) -> tuple[list[Finding], list[Finding]]:
    lowered = lower(text)
    return _find_plain(text, lowered), [*find_addresses(text, lowered), *find_persons(text)]


def _places(text: str) -> Iterator[int]:
    """Give every place in a text at which something is found, or at which a search over several lines begins."""
    lowered = lower(text)
    for rule in rules_for(text):
        if not rule.is_block:
            yield from (match.start(1) for match in rule.pattern.finditer(text) if MARK not in match.group(1))
    for anchor in BLOCK_ANCHORS:
        yield from (match.start() for match in re.finditer(re.escape(anchor), text))
    yield from keyword_places(text, lowered)
    yield from (each.start for each in find_addresses(text, lowered))
    yield from (each.start for each in find_persons(text))


_LINES = QuietLines(_places)


def _find_plain(text: str, lowered: str) -> list[Finding]:
    """List the secrets that stand in one piece; they may overlap."""
    found = []
    for rule in rules_for(text):
        for match in rule.pattern.finditer(text):
            value = match.group(1)
            # Code that only names the header of a private key, such as a check for it, is none.
            if MARK not in value and not (rule.is_block and sum(map(str.isalnum, value)) < 32):
                found.append(Finding(rule.kind, match.start(1), match.end(1), True, rule.prefix, rule.tag))
    for keyword_rule, start, end in find_by_keyword(text, lowered):
        if MARK not in text[start:end]:
            found.append(Finding(keyword_rule.kind, start, end, False, "", keyword_rule.tag))
    return found
