"""Rewrite one text or path under new names: Python code, prose, and whatever else a repository holds.

In: a text and what kind of text it is. Out: the same text with the same line breaks. In Python code every token that is
a renamed name is renamed; in a string only if the string is nothing but names (`"name"`, `"click.core"`,
`"--no-color/--color"`), or where it names a value to fill in. In comments, docstrings, documentation and messages a
word is renamed that is exactly a renamed name, also with a capital at its front. In all other files only names that no
English word looks like are, and paths. The project's own name is renamed everywhere, in any case. Untouched: binary
files, addresses but for the project's name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import PurePosixPath

from benchmarks.twin_names import PLACES, PYTHON_ENDINGS
from tuner.mine.languages import PROSE

_STRINGS = (
    r'"""(?:[^\\]|\\.)*?"""|' + r"'''(?:[^\\]|\\.)*?'''|" + r'"(?:[^"\\\n]|\\.)*"|' + r"'(?:[^'\\\n]|\\.)*'"
)  # fmt: skip
_CODE = re.compile(rf"(#[^\n]*)|([rRbBuUfFtT]{{0,2}})({_STRINGS})|\d\w*|([^\W\d]\w*)", re.DOTALL)
_MAY_GO_ON = re.compile(r"\"\"\"|'''|\\\r?\n")
_FIELD = re.compile(r"\{([^{}]*)\}|%\((\w+)\)")
_ONLY_NAMES = re.compile(r"-{0,2}\w+(?:(?:[./:,=]|-{1,2}|/-{1,2})\w+)*\Z")
_TOKEN = re.compile(r"(https?://[^\s<>\"'`)]+)|(?:\b([Aa]n?)(\s`{0,2}))?([\w./:@-]*\w)", re.ASCII)
_VOWEL = re.compile(r"[\W_]*(?!uni|use|usu|one)[aeiou]", re.IGNORECASE)
_WORD = re.compile(r"[^\W\d]\w*")
_KEBAB = re.compile(r"[^\W\d]\w*(?:-\w+)+")
_DISTINCT = re.compile(r"\w[_A-Z]|\d")
PROSE_ENDINGS = frozenset(f".{ending}" for endings in PROSE.values() for ending in endings.split()) | {""}
_PLACES = frozenset(PLACES.split())
MOST_PIECES, LONGEST_PIECE = 100_000, 2_000  # what is remembered


class Rewriter:
    """Rewrites texts and paths by a map of names; `project` is the project's own name, old and new."""

    def __init__(self, names: Mapping[str, str], project: tuple[str, str] | None) -> None:
        self._names = dict(names)
        self._titles = {
            old.capitalize(): new.capitalize() for old, new in names.items() if old.isalpha() and old.islower()
        }
        self._kebab = {
            old.replace("_", "-"): new.replace("_", "-") for old, new in names.items() if "_" in old.strip("_")
        }
        self._memory: dict[tuple[str, str], str] = {}
        self._project: dict[str, str] = {}
        self._finds_project = None
        if project:
            old, new = project
            self._project = {old: new, old.capitalize(): new.capitalize(), old.upper(): new.upper()}
            self._finds_project = re.compile(rf"(?<![A-Za-z])(?:{'|'.join(map(re.escape, self._project))})(?![a-z])")

    def blob(self, data: bytes, path: str) -> bytes:
        """Rewrite a file's contents by the ending of its path; a file with a null byte stays."""
        if b"\0" in data[:8192]:
            return data
        text = data.decode("utf-8", "surrogateescape")
        ending = PurePosixPath(path).suffix.lower()
        if ending in PYTHON_ENDINGS:
            text = self.code(text)
        else:
            text = self.prose(text) if ending in PROSE_ENDINGS else self.other(text)
        return text.encode("utf-8", "surrogateescape")

    def code(self, text: str) -> str:
        """Rewrite Python code."""
        return "".join(self._remembered("code", piece) for piece in pieces_of(text))

    def prose(self, text: str) -> str:
        """Rewrite documentation, a comment or a message, word by word."""
        return "".join(self._remembered("prose", line) for line in text.splitlines(keepends=True))

    def other(self, text: str) -> str:
        """Rewrite a file of settings or of another language: names that are no plain words, and paths."""
        return "".join(self._remembered("other", line) for line in text.splitlines(keepends=True))

    def path(self, path: str) -> str:
        """Rewrite a path, folder by folder; endings stay."""
        return "/".join(self._component(part) for part in path.split("/"))

    def project(self, text: str) -> str:
        """Rename the project itself, in small, in capital letters and with a capital."""
        return self._finds_project.sub(lambda found: self._project[found[0]], text) if self._finds_project else text

    def _remembered(self, kind: str, piece: str) -> str:
        """Rewrite a line, or a few; most lines of a history stand in hundreds of versions of a file."""
        known = self._memory.get((kind, piece))
        if known is not None:
            return known
        if kind == "code":
            new = _CODE.sub(self._token, piece)
        else:
            of_token = self._spoken if kind == "prose" else self._listed
            new = self.project(_TOKEN.sub(lambda found: self._said(found, of_token), piece))
        if len(piece) <= LONGEST_PIECE:
            if len(self._memory) >= MOST_PIECES:
                self._memory.clear()
            self._memory[kind, piece] = new
        return new

    def _token(self, found: re.Match[str]) -> str:
        comment, prefix, string, name = found.groups()
        if name:
            return self._names.get(name, name)
        if comment:
            return self.prose(comment)
        if not string:
            return found[0]
        quotes = string[:3] if string[:3] in ('"""', "'''") else string[:1]
        inner = string[len(quotes) : -len(quotes)]
        before = found.string[found.string.rfind("\n", 0, found.start()) + 1 : found.start()]
        if len(quotes) == 3 and not before.strip() and "f" not in prefix.lower():
            inner = self.prose(inner)
        elif _ONLY_NAMES.match(inner):
            inner = self.project(self._spelled(inner))
        elif "f" in prefix.lower():
            inner = self._interpolated(inner)
        else:
            inner = self.project(_FIELD.sub(self._filled, inner))
        return prefix + quotes + inner + quotes

    def _interpolated(self, text: str) -> str:
        """Rewrite the expressions in an f-string, also those within the format of another."""
        pieces, place = [], 0
        while (start := text.find("{", place)) >= 0:
            pieces.append(self.project(text[place:start]))
            if text.startswith("{{", start):
                pieces.append("{{")
                place = start + 2
                continue
            middle, end = _expression(text, start + 1)
            pieces.append("{" + self.code(text[start + 1 : middle]) + self._interpolated(text[middle:end]))
            place = end
        return "".join([*pieces, self.project(text[place:])])

    def _filled(self, field: re.Match[str]) -> str:
        if field[2] is not None:
            return f"%({self._names.get(field[2], field[2])})"
        inner = field[1]
        head = _WORD.match(inner)
        if head is None or inner[head.end() : head.end() + 1] not in ("", ".", "!", ":", "["):
            return field[0]
        return "{" + self._names.get(head[0], head[0]) + inner[head.end() :] + "}"

    def _spelled(self, text: str) -> str:
        text = _KEBAB.sub(lambda found: self._hyphened(found[0]), text)
        return _WORD.sub(lambda found: self._names.get(found[0], found[0]), text)

    def _hyphened(self, text: str) -> str:
        if text in self._kebab:
            return self._kebab[text]
        return "-".join(self._kebab.get(part, self._names.get(part, part)) for part in text.split("-"))

    def _said(self, found: re.Match[str], of_token: Callable[[str], str]) -> str:
        """Rename a token of a line that is no address, and let the article before it agree."""
        address, article, space, token = found.groups()
        if address:
            return found[0]
        new = of_token(token)
        if article and new != token:
            article = article[0] + "n" * bool(_VOWEL.match(new))
        return (article or "") + (space or "") + new

    def _spoken(self, text: str) -> str:
        """Rename in a token of prose; one with a slash is a path."""
        if "@" in text[1:]:
            return text
        if "/" in text and not text.startswith("-"):
            return self.path(text)
        text = _KEBAB.sub(lambda found: self._kebab.get(found[0], found[0]), text)
        return _WORD.sub(lambda found: self._names.get(found[0]) or self._titles.get(found[0], found[0]), text)

    def _listed(self, text: str) -> str:
        if "/" in text:
            return self.path(text)
        return _WORD.sub(
            lambda found: self._names.get(found[0], found[0]) if _DISTINCT.search(found[0]) else found[0], text
        )

    def _component(self, part: str) -> str:
        stem, dot, ending = part.partition(".")
        if stem.lower() not in _PLACES:
            stem = self._kebab.get(stem) or self._names.get(stem, stem)
        return self.project(stem + dot + ending)


