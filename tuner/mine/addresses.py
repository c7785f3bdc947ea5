"""E-mail addresses, public IP addresses and telephone numbers in code, comments and messages.

Out: findings of the kinds `email`, `ip_address` and `phone`. Left alone: reserved domains, addresses that no one
outside can reach (private, loopback, documentation), netmasks, version numbers, and made-up telephone numbers.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from tuner.mine.placeholders import MARK, Finding

LOCAL, DOMAIN = 64, 255  # the longest parts of an address, RFC 5321
EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+/$-])([A-Za-z0-9_%+][A-Za-z0-9._%+-]{0,63})@((?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.){1,6}[A-Za-z]{2,24})(?![A-Za-z0-9-])"
)
_AT = re.compile(r"@(?=[A-Za-z0-9])(?<=[A-Za-z0-9_%+.-]@)")
# `ann at example dot com`, `ann [at] example.com`, `ann (at) example (dot) com`
_DOT = r"(?:[ ]?[\[(]dot[\])][ ]?|[ ]dot[ ])"
_ENDING = r"(?:[a-z]{2}|com|org|net|edu|gov|mil|int|info|biz|dev|app|name|pro|tech|cloud|online|software|email)"
SPELT_EMAIL = re.compile(
    rf"(?<![\w.@-])[A-Za-z0-9][\w.+-]{{0,63}}(?:[ ]at[ ]|[ ]?[\[(]at[\])][ ]?)"
    rf"(?:[\w-]{{1,62}}(?:{_DOT}|\.)){{1,4}}{_ENDING}(?![\w@-])",
    re.IGNORECASE,
)
_SPELT_AT = tuple(
    re.compile(each)
    for each in (r" at (?=[\w.-]{1,62}(?: dot |[ ]?[\[(]dot))", r" AT (?=[\w-]{1,62}\.)", r"\(at\)", r"\[at\]")
)
# RFC 2606 names, remote names of git, and pictures such as icon@2x.png
RESERVED_DOMAIN = re.compile(r"(^|\.)(example\.(com|org|net|edu)|example|test|invalid|localhost|local)$", re.IGNORECASE)
NO_DOMAIN = re.compile(
    r"\.(png|jpe?g|gif|svg|webp|ico|css|js|ts|tsx|py|rs|go|json|md|html|sh)$|^(self|this|np|torch|jnp|tf)\.",
    re.IGNORECASE,
)

_DOTTED = re.compile(r"\.\d{1,3}\.\d{1,3}(?!\d)")
_IPV4 = re.compile(r"(?<![\w.+~^-])(?<![^/:]/)(?<!v)\d{1,3}(?:\.\d{1,3}){3}(?![\w-]|\.\w)")
_IPV4_SPAN = 15
_VERSION_BEFORE = re.compile(
    r"(?:[=<>~^!]=|[<>~^]|\b(?:ver|version|release|since|python|oid|section)\W{0,3})\s*['\"]?$", re.IGNORECASE
)
_VERSION_LINE = re.compile(
    r"versi?on|release|\bsemver\b|upgrad|changelog|\boid\b|\bsection\b|\brev\b|assembly|"
    r"\$Id|,v[ ]|\b(?:C|C\+\+|ISO|RFC|IEEE|ECMA)[ -]?\d",
    re.IGNORECASE,
)
_NETWORK_LINE = re.compile(
    r"\b(?:ip(?:v4|s|_?addr\w*)?|addr\w*|hosts?|host_?name|servers?|dns|nameserver|gateway|bind|listen|connect\w*|ping|ssh|"
    r"inet|remote|proxy|peer|allow|deny|subnet|network|cidr|firewall|whitelist|blacklist|dig|curl)(?:\b|_)|"
    r"_(?:ip|host|addr\w*)\b",
    re.IGNORECASE,
)
_IPV6_COLON = re.compile(r":[0-9A-Fa-f]{1,4}:")
_IPV6 = re.compile(r"(?<![\w:.])[23][0-9A-Fa-f]{3}:[0-9A-Fa-f:]{3,34}(?:\d{1,3}(?:\.\d{1,3}){3})?(?![\w:])")

_INTERNATIONAL = re.compile(
    r"\+[1-9]\d{0,2}(?<![\w)\]+]\+\d)(?<![\w)\]+]\+\d\d)(?<![\w)\]+]\+\d\d\d)[\d ().-]{6,18}\d(?!\w|[.,]\d)"
)
_PHONE_WORDS = tuple(
    re.compile(each) for each in ("phone", r"tel(?<![a-z]tel)", r"mobile(?<![a-z]mobile)", "whatsapp", "fax")
)
_PHONE_AFTER = re.compile(
    r"(?i:[ _-]?(?:number|num|no))?\.?['\"]?[ \t]{0,3}[:=]{0,2}[ \t]{0,3}['\"]?(\(?\d[\d ().-]{5,18}\d)(?!\w|[.,:]\d)"
)
_DATE = re.compile(r"(?:19|20)\d\d[.-][01]?\d[.-][0-3]?\d|[0-3]?\d[.-][01]?\d[.-](?:19|20)\d\d")


def find_addresses(text: str, lowered: str) -> Iterator[Finding]:
    """Yield e-mail addresses, public IP addresses and telephone numbers; they may overlap."""
    yield from _emails(text)
    if "." in text:
        yield from _ipv4(text)
    if ":" in text:
        yield from _ipv6(text)
    yield from _phones(text, lowered)


def _emails(text: str) -> Iterator[Finding]:
    done = 0
    for at in _AT.finditer(text):  # the pattern itself is slow, so it sees only the surroundings of an @
        if at.start() < done:
            continue
        match = EMAIL.search(text, max(done, at.start() - LOCAL - 1), at.end() + DOMAIN)
        if match and match.start(2) == at.end():
            done = match.end()
            if not (
                RESERVED_DOMAIN.search(match.group(2))
                or NO_DOMAIN.search(match.group(2))
                or _is_no_person(match.group(1))
            ):
                yield Finding("email", match.start(), match.end(), False)
    for sign in _SPELT_AT:
        for place in sign.finditer(text):
            match = SPELT_EMAIL.search(text, max(0, place.start() - LOCAL - 1), place.end() + DOMAIN)
            if match and match.start() < place.start() < match.end():
                yield Finding("email", match.start(), match.end(), False)


def _is_no_person(local: str) -> bool:
    # A redacted password stands before the @ of its URL; a patch writes a sign before a decorator.
    return local == "git" or MARK in local or not any(map(str.isalnum, local))


def _ipv4(text: str) -> Iterator[Finding]:
    done = 0
    for dots in _DOTTED.finditer(text):
        start = max(done, dots.start() - _IPV4_SPAN)
        match = _IPV4.search(text, start, dots.end() + _IPV4_SPAN) if dots.start() >= done else None
        if match and match.start() < dots.end():
            done = match.end()
            if _is_public(match.group()) and not _is_version(text, match):
                yield Finding("ip_address", match.start(), match.end(), False)


def _is_public(value: str) -> bool:
    try:
        address = ipaddress.ip_address(value)
    except ValueError:  # 999.1.1.1 or too many groups
        return False
    is_netmask = value.startswith("255.") or value.endswith(".0.0.0")
    return address.is_global and not address.is_multicast and not is_netmask


def _is_version(text: str, match: re.Match[str]) -> bool:
    """Four numbers are a version where the line says so, and where they are small and the line names no network."""
    start = text.rfind("\n", max(0, match.start() - 200), match.start()) + 1 or max(0, match.start() - 200)
    end = text.find("\n", match.end(), match.end() + 100)
    before, after = text[start : match.start()], text[match.end() : end if end >= 0 else match.end() + 100]
    if before.endswith("://") or re.match(r":\d{2,5}\b|/(?:[1-9]|[12]\d|3[012])\b", after):
        return False
    if _VERSION_BEFORE.search(before) or _VERSION_LINE.search(before) or _VERSION_LINE.search(after):
        return True
    groups = [int(each) for each in match.group().split(".")]
    return groups[0] < 20 and max(groups) < 100 and not _NETWORK_LINE.search(before)


def _ipv6(text: str) -> Iterator[Finding]:
    if not _IPV6_COLON.search(text):
        return
    for match in _IPV6.finditer(text):
        value = match.group().rstrip(":") if not match.group().endswith("::") else match.group()
        if sum(map(bool, value.split(":"))) >= 3 and _is_public(value):  # `x[2000::2]` is a slice
            yield Finding("ip_address", match.start(), match.start() + len(value), False)


def _phones(text: str, lowered: str) -> Iterator[Finding]:
    for match in _INTERNATIONAL.finditer(text):
        value = match.group()
        groups = re.findall(r"\d+", value)
        is_quoted = text[max(0, match.start() - 1) : match.start()] in ("'", '"', ":") or len(groups) >= 3
        if is_quoted and not _is_no_phone(value, 9):
            yield Finding("phone", match.start(), match.end(), False)
    for word in _PHONE_WORDS:
        for place in word.finditer(lowered):
            number = _PHONE_AFTER.match(text, place.end())
            if number and not _is_no_phone(number.group(1), 7):
                yield Finding("phone", number.start(1), number.end(1), False)


def _is_no_phone(value: str, least: int) -> bool:
    digits = re.sub(r"\D", "", value)
    # 555 is the exchange of films and tests; running digits are tests too
    is_made_up = digits.startswith("155501") or re.fullmatch(r"1?(\d{3})?555\d{4,}", digits) or "123456" in digits
    return bool(not least <= len(digits) <= 15 or is_made_up or _DATE.search(value) or len(set(digits)) < 4)
