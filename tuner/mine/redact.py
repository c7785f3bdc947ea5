"""Replace secrets and e-mail addresses by placeholders of the same shape, so that code still parses.

In: text. Out: the text without them, and how many of each kind there were. A secret becomes `REDACTED` followed by
characters of the same classes, as long as it was and the same for the same value; an address becomes
`user@example.com`. No line is added or removed. Redacting twice changes nothing more.

The rules are anchored to the shapes that providers document. High entropy alone is no rule: it would take hashes,
identifiers and test data. It counts only for a quoted value beside a word such as `password`.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from dataclasses import dataclass

MARK = "REDACTED"
PLACEHOLDER_EMAIL = "user@example.com"
MAX_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of secret. `anchors` are pieces of which one must be in the text before the pattern is tried.

    Group 1 of the pattern is what gets replaced. `is_shape` marks shapes that only a provider issues.
    """

    kind: str
    anchors: tuple[str, ...]
    pattern: re.Pattern[str]
    is_shape: bool
    is_caseless: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """One secret or address in a text, by character offsets."""

    kind: str
    start: int
    end: int
    is_shape: bool


@dataclass(frozen=True, slots=True)
class Redacted:
    """A text that is safe to keep, and what was taken out of it."""

    text: str
    counts: dict[str, int]
    shapes: int


def _rule(kind: str, anchors: str, pattern: str, flags: int = 0, is_shape: bool = True) -> Rule:
    return Rule(kind, tuple(anchors.split("|")), re.compile(pattern, flags), is_shape, bool(flags & re.IGNORECASE))