def pieces_of(text: str) -> Iterator[str]:
    """Cut Python code into lines, those together that a string joins."""
    start = 0
    while start < len(text):
        end = text.find("\n", start) + 1 or len(text)
        if _MAY_GO_ON.search(text, start, end):
            for found in _CODE.finditer(text, start):
                if found.start() >= end:
                    break
                if found.end() > end:
                    end = text.find("\n", found.end() - 1) + 1 or len(text)
        yield text[start:end]
        start = end


def names_in(piece: str) -> set[str]:
    """Collect the names in a piece of Python code, also those in f-strings and in strings that are only names."""
    names: set[str] = set()
    for found in _CODE.finditer(piece):
        _, prefix, string, name = found.groups()
        if name:
            names.add(name)
        elif string and ("f" in prefix.lower() or _ONLY_NAMES.match(string.strip("\"'"))):
            names.update(_WORD.findall(string))
    return names


def _expression(text: str, start: int) -> tuple[int, int]:
    """Find where the expression of a field ends, and where the field does."""
    depth, quote, middle = 0, "", -1
    for place in range(start, len(text)):
        sign = text[place]
        if quote:
            quote = "" if sign == quote and middle < 0 else quote
        elif sign in "\"'" and middle < 0:
            quote = sign
        elif sign == "}" and depth == 0:
            return (place if middle < 0 else middle), place
        elif sign in "([{":
            depth += 1
        elif sign in ")]}":
            depth -= 1
        elif middle < 0 and depth == 0 and (sign == ":" or (sign == "!" and text[place + 1 : place + 2] != "=")):
            middle = place
    return len(text), len(text)
