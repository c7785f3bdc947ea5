"""Judge whether a value beside a keyword is a secret, or only a name, a template, a digest or a stand-in.

Entropy counts here and only here. Each function takes the name before the value and the value, and says whether it is
harmless; which one applies depends on the place, since bare text holds names where quotes hold values.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections import Counter

HEX_DIGEST = re.compile(
    r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})", re.IGNORECASE
)
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
DIGEST_NAME = re.compile(r"hash|digest|sha\d|md5|checksum|etag|revision|commit|integrity|fingerprint", re.IGNORECASE)
KEY_NAME = re.compile(r"(?:^|_|-)(?:api|access|private|secret|auth)[_-]?(?:key|token)|secret$", re.IGNORECASE)
# Templates, addresses, stand-ins, and names of things: words joined by one sign, or by capitals.
HARMLESS = re.compile(
    r"\$[{(]|^\$\w|<[^>]*>|\{[^}]*\}|%\(|%[-\d]*[sdrxv]|^[\[(].*[\])]$|\.\.\.|^(x+|\*+|\.+|-+|0+|1234\d*)$|^https?:/|"
    r"^[/.~]|^\w+\(|example|change[-_]?me|placeholder|your[-_]|dummy|^test|^fake|redacted|"
    r"(?-i:^[a-z]+([-_. :/][a-z]+)+$|^[A-Z]+(_[A-Z]+)+$|^[A-Za-z]?[a-z]*([A-Z][a-z]+)+$|^[a-zA-Z]{1,24}$|"
    r"^[A-Za-z_]+([./:-][A-Za-z_]{1,24}\d{0,2})+$)",
    re.IGNORECASE,
)
# What identifiers look like although they have digits: `token2`, `utf8_name`, `self.token1`, `argv[2]`, `a->b2`.
KNOWN_NUMBERED = re.compile(
    r"base(?:16|32|58|64)|utf_?(?:8|16|32)|sha_?\d{1,3}|md[45]|oauth_?[12]|x509|p12|pkcs_?\d{1,2}|u?int(?:8|16|32|64)|"
    r"float(?:32|64)|i18n|l10n|s3|ec2|http_?[123]|ipv[46]|v\d|ed25519|secp\d+\w\d|hs256|[re]s256|ansi\d|sqlite3|python3",
    re.IGNORECASE,
)
IDENTIFIER = re.compile(r"[@&*!-]*[A-Za-z_]+\d{0,2}(?:(?:\.|::|->?|/|:|\?\.)[A-Za-z_]*\d{0,2})*[-+.:!?*]*")
NO_VALUE = re.compile(r"[=~!|&?]|0x|\d+[a-z]{0,2}$|\d+[.,:]\d")
CAMEL = re.compile(r"[A-Z]{0,4}[a-z]{2,}\d{0,2}(?:_?\d{0,2}[A-Z]{1,5}[a-z]{2,}\d{0,2})+[A-Z]{0,4}")
SNAKE = re.compile(r"_*[A-Za-z]+\d{0,3}(?:[_-](?:[A-Za-z]+\d{0,3}|\d{1,3}))+")


def _entropy(value: str) -> float:
    """Give the bits per character that the value's own letters suggest."""
    total = len(value)
    return -sum(count / total * math.log2(count / total) for count in Counter(value).values())


def quoted_is_harmless(name: str, value: str) -> bool:
    """Judge a value in quotes after `name =`: its entropy decides, unless it looks like a name or a digest."""
    if HARMLESS.search(value):
        return True
    if HEX_DIGEST.fullmatch(value) or UUID.fullmatch(value):
        return _is_digest(name, value)
    if len(value) < 8:  # short ones only where letters and digits mix beside the word password itself
        return not (name.lower().startswith(("pass", "pwd")) and _mixes(value))
    return bool(KNOWN_NUMBERED.search(value) and _is_identifier(value)) or _entropy(value) < 2.9


def upper_is_harmless(name: str, value: str) -> bool:
    """Judge a value without quotes after an upper-case name, alone on its line as in an env file."""
    return (
        (len(value) < 12 and bare_is_harmless(name, value)) or quoted_is_harmless(name, value) or _entropy(value) < 3.0
    )


def bare_is_harmless(name: str, value: str) -> bool:
    """Outside of quotes a value stands where code has names: letters and digits must mix as in no identifier."""
    if HARMLESS.search(value):
        return True
    if HEX_DIGEST.fullmatch(value) or UUID.fullmatch(value):
        return _is_digest(name, value)
    if not _mixes(value):
        return not (value.endswith("=") and _is_base64_text(value))
    return _is_identifier(value) or _entropy(value) < 2.5 or bool(NO_VALUE.match(value))


def _mixes(value: str) -> bool:
    return bool(re.search(r"[A-Za-z]", value) and re.search(r"\d", value))


def _is_digest(name: str, value: str) -> bool:
    """A digest is a secret only under the name of a key."""
    return bool(DIGEST_NAME.search(name)) or not KEY_NAME.search(name) or _entropy(value) < 2.5


def _is_base64_text(value: str) -> bool:
    """Say whether the value is printable text in base64, as the secrets of Kubernetes are."""
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(decoded) >= 4 and decoded.isascii() and decoded.decode().strip().isprintable()


def _is_identifier(value: str) -> bool:
    value = KNOWN_NUMBERED.sub("", value)
    return not value or bool(IDENTIFIER.fullmatch(value) or SNAKE.fullmatch(value) or CAMEL.fullmatch(value))


def header_is_harmless(name: str, value: str) -> bool:
    """Judge the value of an HTTP header."""
    return bare_is_harmless(name, value) or _entropy(value) < 3.2


def url_is_harmless(_name: str, value: str) -> bool:
    """Judge what stands for the password in a URL: a port or the word password itself is none."""
    return bool(re.fullmatch(r"(?i)(pass(word|wd)?|pwd|secret|token|x+|\*+|\.+|-+|port|\d{1,5})", value))


def basic_is_harmless(_name: str, value: str) -> bool:
    """Basic credentials are `user:password` in base64; anything else is a word."""
    try:
        decoded = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return True
    _user, colon, password = decoded.partition(b":")
    return not (colon and password and decoded.isascii() and decoded.decode().isprintable())


def is_one_sign(_name: str, value: str) -> bool:
    """Judge a value of the right shape beside its provider's name: only `000...` and the like are none."""
    return _entropy(value) < 2.0