TOKEN = r"(?<![A-Za-z0-9])"  # not in the middle of a longer word
KEYWORD = (
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|token|api[_-]?key|access[_-]?key|auth[_-]?key|private[_-]?key|credential)s?"
)
RULES = (
    _rule(
        "private_key",
        "PRIVATE KEY",
        r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----((?:(?!-----).)+)",
        re.DOTALL,
    ),
    _rule("aws_key", "AKIA|ASIA|ABIA|ACCA", TOKEN + r"((?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})(?![A-Za-z0-9])"),
    _rule("github_token", "ghp_|gho_|ghu_|ghs_|ghr_", TOKEN + r"(gh[pousr]_[A-Za-z0-9]{30,255})"),
    _rule("github_token", "github_pat_", TOKEN + r"(github_pat_[A-Za-z0-9_]{50,255})"),
    _rule("gitlab_token", "glpat-|gldt-|glrt-|glcbt-", TOKEN + r"(gl(?:pat|dt|rt|cbt)-[A-Za-z0-9_-]{20,})"),
    _rule("slack_token", "xox", TOKEN + r"(xox[abeoprs]-[A-Za-z0-9-]{10,})"),
    _rule("slack_webhook", "hooks.slack.com", r"hooks\.slack\.com/(?:services|workflows)/([A-Za-z0-9+/]{20,})"),
    _rule("openai_key", "sk-", TOKEN + r"(sk-(?:proj-|svcacct-|admin-|ant-[a-z0-9]{2,8}-|or-v1-)?[A-Za-z0-9_-]{20,})"),
    _rule("google_key", "AIza", TOKEN + r"(AIza[A-Za-z0-9_-]{35})(?![A-Za-z0-9_-])"),
    _rule("google_token", "ya29.", TOKEN + r"(ya29\.[A-Za-z0-9_-]{20,})"),
    _rule("google_token", "GOCSPX-", TOKEN + r"(GOCSPX-[A-Za-z0-9_-]{20,})"),
    _rule("jwt", "eyJ", TOKEN + r"(eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,})"),
    _rule("npm_token", "npm_", TOKEN + r"(npm_[A-Za-z0-9]{36})(?![A-Za-z0-9])"),
    _rule("pypi_token", "pypi-", TOKEN + r"(pypi-[A-Za-z0-9_-]{50,})"),
    _rule("sendgrid_key", "SG.", TOKEN + r"(SG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64})"),
    _rule("stripe_key", "k_live_|k_test_|whsec_", TOKEN + r"((?:(?:sk|rk)_(?:live|test)|whsec)_[A-Za-z0-9]{16,})"),
    _rule("digitalocean_token", "doo_v1_|dop_v1_|dor_v1_", TOKEN + r"(do[opr]_v1_[a-f0-9]{64})"),
    _rule("hugging_face_token", "hf_", TOKEN + r"(hf_[A-Za-z]{30,40})(?![A-Za-z0-9_])"),
    _rule("twilio_key", "SK", TOKEN + r"(SK[0-9a-f]{32})(?![A-Za-z0-9])"),
    _rule("mailgun_key", "key-", TOKEN + r"(key-[0-9a-f]{32})(?![A-Za-z0-9])"),
    _rule("shopify_token", "shp", TOKEN + r"(shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32})"),
    _rule("square_token", "sq0", TOKEN + r"(sq0(?:atp|csp)-[A-Za-z0-9_-]{22,43})"),
    _rule("vault_token", "hvs.|hvb.", TOKEN + r"(hv[bs]\.[A-Za-z0-9_-]{24,})"),
    _rule("docker_token", "dckr_pat_", TOKEN + r"(dckr_pat_[A-Za-z0-9_-]{20,})"),
    _rule(
        "azure_key",
        "accountkey=|sharedaccesskey=",
        r"(?:Account|SharedAccess)Key=([A-Za-z0-9+/]{40,}={0,2})",
        re.IGNORECASE,
    ),
    _rule("bearer_token", "bearer ", r"\bBearer\s+([A-Za-z0-9_.~+/-]{24,}=*)", re.IGNORECASE, False),
    _rule(
        "url_password",
        "://",
        r"(?<![a-z0-9+.-])[a-z][a-z0-9+.-]{1,20}://[^\s:/@'\"`<>{}$%]{0,80}:([^\s:/@'\"`<>{}$%]{3,100})@",
        re.IGNORECASE,
        False,
    ),
    _rule(  # `apiKeyLive` counts, `tokenizer` does not
        "quoted_secret",
        "pass|pwd|secret|token|key|credential",
        KEYWORD
        + r"(?-i:(?![a-z]))[\w-]{0,20}['\"]?\s{0,8}(?:[:=]|=>|:=)\s{0,8}"
        + r"(?:str\s*=\s*)?[rbuf]?['\"`]([^\s'\"`]{8,200})['\"`]",
        re.IGNORECASE,
        False,
    ),
    _rule(
        "env_secret",
        "PASS|SECRET|TOKEN|KEY",
        r"^[ \t]*(?:export[ \t]+|-[ \t]+)?[A-Z0-9_]{0,40}(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY)[A-Z0-9_]{0,20}"
        r"[ \t]?[=:][ \t]?([A-Za-z0-9+/_.!#%^*=-]{12,200})[ \t]*$",
        re.MULTILINE,
        False,
    ),
)
EMAIL = re.compile(
    r"(?<![A-Za-z0-9._%+/-])([A-Za-z0-9_%+][A-Za-z0-9._%+-]{0,63})@((?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,62})\.){1,6}[A-Za-z]{2,24})(?![A-Za-z0-9-])"
)
# RFC 2606 names, remote names of git, and pictures such as icon@2x.png
RESERVED_DOMAIN = re.compile(r"(^|\.)(example\.(com|org|net|edu)|example|test|invalid|localhost|local)$", re.IGNORECASE)
NO_DOMAIN = re.compile(r"\.(png|jpe?g|gif|svg|webp|ico|css|js|ts|tsx|py|rs|go|json|md|html|sh)$", re.IGNORECASE)
HEX_DIGEST = re.compile(r"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{128})", re.IGNORECASE)
ENTROPY_RULES = {"quoted_secret": 2.9, "env_secret": 3.0, "bearer_token": 3.2}
# Templates, addresses, stand-ins, and names of things: words joined by one sign, or by capitals.
HARMLESS = re.compile(
    r"\$[{(]|^\$\w|<[^>]*>|\{[^}]*\}|%\(|%[sdr]|^[\[(].*[\])]$|\.\.\.|^(x+|\*+|\.+|-+)$|^https?://|^[/.~]|^\w+\(|"
    r"example|change[-_]?me|placeholder|your[-_]|dummy|^test|^fake|"
    r"(?-i:^[a-z]+([-_. ][a-z]+)+$|^[A-Z]+(_[A-Z]+)+$|^[A-Za-z]?[a-z]*([A-Z][a-z]+)+$|^[a-zA-Z]{1,24}$|"
    r"^[A-Za-z_]+([./:-][A-Za-z_]{1,24}\d{0,2})+$)",
    re.IGNORECASE,
)


