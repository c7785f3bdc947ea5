"""Tell what belongs to somebody else: files whose header, and folders whose licence, name another holder or licence.

In: the repository's own licence texts, the heads of its files and the names of its authors. Out: the reason
`foreign_licence` for a file or for all below a folder, or None. Nothing is dropped on a guess: a file without a header
is the team's own, and so is one of which it holds a part. Copied code that says nothing is left to the rules on paths.

A holder is the team's own who stands in the root's licence, notice or authors files, in 5 % (and 3) of the files that
have a header, among the commits' authors, or, where the texts name nobody, most often. An SPDX id (spdx.org/licenses)
is foreign where none of its alternatives is the repository's own and the header names no own holder. Names are compared
here and go no further.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass

from tuner.recipe import MineSettings

HEAD_CHARS, HEAD_LINES = 6_000, 60
MIN_SHARE, MIN_FILES = 0.05, 3
MIN_NAME = 3
REASON = "foreign_licence"

ENDING = r"([-_.](mit|apache|bsd|gpl|lgpl|agpl|mpl|isc|[\w.-]*\d))?(\.(txt|md|rst|markdown))?"
LICENCE_FILE = re.compile(rf"(^|/)(licen[cs]e|copying|unlicen[cs]e|copyright){ENDING}$", re.IGNORECASE)
OWNER_FILE = re.compile(
    rf"(licen[cs]e|copying|unlicen[cs]e|copyright|notice|authors|contributors|maintainers|credits){ENDING}",
    re.IGNORECASE,
)
REUSE_FOLDER = re.compile(r"(^|/)LICENSES/")  # reuse.software: the texts that files refer to, not what lies beside them
SPDX = re.compile(r"SPDX-License-Identifier:\s*([^\n]*)")
COPYRIGHT = re.compile(
    r"^\W*(?:[Pp]ortions\s+)?"
    r"(?:SPDX-FileCopyrightText:|[Cc]opyright|COPYRIGHT|(?=©|\([cC]\)\s*(?:19|20)\d\d))[ \t]*[:,]?[ \t]*"
    r"((?:\([cC]\)|©|&copy;|(?:19|20)\d\d|by\s|[A-Z{]).*)$",
    re.MULTILINE,
)
NO_HOLDER = re.compile(
    r"(and|notice|notices|holders?|owners?|law|laws|licen[cs]e|interest|statement|information|assign\w*|protected|of|is|in|"
    r"the above|act|symbols?|treaty|line|years?|header|date|\[.*|<.*|yyyy.*|name of.*|your name.*)\b.*|",
    re.IGNORECASE,
)
MARKS = re.compile(r"\([cC]\)|©|&copy;|\ball rights reserved\b\.?|\ball right reserved\b\.?", re.IGNORECASE)
ADDRESS = re.compile(
    r"<[^>]*>|\(?(https?://|www\.)\S+|[\w.+-]+@[\w.-]+|[\w.+-]+ (at|\[at\]) [\w.-]+ (dot|\[dot\]) \w+", re.IGNORECASE
)
YEARS = re.compile(r"(19|20)\d\d|\b(present|current|today|now)\b|^\W*to\b", re.IGNORECASE)
PARTS = re.compile(r"\s*(?:[,;/&]|\band\b|\bor\b)\s*", re.IGNORECASE)
WORD = re.compile(r"[^\W_]+")
PLAIN_WORDS = re.compile(
    r"(the|a|by|inc|incorporated|ltd|limited|llc|gmbh|ag|bv|co|corp|corporation|company|sa|sarl|plc|pty|srl|spa|kk|oy|ab|"
    r"as|et|al|and|or|its|others?|affiliates|subsidiaries|contributors?|authors?|developers|maintainers|team|project|"
    r"community|written)"
)
# Names that stand in the texts of licences themselves.
LICENCE_STEWARDS = re.compile(r"free software foundation|creative commons|mozilla foundation|mongodb", re.IGNORECASE)

# Words of a licence's own text, whitespace folded and lower case. Order matters only for the families.
LICENCES = {
    "MIT": r"permission is hereby granted, free of charge, to any person obtaining a copy of this software and assoc",
    "Apache-2.0": r"apache license,? version 2\.0, january 2004|licensed under the apache license, version 2\.0",
    "BSD-3-Clause": r"redistributions of source code must retain.*neither the name",
    "BSD-2-Clause": r"redistributions of source code must retain(?!.*neither the name)",
    "ISC": r"permission to use, copy, modify, and(/or)? distribute this software for any purpose with or without fee",
    "AGPL-3.0": r"gnu affero general public license,? (version |v)3",
    "LGPL-3.0": r"gnu lesser general public license,? (version |v)3",
    "LGPL-2.1": r"gnu lesser general public license,? (version |v)2\.1",
    "GPL-3.0": r"gnu general public license,? (version |v)3",
    "GPL-2.0": r"gnu general public license,? (version |v)2",
    "MPL-2.0": r"mozilla public license,? version 2\.0",
    "EPL-2.0": r"eclipse public license -? ?v ?2\.0",
    "Unlicense": r"this is free and unencumbered software released into the public domain",
    "CC0-1.0": r"cc0 1\.0 universal",
    "BSL-1.0": r"boost software license - version 1\.0",
    "Zlib": r"altered source versions must be plainly marked as such",
    "SSPL-1.0": r"server side public license",
    "BUSL-1.1": r"business source license 1\.1",
}
COMPILED = {name: re.compile(pattern) for name, pattern in LICENCES.items()}


@dataclass(frozen=True, slots=True)
class Owners:
    """Who owns the repository, and under which licences."""

    names: frozenset[str]
    licences: frozenset[str]
    words: str  # of the root's texts: a name that stands there is the team's own

    @classmethod
    def from_repository(cls, licence_texts: Iterable[str], heads: Iterable[str], people: Iterable[str] = ()) -> Owners:
        """Learn from the root's files (`names_owners`), the kept files' heads, the authors' and repository's names."""
        texts = list(licence_texts)
        words = " ".join(LICENCE_STEWARDS.sub(" ", text) for text in texts)
        words = " ".join(["", *WORD.findall(words.lower()), ""])
        holders: Counter[str] = Counter()
        ids: Counter[str] = Counter()
        headed = 0
        for head in heads:
            named = {name for line in holders_of(head) for name in line}
            holders.update(named)
            headed += bool(named)
            ids.update(alternative for alternatives in spdx_of(head) for alternative in alternatives)
        least = max(MIN_FILES, MIN_SHARE * headed)
        names = {name for name, count in holders.items() if count >= least}
        names |= {name for person in people if (name := _name(person))}
        if holders and not names & holders.keys() and not any(holders_of(text, whole=True) for text in texts):
            most = max(holders.values())
            names |= {name for name, count in holders.items() if count == most}
        licences = set().union(*map(licences_of, texts)) if texts else set()
        if not licences and ids:
            licences = {name for name, count in ids.items() if count == max(ids.values())}
        return cls(frozenset(names), frozenset(licences), words)

    def owns(self, holders: Iterable[str]) -> bool:
        """Tell whether one of some holders is the team's own: they hold it together.

        What follows a name may be more of the notice, so that the beginning of a holder is enough.
        """
        for holder in holders:
            words = holder.split()
            for number in range(1, len(words) + 1):
                name = " ".join(words[:number])
                if name in self.names or ((number > 1 or len(words) == 1) and f" {name} " in self.words):
                    return True
        return False

    def foreign(self, head: str) -> str | None:
        """Say whether a file's head names only other holders, or none and another licence."""
        lines = holders_of(head)
        if lines:
            return None if any(self.owns(holders) for holders in lines) else REASON
        others = self.licences and any(not alternatives & self.licences for alternatives in spdx_of(head))
        return REASON if others else None

    def foreign_text(self, text: str) -> bool:
        """Tell whether a licence's text is another's: it names only other holders, or none and another licence."""
        lines = holders_of(LICENCE_STEWARDS.sub("", text), whole=True)
        if lines:
            return not any(self.owns(holders) for holders in lines)
        found = licences_of(text)
        return bool(found and self.licences and not found & self.licences)


