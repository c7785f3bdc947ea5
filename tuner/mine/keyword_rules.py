"""Secrets that only a word beside them gives away: `password: ...`, `--token ...`, `Authorization: Basic ...`.

A value of no known shape counts only where it is also unlike a name, a template, a digest and a stand-in. How much
unlike depends on the place: in quotes after `password =` entropy is enough, in bare text letters and digits must mix.
The patterns are slow, so they see no more than the neighbourhood of a keyword.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

BEFORE, AFTER = 160, 1200  # characters around a keyword that the patterns see; no value is longer
TAG = "pw"  # one for all free values, so that the same password has one stand-in in a URL and in a variable
KEYS = (
    *("api", "access", "auth", "private", "account", "master", "signing", "encryption", "storage", "service"),
    *("deploy", "license", "shared", "app", "admin"),
)
NAMED_KEY = rf"(?:{'|'.join(KEYS)})[_-]?key"
KEYWORD = rf"(?:pass(?:word|wd|phrase|code)?|pwd|secret|token|credential|{NAMED_KEY})s?(?-i:(?![a-z]))"
NAME = rf"(?P<name>{KEYWORD}[\w-]{{0,20}})"
BARE = r"(?![A-Za-z_][\w.]*[(\[])(?P<value>[^\s'\"`(){}\[\],;<>$\\]{6,200})"  # no call, no index
QUOTED = r"\\?['\"`](?P<value>[^\s'\"`]{6,200}?)\\?['\"`]"


@dataclass(frozen=True, slots=True)
class KeywordRule:
    """One place where a secret stands. `is_harmless(name, value)` says whether a match is none after all."""

    kind: str
    needs: tuple[str, ...]
    pattern: re.Pattern[str]
    is_harmless: Callable[[str, str], bool]
    tag: str = TAG


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


def entropy(value: str) -> float:
    """Give the bits per character that the value's own letters suggest."""
    total = len(value)
    return -sum(count / total * math.log2(count / total) for count in Counter(value).values())


def _quoted_is_harmless(name: str, value: str) -> bool:
    if HARMLESS.search(value):
        return True
    if HEX_DIGEST.fullmatch(value) or UUID.fullmatch(value):
        return _is_digest(name, value)
    if len(value) < 8:  # short ones only where letters and digits mix beside the word password itself
        return not (name.lower().startswith(("pass", "pwd")) and _mixes(value))
    return bool(KNOWN_NUMBERED.search(value) and _is_identifier(value)) or entropy(value) < 2.9


def _upper_is_harmless(name: str, value: str) -> bool:
    return (
        (len(value) < 12 and _bare_is_harmless(name, value)) or _quoted_is_harmless(name, value) or entropy(value) < 3.0
    )


def _bare_is_harmless(name: str, value: str) -> bool:
    """Outside of quotes a value stands where code has names: letters and digits must mix as in no identifier."""
    if HARMLESS.search(value):
        return True
    if HEX_DIGEST.fullmatch(value) or UUID.fullmatch(value):
        return _is_digest(name, value)
    if not _mixes(value):
        return not (value.endswith("=") and _is_base64_text(value))
    return _is_identifier(value) or entropy(value) < 2.5 or bool(NO_VALUE.match(value))


def _mixes(value: str) -> bool:
    return bool(re.search(r"[A-Za-z]", value) and re.search(r"\d", value))


def _is_digest(name: str, value: str) -> bool:
    """A digest is a secret only under the name of a key."""
    return bool(DIGEST_NAME.search(name)) or not KEY_NAME.search(name) or entropy(value) < 2.5


def _is_base64_text(value: str) -> bool:
    """Say whether the value is printable text in base64, as the secrets of Kubernetes are."""
    try:
        decoded = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(decoded) >= 4 and decoded.isascii() and decoded.decode().strip().isprintable()


def is_like_code(value: str) -> bool:
    """Say whether a value outside of quotes is rather a name or an expression than a secret."""
    return _bare_is_harmless("", value)


