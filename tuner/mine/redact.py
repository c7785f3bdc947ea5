"""Replace secrets and personal details by stand-ins of the same shape, so that code still parses.

In: text, and the names of the repository's authors where they are known. Out: the text without them, and how many of
each kind there were. No line is added or removed. Redacting twice changes nothing more.

Found are: shapes that providers document (`secret_rules`), values beside a word such as `password` (`keyword_rules`),
both also where a string is put together from pieces (`joined`), addresses (`addresses`) and persons (`people`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from tuner.mine.addresses import find_addresses
from tuner.mine.joined import find_joined
from tuner.mine.keyword_rules import find_by_keyword
from tuner.mine.people import People, find_persons
from tuner.mine.placeholders import (
    MARK,
    PLACEHOLDER_EMAIL,
    Finding,
    Redacted,
    lower,
    placeholder,
    replace,
    without_overlaps,
)
from tuner.mine.secret_rules import rules_for

__all__ = ["MARK", "PLACEHOLDER_EMAIL", "Finding", "Redacted", "find_secrets", "placeholder", "redact"]

MAX_ROUNDS = 8
Scanner = Callable[[str], list[Finding]]


def find_secrets(text: str, people: People | None = None, scanner: Scanner | None = None) -> list[Finding]:
    """List what must not be kept, in order and without overlaps; stand-ins do not count."""
    lowered = lower(text)
    found = _find_plain(text, lowered)
    found += find_joined(text, lambda piece: _find_plain(piece, lower(piece)))
    found += find_addresses(text, lowered)
    found += find_persons(text)
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