def names_owners(path: str) -> bool:
    """Tell whether a file at the root says who owns the repository: licence, notice, authors."""
    return OWNER_FILE.fullmatch(path) is not None


def is_licence_file(path: str) -> bool:
    """Tell whether a file holds the licence of the folder that it lies in."""
    return LICENCE_FILE.search(path) is not None and REUSE_FOLDER.search(path) is None


def licence_folders(texts: Mapping[str, str], owners: Owners) -> set[str]:
    """Give the folders, from the texts of the licence files by path, that belong to somebody else with all below them.

    A package that repeats the root's licence, or has another one of the same holder, is the team's own.
    """
    own: set[str] = set()
    foreign: set[str] = set()
    for path, text in texts.items():
        folder = path.rpartition("/")[0]
        if folder:
            (foreign if owners.foreign_text(text) else own).add(folder)
    return foreign - own


def licence_reason(path: str, head: str, owners: Owners, folders: Container[str], settings: MineSettings) -> str | None:
    """Say whether a file is left out for its licence; `head` is its text, of which only the beginning is read."""
    if settings.foreign_licences:
        return None
    folder = path
    while folder := folder.rpartition("/")[0]:
        if folder in folders:
            return REASON
    return owners.foreign(head)


def holders_of(text: str, whole: bool = False) -> list[set[str]]:
    """Give the holders that each copyright line names, in a file's head or in a whole licence."""
    head = text if whole else "\n".join(text[:HEAD_CHARS].split("\n", HEAD_LINES)[:HEAD_LINES])
    lines = []
    for match in COPYRIGHT.finditer(head):
        said = YEARS.sub(" ", ADDRESS.sub(" ", MARKS.sub(" ", match[1]))).strip(" \t\r*#/-–—,.:;+()\"'")
        if NO_HOLDER.fullmatch(said):
            continue
        if names := {name for part in PARTS.split(said) if (name := _name(part))}:
            lines.append(names | {_name(said)})
    return lines