def _is_identifier(value: str) -> bool:
    value = KNOWN_NUMBERED.sub("", value)
    return not value or bool(IDENTIFIER.fullmatch(value) or SNAKE.fullmatch(value) or CAMEL.fullmatch(value))


def _header_is_harmless(name: str, value: str) -> bool:
    return _bare_is_harmless(name, value) or entropy(value) < 3.2


def _url_is_harmless(_name: str, value: str) -> bool:
    return bool(re.fullmatch(r"(?i)(pass(word|wd)?|pwd|secret|token|x+|\*+|\.+|-+|port|\d{1,5})", value))


def _basic_is_harmless(_name: str, value: str) -> bool:
    """Basic credentials are `user:password` in base64; anything else is a word."""
    try:
        decoded = base64.b64decode(value + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError):
        return True
    _user, colon, password = decoded.partition(b":")
    return not (colon and password and decoded.isascii() and decoded.decode().isprintable())


def _is_one_sign(_name: str, value: str) -> bool:
    return entropy(value) < 2.0


def _rule(
    kind: str, needs: str, pattern: str, is_harmless: Callable[[str, str], bool], flags: int = 0, tag: str = TAG
) -> KeywordRule:
    return KeywordRule(kind, tuple(needs.split()), re.compile(pattern, re.IGNORECASE | flags), is_harmless, tag)


def _keyed(kind: str, words: str, value: str, tag: str) -> KeywordRule:
    """A value of a plain shape that belongs to a provider only because the line names it."""
    return _rule(
        kind,
        words.replace("|", " "),
        rf"(?P<name>(?:{words})[\w .-]{{0,40}})['\"]?\]?\s{{0,4}}(?:[:=]|=>|:=|,|\()\s{{0,4}}\\?['\"]?"
        rf"(?P<value>{value})(?![A-Za-z0-9/+=-])",
        _is_one_sign,
        tag=tag,
    )