def find_secrets(text: str) -> list[Finding]:
    """List what must not be kept, in order and without overlaps; placeholders do not count."""
    lowered = text.lower()
    found = []
    for rule in RULES:
        searched = lowered if rule.is_caseless else text
        if any(anchor in searched for anchor in rule.anchors):
            for match in rule.pattern.finditer(text):
                if not _is_harmless(rule.kind, match.group(1)):
                    found.append(Finding(rule.kind, match.start(1), match.end(1), rule.is_shape))
    if "@" in text:
        for match in EMAIL.finditer(text):
            domain = match.group(2)
            if not (RESERVED_DOMAIN.search(domain) or NO_DOMAIN.search(domain) or _is_no_person(match.group(1))):
                found.append(Finding("email", match.start(), match.end(), False))
    found.sort(key=lambda each: (each.start, -each.end))
    return _without_overlaps(found)


def redact(text: str) -> Redacted:
    """Replace everything that `find_secrets` finds, until it finds nothing."""
    counts: Counter[str] = Counter()
    shapes = 0
    for _ in range(MAX_ROUNDS):  # a replacement can bring two pieces together that now look like one more
        findings = find_secrets(text)
        if not findings:
            return Redacted(text, dict(sorted(counts.items())), shapes)
        pieces, position = [], 0
        for each in findings:
            value = text[each.start : each.end]
            pieces += [text[position : each.start], _stand_in(each.kind, value)]
            position = each.end
            counts[each.kind] += 1
            shapes += each.is_shape
        text = "".join(pieces) + text[position:]
    raise AssertionError(f"redaction does not settle: {Counter(each.kind for each in find_secrets(text))}")


def _stand_in(kind: str, value: str) -> str:
    if kind == "email":
        return PLACEHOLDER_EMAIL
    if kind == "url_password":  # punctuation before the @ would look like the start of an address
        value = re.sub(r"[^A-Za-z0-9]", "x", value)
    return placeholder(value)


def placeholder(value: str) -> str:
    """Give the stand-in of a secret: of its length (8 at least) and classes, and the same for the same value."""
    digest = hashlib.sha256(value.encode("utf-8", "surrogatepass")).digest()
    shaped = []
    for index, character in enumerate(value):
        byte = digest[index % len(digest)]
        if character.isascii() and character.isalpha():
            letters = "abcdefghijklmnopqrstuvwxyz"
            letter = letters[byte % 26]
            shaped.append(letter.upper() if character.isupper() else letter)
        elif character.isdigit():
            shaped.append("0123456789"[byte % 10])
        else:
            shaped.append(character)
    return _with_mark("".join(shaped))


def _with_mark(shaped: str) -> str:
    """Write the mark over the first characters, but never over a line break."""
    start = next((index for index, character in enumerate(shaped) if not character.isspace()), 0)
    line = shaped[start:].split("\n", 1)[0]
    return shaped[:start] + MARK + line[len(MARK) :] + shaped[start + len(line) :]


def _is_harmless(kind: str, value: str) -> bool:
    if value.lstrip().startswith(MARK):
        return True
    if kind == "private_key":  # code that only names the header, such as a check for it
        return len(re.sub(r"[^A-Za-z0-9+/=]", "", value)) < 32
    if kind == "url_password":
        return bool(re.fullmatch(r"(?i)(pass(word|wd)?|pwd|secret|x+|\*+|\.+|port|\d{1,5})", value))
    if kind in ENTROPY_RULES:
        return bool(HEX_DIGEST.fullmatch(value) or HARMLESS.search(value)) or _entropy(value) < ENTROPY_RULES[kind]
    return False


def _is_no_person(local: str) -> bool:
    return local == "git" or local.startswith(MARK)  # a redacted password stands before the @ of its URL


def _entropy(value: str) -> float:
    """Give the bits per character that the value's own letters suggest."""
    total = len(value)
    return -sum(count / total * math.log2(count / total) for count in Counter(value).values())


def _without_overlaps(findings: list[Finding]) -> list[Finding]:
    kept: list[Finding] = []
    for each in findings:
        if not kept or each.start >= kept[-1].end:
            kept.append(each)
    return kept
