"""Persons in comments and messages: `TODO(ann)`, `@author Ann Lee`, trailers, and the names of the author list.

Out: findings of the kind `person`. The forms that name a person are found without any list. Names from the list are
found wherever they stand whole; only full names count, since a login or a first name is also a word of the language.
No name is ever written, logged or part of a message.
"""

from __future__ import annotations

import functools
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator

from tuner.mine.handles import find_handles
from tuner.mine.placeholders import PLACEHOLDER_PERSON, Finding, Redacted, replace, without_overlaps
from tuner.mine.quiet import QuietLines

_LETTER = r"[^\W\d_]"
# An initial, or a capitalised word that is no abbreviation: `D.`, `O'Neil`, `Jean-Luc`, `McDonnell`
_CAPITAL = rf"(?![a-z])(?:{_LETTER}\.|(?![A-Z]{{2,}}\b){_LETTER}(?:{_LETTER}|['’-](?={_LETTER}))+)"
NAME = (
    r"(?!(?:From|By|The|This|See|For|And|Copyright|Originally|Thanks|Contact)\b)"
    rf"{_CAPITAL}(?:[ \t]+(?:{_CAPITAL}|van|von|de|der|den|del|da|dos|di|la|le|bin|al)){{1,4}}"
)
NAMES = rf"{NAME}(?:(?:,[ \t]*(?:and[ \t]+)?|[ \t]+(?:and|&)[ \t]+){NAME})*"
LOGINS = r"[^\W\d_][\w.-]+(?:,[ \t]*[^\W\d_][\w.-]+)*"
MADE = (
    "algorithms?|approach|code|contributions?|decoder|encoder|idea|implementation|method|optimi[sz]ations?|patch|"
    "suggestions?|trick|version|work"
)
# anchor, pattern whose group 1 is the person
FORMS = tuple(
    (anchor, re.compile(pattern, re.MULTILINE))
    for anchor, pattern in (
        ("uthor: @", r"^[^\n\w]{0,12}[Aa]uthors?::?[ \t]+(@[\w-]{1,40})"),
        ("@author", rf"@author[s]?[ \t:]+(?!<)({NAMES}|{LOGINS}(?=[ \t]*(?:$|<|\*/|\(|\d|-[ \t])))"),
        ("\\author", rf"\\author[s]?[ \t:]+({NAMES}|{LOGINS}(?=[ \t]*(?:$|<|\*/|\(|\d|-[ \t])))"),
        (
            "uthor:",
            rf"^[^\n\w]{{0,12}}(?:module|code|section)?[Aa]uthor(?:s|\(s\))?::?[ \t]+({NAMES})(?=[ \t.,;<(*-]|$)",
        ),
        ("uthors:", rf"^[^\n\w]{{0,12}}Authors:[ \t]+({NAMES})(?=[ \t.,;<(*-]|$)"),
        ("moduleauthor::", rf"\.\. (?:module|code|section)author:: ({NAMES})"),
        ("__author", rf"__authors?__[ \t]*=[ \t]*['\"]({NAMES})"),
        (" by ", rf"(?:#|//|\*|--|;)[^\n]{{0,80}}\b(?i:{MADE})[ \t]+by[ \t]+({NAMES})"),
        ("ritten by", rf"[Ww]ritten by[ \t]+({NAMES})"),
        ("reated by", rf"[Cc]reated by[ \t]+({NAMES})"),
        ("aintained by", rf"[Mm]aintained by[ \t]+({NAMES})"),
        ("ontributed by", rf"[Cc]ontributed by[ \t]+({NAMES})"),
        (
            "-by: ",
            rf"^[ \t>*#/-]*[A-Z][\w-]{{2,24}}-by:[ \t]+([^\s<>\n][^<>\n]{{0,60}}?(?=[ \t]*<)|{NAMES}(?=[ \t]*$))",
        ),
    )
)
_MAIL = re.compile(r"<[\w.+-]{1,64}(?:@| at |\(at\)|\[at\])[^<>\n]{3,80}>")
BEFORE_MAIL = re.compile(rf"(?<!\w)({NAME})(?=[ \t]{{1,3}}{_MAIL.pattern})")
NO_PERSON = re.compile(  # topics of a TODO, companies and projects
    rf"(?i)(?:someone|{PLACEHOLDER_PERSON})(?:$|\W)|issue|bug|[a-z]+-\d+$|v?\d[\d.]*$|perf|later|docs?$|tests?$|"
    r"windows$|none$|you$|name$|user(?:name)?$|"
    r".*\b(?:inc|ltd|llc|gmbh|corp|foundation|project|team|group|authors|test|scan|software)\b"
)
# Authors that are machines or roles; their names are words of the language.
MACHINES = frozenset(
    (
        *("bot", "action", "actions", "ci", "github", "gitlab", "user", "admin", "root", "team", "developers"),
        *("contributors", "authors", "unknown", "test", "tests", "build", "release", "automation", "service"),
        *("project", "the", "open", "source", "copybara", "dependabot", "renovate", "your", "name", "anonymous"),
    )
)


def find_persons(text: str) -> Iterator[Finding]:
    """Yield the persons whom a form such as `TODO(name)` gives away; they may overlap."""
    yield from (Finding("person", start, end, False) for start, end in find_handles(text))
    for anchor, pattern in FORMS:
        if anchor in text:
            for match in pattern.finditer(text):
                if not NO_PERSON.match(match.group(1)):
                    yield Finding("person", match.start(1), match.end(1), False)
    for mail in _MAIL.finditer(text):
        for match in BEFORE_MAIL.finditer(text, max(0, mail.start() - 120), mail.end() + 80):
            if not NO_PERSON.match(match.group(1)):
                yield Finding("person", match.start(1), match.end(1), False)


class People:
    """The full names of a repository's author list, and where they occur in a text."""

    def __init__(self, names: Iterable[str]) -> None:
        self._patterns: dict[str, re.Pattern[str]] = {}
        self._forms: dict[str, str] = {}
        self._by_word: dict[str, dict[str, set[str]]] = defaultdict(dict)
        self._names = tuple(sorted(set(names)))
        for name in self._names:
            for form in _forms_of(name):
                self._forms.setdefault(form, name)
                words = {word for word in _words(form) if len(word) >= 2}
                self._by_word[max(words, key=len)][form] = words
        self._lines = QuietLines(self._places)

    def __reduce__(self) -> tuple[Callable[[tuple[str, ...]], People], tuple[tuple[str, ...]]]:
        """Go to a worker as a list of names, of which it makes one author list for all of its batches."""
        return _people_of, (self._names,)

    def names_in(self, text: str) -> frozenset[str]:
        """Give the listed names that occur in the text: what an earlier result of it depends on."""
        return frozenset(self._forms[form] for form in self._forms_in(text))

    def find(self, text: str) -> list[Finding]:
        """List where the names stand, in order and apart."""
        return without_overlaps(
            Finding("person", match.start(), match.end(), False)
            for form in self._forms_in(text)
            for match in self._pattern(form).finditer(text)
        )

    def redact(self, text: str) -> Redacted:
        """Write a stand-in over every listed name."""
        counts: Counter[str] = Counter()
        while found := self.find(text):  # each round leaves fewer words
            text = replace(text, found, counts)
        return Redacted(text, dict(counts), 0)

    def _forms_in(self, text: str) -> Iterator[str]:
        if self._by_word and self._lines.loud(text.split("\n")):
            yield from self._forms_in_any(text)

    def _places(self, text: str) -> Iterator[int]:
        for form in self._forms_in_any(text):
            yield from (match.start() for match in self._pattern(form).finditer(text))

    def _forms_in_any(self, text: str) -> Iterator[str]:
        present = _words(text)
        for word in present & self._by_word.keys():
            for form, words in self._by_word[word].items():
                if words <= present and self._pattern(form).search(text):
                    yield form

    def _pattern(self, form: str) -> re.Pattern[str]:
        if form not in self._patterns:
            first, *rest = map(re.escape, form.split())
            words = r"[ \t\u00a0]+".join((rf"{first}(?<!\w{first})", *rest))
            self._patterns[form] = re.compile(rf"{words}(?!\w)")
        return self._patterns[form]


@functools.lru_cache(maxsize=2)
def _people_of(names: tuple[str, ...]) -> People:
    return People(names)


def _forms_of(name: str) -> set[str]:
    """Give how a full name may be written: as listed, capitalised, without initials, without accents."""
    name = " ".join(unicodedata.normalize("NFC", name).replace(PLACEHOLDER_PERSON, "").split())
    parts = name.split()
    full = [part for part in parts if sum(character.isalpha() for character in part) >= 2]
    if len(full) < 2 or any(part.strip("[]().,").lower() in MACHINES for part in parts) or "@" in name:
        return set()
    forms = {name, " ".join(full), " ".join(part[:1].upper() + part[1:] for part in full)}
    forms |= {f"{full[-1]}, {' '.join(full[:-1])}"}
    forms |= {_without_accents(form) for form in forms}
    return {form for form in forms if _words(form)}


def _without_accents(name: str) -> str:
    return "".join(each for each in unicodedata.normalize("NFD", name) if not unicodedata.combining(each))


_NO_LETTER = bytes(byte if byte >= 128 or chr(byte).isalpha() else 32 for byte in range(256))
_LETTERS = re.compile(r"[^\W\d_]{2,}")


def _words(text: str) -> set[str]:
    """Give the set of runs of letters. Plain ASCII takes a way that is three times as fast."""
    if text.isascii():
        return set(text.encode("ascii").translate(_NO_LETTER).decode("ascii").split())
    return set(_LETTERS.findall(text))