RULES = (
    # Providers whose keys have no prefix
    _keyed(
        "aws_secret", "aws|secret|amazon", r"(?=[^'\"\s]{0,39}[A-Z])(?=[^'\"\s]{0,39}[g-z/+])[A-Za-z0-9/+]{40}", "aws"
    ),
    _keyed("datadog_key", "datadog|dd_api|dd_app", r"[a-f0-9]{32}|[a-f0-9]{40}", "dd"),
    _keyed("cloudflare_key", "cloudflare|cf_api", r"[a-f0-9]{37}|[A-Za-z0-9_-]{40}", "cf"),
    _keyed("fastly_key", "fastly", r"[A-Za-z0-9_-]{32}", "fa"),
    _keyed("pagerduty_key", "pagerduty|pd_api", r"[A-Za-z0-9_+-]{20}|[a-f0-9]{32}", "pd"),
    _keyed("okta_token", "okta", r"00[A-Za-z0-9_-]{40}", "ok"),
    _keyed("twilio_token", "twilio", r"[a-f0-9]{32}", "tw"),
    _keyed("algolia_key", "algolia", r"[a-f0-9]{32}", "al"),
    _keyed("heroku_key", "heroku", r"[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}", "he"),
    _rule(
        "azure_key",
        "sharedaccesskey accountkey",
        r"(?:Account|SharedAccess)Key=(?P<value>[A-Za-z0-9+/]{40,100}={0,2})",
        _is_one_sign,
        tag="az",
    ),
    # Headers
    _rule("bearer_token", "bearer", r"\bBearer\s+(?P<value>[A-Za-z0-9_.~+/-]{20,1000}=*)", _header_is_harmless),
    _rule("basic_auth", "authoriz", r"\bBasic\s+(?P<value>[A-Za-z0-9+/_-]{8,400}={0,2})", _basic_is_harmless),
    _rule(
        "docker_auth",
        "auth",
        r"['\"]auth\\?['\"]\s*:\s*\\?['\"](?P<value>[A-Za-z0-9+/]{8,400}={0,2})\\?['\"]",
        _basic_is_harmless,
    ),
    _rule(
        "header_secret",
        "authoriz -key -token",
        r"(?:\bx-[a-z-]{0,30}(?:key|token|secret)|authorization|private-token|api-key)['\"]?[ \t]*[:,=][ \t]*['\"]?"
        r"(?:(?:token|apikey|key|bearer)[ \t]+)?(?P<value>[A-Za-z0-9_.~+/=-]{16,400})",
        _header_is_harmless,
    ),
    # Assignments
    _rule(
        "quoted_secret",
        "' \" `",
        NAME + r"(?:\[\d{0,4}\]|[ ]string)?\\?['\"]?\]?\s{0,8}(?:={1,3}>?|:=?|!==?|[|?]{1,2}=)\s{0,8}"
        # a type may stand between: `secret: string = `, `KEY: &'static str = `
        r"(?:[&\w][\w&' |.?\[\]]{0,30}=\s{0,8})?[rbuf]?" + QUOTED,
        _quoted_is_harmless,
    ),
    _rule(
        "quoted_secret",
        "' \" `",
        rf"(?P<name>{KEYWORD}[\w-]{{0,20}})\\?(?:['\"`]\s?,|['\"]?\()\s{{0,4}}[rbuf]?" + QUOTED,
        _bare_is_harmless,
    ),
    _rule(
        "quoted_secret",
        "value=",
        rf"(?:name|key)\s?=\s?['\"][^'\"\n]{{0,60}}(?P<name>{KEYWORD})[^'\"\n]{{0,30}}['\"]\s+value\s?=\s?" + QUOTED,
        _bare_is_harmless,
    ),
    _rule(
        "xml_secret",
        "</",
        r"<(?P<name>[\w.:-]{0,30}(?:password|secret|token|api-?key))>\s{0,4}" + BARE + r"\s{0,4}</",
        _bare_is_harmless,
    ),
    _rule(
        "env_secret",
        "= :",
        r"^[ \t]*(?:export[ \t]+|ENV[ \t]+|ARG[ \t]+|-[ \t]+)?(?-i:(?P<name>[A-Z0-9_]{0,40}"
        r"(?:PASSWORD|PASSWD|PASS|SECRET|TOKEN|API_?KEY)"
        r"[A-Z0-9_]{0,20}))[ \t]?[=:][ \t]?(?P<value>[A-Za-z0-9+/_.!#%^*=@~?&-]{8,200})[ \t]*$",
        _upper_is_harmless,
        re.MULTILINE,
    ),
    _rule(
        "npm_auth",
        "_auth _password",
        r"_(?:authToken|auth|password)[ \t]*=[ \t]*(?P<value>[A-Za-z0-9+/_=.-]{12,400})",
        _bare_is_harmless,
    ),
    _rule(
        "bare_secret",
        "= : is",
        rf"(?<![A-Za-z0-9]){NAME}\\?['\"]?(?:[ \t]{{0,4}}(?:[:?+]?=|:)[ \t]{{0,4}}|[ \t]+is:?[ \t]+)" + BARE,
        _bare_is_harmless,
    ),
    # Other places
    _rule(
        "sql_secret",
        "identified password",
        r"(?:identified\s+(?:with\s+\w+\s+)?by|\bpassword)\s+['\"](?P<value>[^'\"\s]{6,200})['\"]",
        _quoted_is_harmless,
    ),
    _rule(
        "netrc_password",
        "password",
        r"(?:\blogin\s+\S{1,80}\s+|^[ \t]*)password[ \t]+(?P<value>[^\s'\"]{6,200})"
        r"[ \t]*(?=\n|$|\\|machine|account)",
        _bare_is_harmless,
        re.MULTILINE,
    ),
    _rule(
        "option_secret",
        "-",
        rf"(?<!\w)--?(?P<name>[a-z-]{{0,20}}{KEYWORD})(?:=|[ \t]+|['\"],\s?['\"])['\"]?" + BARE,
        _bare_is_harmless,
    ),
    _rule(
        "option_secret",
        "mysql mariadb sshpass",
        r"\b(?:mysql\w*|mariadb\w*|sshpass)\b[^\n|;&]{0,120}?\s-p[ \t]?['\"]?" + BARE,
        _bare_is_harmless,
    ),
    _rule(
        "option_secret",
        "curl",
        r"\bcurl\b[^\n|;]{0,120}?\s(?:-u|--user)[ \t]+['\"]?[^\s:'\"]{1,60}:(?P<value>[^\s'\"@$]{6,200})",
        _bare_is_harmless,
    ),
    _rule("option_secret", "docker", r"\blogin\b[^\n|;]{0,120}?\s-p[ \t]+['\"]?" + BARE, _bare_is_harmless),
    _rule(
        "option_secret",
        "redis-cli",
        r"\bredis-cli\b[^\n|;]{0,120}?\s(?:-a|--pass)[ \t]+['\"]?" + BARE,
        _bare_is_harmless,
    ),
)
URL_PASSWORD = KeywordRule(
    "url_password",
    ("://",),
    re.compile(r"://(?<=[A-Za-z0-9]://)[^\s:/@'\"`<>{}$%]{0,80}:(?P<value>[^\s:/@'\"`<>{}\[\]$%]{3,100})@(?!/)"),
    _url_is_harmless,
)
# Each starts with a literal, in lower case, as the search for one is 20 times as fast as one for alternatives.
# `pass` alone would be every `passed`, `passes` and `pass`; `key` only counts after one of `KEYS`.
_KEYWORDS = tuple(
    re.compile(each)
    for each in (
        *(
            r"pass(?=w|p|c|[-_'\"=:0-9]|s?\s?[=:(])",
            "pwd",
            "secret",
            "token",
            "credential",
            "bearer",
            "authoriz",
            "_auth",
        ),
        *(r"\"auth\\?\"", "identified", "mysql", "mariadb", "sshpass", "curl ", "redis-cli", "login -u", "datadog"),
        *("cloudflare", "fastly", "pagerduty", "okta", "twilio", "algolia", "heroku", "aws"),
    )
)
_KEY = re.compile(r"key(?<=[istehrgnydp_-]key)")
_BEFORE_KEY = tuple(word + sign for word in KEYS for sign in ("", "_", "-"))