def spdx_of(text: str) -> list[set[str]]:
    """Give the SPDX ids of a head: one set for each licence that holds, of the alternatives to choose from."""
    found = []
    for match in SPDX.finditer(text[:HEAD_CHARS]):
        expression = re.sub(r"\bWITH\s+[\w.-]+", "", match[1].strip(" */#-<>!\"'\r"), flags=re.IGNORECASE)
        for each in re.split(r"\bAND\b", expression):
            names = {re.sub(r"-only$|-or-later$|\+$", "", name) for name in re.findall(r"[A-Za-z][\w.+-]*", each)}
            found.append(names - {"OR"})
    return [names for names in found if names]


def licences_of(text: str) -> set[str]:
    """Detect the common licences in a text, as SPDX ids."""
    folded = " ".join(text.lower().split())
    found = {name for name, pattern in COMPILED.items() if pattern.search(folded)}
    # The texts of the weaker members of the family speak of the stronger ones.
    if found & {"AGPL-3.0", "LGPL-3.0", "LGPL-2.1"} and "gnu general public license version 3, 29 june" not in folded:
        found -= {"GPL-3.0", "GPL-2.0"}
    return found


def _name(text: str) -> str:
    """Fold a holder's name: lower case, without legal forms and words for everybody; empty where nothing is left."""
    words = [word for word in WORD.findall(ADDRESS.sub(" ", text).lower()) if not PLAIN_WORDS.fullmatch(word)]
    name = " ".join(words)
    return name if len(name) >= MIN_NAME else ""
