"""Secrets that only a word beside them gives away: `password: ...`, `--token ...`, `Authorization: Basic ...`.

A value of no known shape counts only where it is also unlike a name, a template, a digest and a stand-in. How much
unlike depends on the place: in quotes after `password =` entropy is enough, in bare text letters and digits must mix.
The patterns are slow, so they see no more than the neighbourhood of a keyword.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tuner.mine.judgements import (
    bare_is_harmless,
    basic_is_harmless,
    header_is_harmless,
    is_one_sign,
    quoted_is_harmless,
    upper_is_harmless,
    url_is_harmless,
)

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
QUOTED = r"\\?(?P<quote>['\"`])(?P<value>[^\s'\"`]{6,200}?)\\?(?P=quote)"  # closed as it was opened


@dataclass(frozen=True, slots=True)
class KeywordRule:
    """One place where a secret stands. `is_harmless(name, value)` says whether a match is none after all."""

    kind: str
    needs: tuple[str, ...]
    pattern: re.Pattern[str]
    is_harmless: Callable[[str, str], bool]
    tag: str = TAG


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
        is_one_sign,
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
        is_one_sign,
        tag="az",
    ),
    # Headers
    _rule("bearer_token", "bearer", r"\bBearer\s+(?P<value>[A-Za-z0-9_.~+/-]{20,1000}=*)", header_is_harmless),
    _rule("basic_auth", "authoriz", r"\bBasic\s+(?P<value>[A-Za-z0-9+/_-]{8,400}={0,2})", basic_is_harmless),
    _rule(
        "docker_auth",
        "auth",
        r"['\"]auth\\?['\"]\s*:\s*\\?['\"](?P<value>[A-Za-z0-9+/]{8,400}={0,2})\\?['\"]",
        basic_is_harmless,
    ),
    _rule(
        "header_secret",
        "authoriz -key -token",
        r"(?:\bx-[a-z-]{0,30}(?:key|token|secret)|authorization|private-token|api-key)['\"]?[ \t]*[:,=][ \t]*['\"]?"
        r"(?:(?:token|apikey|key|bearer)[ \t]+)?(?P<value>[A-Za-z0-9_.~+/=-]{16,400})",
        header_is_harmless,
    ),
    # Assignments
    _rule(
        "quoted_secret",
        "' \" `",
        NAME + r"(?:\[\d{0,4}\]|[ ]string)?\\?['\"]?\]?\s{0,8}(?:={1,3}>?|:=?|!==?|[|?]{1,2}=)\s{0,8}"
        # a type may stand between: `secret: string = `, `KEY: &'static str = `
        r"(?:[&\w][\w&' |.?\[\]]{0,30}=\s{0,8})?[rbuf]?" + QUOTED,
        quoted_is_harmless,
    ),
    _rule(
        "quoted_secret",
        "' \" `",
        rf"(?P<name>{KEYWORD}[\w-]{{0,20}})\\?(?:['\"`]\s?,|['\"]?\()\s{{0,4}}[rbuf]?" + QUOTED,
        bare_is_harmless,
    ),
    _rule(
        "quoted_secret",
        "value=",
        rf"(?:name|key)\s?=\s?['\"][^'\"\n]{{0,60}}(?P<name>{KEYWORD})[^'\"\n]{{0,30}}['\"]\s+value\s?=\s?" + QUOTED,
        bare_is_harmless,
    ),
    _rule(
        "xml_secret",
        "</",
        r"<(?P<name>[\w.:-]{0,30}(?:password|secret|token|api-?key))>\s{0,4}" + BARE + r"\s{0,4}</",
        bare_is_harmless,
    ),
    _rule(
        "env_secret",
        "= :",
        r"^[ \t]*(?:export[ \t]+|ENV[ \t]+|ARG[ \t]+|-[ \t]+)?(?-i:(?P<name>[A-Z0-9_]{0,40}"
        r"(?:PASSWORD|PASSWD|PASS|SECRET|TOKEN|API_?KEY)"
        r"[A-Z0-9_]{0,20}))[ \t]?[=:][ \t]?(?P<value>[A-Za-z0-9+/_.!#%^*=@~?&-]{8,200})[ \t]*$",
        upper_is_harmless,
        re.MULTILINE,
    ),
    _rule(
        "npm_auth",
        "_auth _password",
        r"_(?:authToken|auth|password)[ \t]*=[ \t]*(?P<value>[A-Za-z0-9+/_=.-]{12,400})",
        bare_is_harmless,
    ),
    _rule(
        "bare_secret",
        "= : is",
        rf"(?<![A-Za-z0-9]){NAME}\\?['\"]?(?:[ \t]{{0,4}}(?:[:?+]?=|:)[ \t]{{0,4}}|[ \t]+is:?[ \t]+)" + BARE,
        bare_is_harmless,
    ),
    # Other places
    _rule(
        "sql_secret",
        "identified password",
        r"(?:identified\s+(?:with\s+\w+\s+)?by|\bpassword)\s+['\"](?P<value>[^'\"\s]{6,200})['\"]",
        quoted_is_harmless,
    ),
    _rule(
        "netrc_password",
        "password",
        r"(?:\blogin\s+\S{1,80}\s+|^[ \t]*)password[ \t]+(?P<value>[^\s'\"]{6,200})"
        r"[ \t]*(?=\n|$|\\|machine|account)",
        bare_is_harmless,
        re.MULTILINE,
    ),
    _rule(
        "option_secret",
        "-",
        rf"(?<!\w)--?(?P<name>[a-z-]{{0,20}}{KEYWORD})(?:=|[ \t]+|['\"],\s?['\"])['\"]?" + BARE,
        bare_is_harmless,
    ),
    _rule(
        "option_secret",
        "mysql mariadb sshpass",
        r"\b(?:mysql\w*|mariadb\w*|sshpass)\b[^\n|;&]{0,120}?\s-p[ \t]?['\"]?" + BARE,
        bare_is_harmless,
    ),
    _rule(
        "option_secret",
        "curl",
        r"\bcurl\b[^\n|;]{0,120}?\s(?:-u|--user)[ \t]+['\"]?[^\s:'\"]{1,60}:(?P<value>[^\s'\"@$]{6,200})",
        bare_is_harmless,
    ),
    _rule("option_secret", "docker", r"\blogin\b[^\n|;]{0,120}?\s-p[ \t]+['\"]?" + BARE, bare_is_harmless),
    _rule(
        "option_secret",
        "redis-cli",
        r"\bredis-cli\b[^\n|;]{0,120}?\s(?:-a|--pass)[ \t]+['\"]?" + BARE,
        bare_is_harmless,
    ),
)
URL_PASSWORD = KeywordRule(
    "url_password",
    ("://",),
    re.compile(r"://(?<=[A-Za-z0-9]://)[^\s:/@'\"`<>{}$%]{0,80}:(?P<value>[^\s:/@'\"`<>{}\[\]$%]{3,100})@(?!/)"),
    url_is_harmless,
)
# What a text must hold, in lower case, for a search to begin: to ask whether it is there at all takes a fifth of the
# time that a search for its places takes, and that for a literal a twentieth of one for alternatives.
# `pass` alone would be every `passed`, `passes` and `pass`; `key` only counts after one of `KEYS`.
_WORDS = (
    *("pwd", "secret", "token", "credential", "bearer", "authoriz", "_auth", "identified", "mysql", "mariadb"),
    *("sshpass", "curl ", "redis-cli", "login -u", "datadog", "cloudflare", "fastly", "pagerduty", "okta", "twilio"),
    *("algolia", "heroku", "aws"),
)
_KEYWORDS = (
    ("pass", re.compile(r"pass(?=w|p|c|[-_'\"=:0-9]|s?\s?[=:(])")),
    ('"auth', re.compile(r"\"auth\\?\"")),
    *((each, re.compile(re.escape(each))) for each in _WORDS),
)
_PARTED = re.compile(r"passs?\n[=:(]", re.IGNORECASE)
_KEY = re.compile(r"key(?<=[istehrgnydp_-]key)")
_BEFORE_KEY = tuple(word + sign for word in KEYS for sign in ("", "_", "-"))


def find_by_keyword(text: str, lowered: str) -> Iterator[tuple[KeywordRule, int, int]]:
    """Yield what the rules of this file find, with start and end of the value."""
    for match in URL_PASSWORD.pattern.finditer(text):
        if not url_is_harmless("", match.group("value")):
            yield URL_PASSWORD, match.start("value"), match.end("value")
    for start, end in _neighbourhoods(lowered):
        for rule in RULES:
            if any(lowered.find(need, start, end) >= 0 for need in rule.needs):
                for match in rule.pattern.finditer(text, start, end):
                    name = match.groupdict().get("name") or ""
                    if not rule.is_harmless(name, match.group("value")):
                        yield rule, match.start("value"), match.end("value")


def keyword_places(text: str, lowered: str) -> list[int]:
    """Give the places of keywords, and of passwords in URLs: without any `find_by_keyword` finds nothing.

    All of a place stands on one line, but for a `pass` at the end of one with its sign on the next.
    """
    return [*_keyword_places(lowered), *(match.start() for match in URL_PASSWORD.pattern.finditer(text))]


def is_parted(text: str) -> bool:
    """Tell whether a `pass` may stand at the end of a line, and its sign at the beginning of the next."""
    return any(sign in text for sign in ("\n=", "\n:", "\n(")) and _PARTED.search(text) is not None


def _keyword_places(lowered: str) -> list[int]:
    there = (keyword for literal, keyword in _KEYWORDS if literal in lowered)
    places = [match.start() for keyword in there for match in keyword.finditer(lowered)]
    if "key" in lowered:
        places += [match.start() for match in _KEY.finditer(lowered) if lowered.endswith(_BEFORE_KEY, 0, match.start())]
    return places


def _neighbourhoods(lowered: str) -> list[tuple[int, int]]:
    """Give the lines with a keyword and the line after each, cut to a size and merged where they touch."""
    spans: list[tuple[int, int]] = []
    for place in sorted(_keyword_places(lowered)):
        low, high = max(0, place - BEFORE), min(place + AFTER, len(lowered))
        before = lowered.rfind("\n", low, place)
        after = lowered.find("\n", place, high)
        after = lowered.find("\n", after + 1, high) if after >= 0 else -1
        start, end = before + 1 if before >= 0 else low, after if after >= 0 else high
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
        else:
            spans.append((start, end))
    return spans