def find_by_keyword(text: str, lowered: str) -> Iterator[tuple[KeywordRule, int, int]]:
    """Yield what the rules of this file find, with start and end of the value."""
    for match in URL_PASSWORD.pattern.finditer(text):
        if not _url_is_harmless("", match.group("value")):
            yield URL_PASSWORD, match.start("value"), match.end("value")
    for start, end in _neighbourhoods(lowered):
        for rule in RULES:
            if any(lowered.find(need, start, end) >= 0 for need in rule.needs):
                for match in rule.pattern.finditer(text, start, end):
                    name = match.groupdict().get("name") or ""
                    if not rule.is_harmless(name, match.group("value")):
                        yield rule, match.start("value"), match.end("value")


def _neighbourhoods(lowered: str) -> list[tuple[int, int]]:
    """Give the lines with a keyword and the line after each, cut to a size and merged where they touch."""
    places = [match.start() for keyword in _KEYWORDS for match in keyword.finditer(lowered)]
    places += [match.start() for match in _KEY.finditer(lowered) if lowered.endswith(_BEFORE_KEY, 0, match.start())]
    spans: list[tuple[int, int]] = []
    for place in sorted(places):
        start = max(lowered.rfind("\n", 0, place) + 1, place - BEFORE)
        end = lowered.find("\n", place)
        end = lowered.find("\n", end + 1) if end >= 0 else -1
        end = min(end if end >= 0 else len(lowered), place + AFTER)
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans
