"""Tell whether a piece of another file helps to fill a hole, once the hole is known.

In: a file with a hole, pieces that were chosen without a look at it, and the repository's index. Out: yes or no. A
piece helps that defines what the hole names, or what the lines beside it use (macros aside, which are everywhere); that
calls the function in which the hole stands; or that shares rare names with the hole, so that it does the like.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from tuner.bm25 import IMPORT
from tuner.mine.fixtures import KNOWN
from tuner.mine.neighbours import used_sites
from tuner.mine.resolve import family_of
from tuner.mine.symbol_index import Site, SymbolIndex
from tuner.mine.symbols import FUNCTION_KINDS
from tuner.mine.telling import LETTERS, REMARK, STRING
from tuner.records import Neighbour

LINES_BEFORE, LINES_AFTER = 10, 4
MIN_NAME_CHARS, MIN_RARE_CHARS, MIN_SHARED = 4, 5, 2
RARE_FILES, RARE_SHARE = 3, 0.08
MIN_HOLE_CHARS, MIN_HOLE_NAMES = 12, 2
MAX_TEXT_SHARE = 0.6
IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*")


class Hole:
    """A hole of a file, with what the lines beside it name."""

    def __init__(self, path: str, before: str, hole: str, after: str, index: SymbolIndex) -> None:
        self.path, self.text, self.index = path, hole, index
        self.start, self.end = len(before.encode()), len((before + hole).encode())
        beside = [*before.rsplit("\n", LINES_BEFORE)[-LINES_BEFORE:], *after.split("\n", LINES_AFTER)[:LINES_AFTER]]
        near = used_sites(path, "\n".join(line for line in beside if not IMPORT.match(line)), index)
        sites = {*used_sites(path, hole, index), *(site for site in near if site.definition.kind != "macro")}
        family, around = family_of(path), "\n".join([*beside, hole])
        known = KNOWN.get(family, frozenset())  # a file may have its own `writeln!`
        self._sites = {
            site
            for site in sites
            if site.definition.name not in known
            and len(site.definition.name) >= (MIN_RARE_CHARS if site.definition.kind == "method" else MIN_NAME_CHARS)
            and not re.search(rf"\b{re.escape(site.definition.name)}\s*:?=[^=]", around)  # a variable of its own
            and (family != "c" or site.definition.kind not in FUNCTION_KINDS or self._is_called(site, around))
        }
        self._around = [
            each.name
            for each in index.symbols(path).definitions
            if each.start <= self.start and self.end <= each.end and len(each.name) >= MIN_NAME_CHARS
        ]

    @staticmethod
    def _is_called(site: Site, around: str) -> bool:
        """Tell whether a name is called: in C++ a value may have the name of a function."""
        return re.search(rf"\b{re.escape(site.definition.name)}\s*[(<]", around) is not None

    def is_helped(self, pieces: Iterable[Neighbour], read: Callable[[str], str | None]) -> bool:
        """Tell whether one of the pieces at least is of use here."""
        return any(self._helps(each, read) for each in pieces)

    def _helps(self, piece: Neighbour, read: Callable[[str], str | None]) -> bool:
        lines = (read(piece.path) or "").split("\n")
        lines_of_use = {site.definition.line for site in self._sites if site.path == piece.path}
        if any(0 < number <= len(lines) and lines[number - 1] in piece.text for number in lines_of_use):
            return True
        for name in self._around:
            is_called = any(place == piece.path for place, _ in self.index.callers(name))
            is_alone = len(self.index.definitions(name)) == 1
            if is_called and is_alone and re.search(rf"\b{re.escape(name)}\b", piece.text):
                return True
        own = set(IDENTIFIER.findall(STRING.sub("", self.text)))
        return len(rare(own & set(IDENTIFIER.findall(piece.text)), self.index, read)) >= MIN_SHARED


def rare(names: Iterable[str], index: SymbolIndex, read: Callable[[str], str | None]) -> set[str]:
    """Give the names that few files have."""
    chunks, files = index.chunks(read), len(index.paths())
    most = max(RARE_FILES, RARE_SHARE * files)
    return {each for each in names if len(each) >= MIN_RARE_CHARS and len(chunks.paths_with(each)) <= most}


def is_code(before: str, hole: str) -> bool:
    """Tell a hole of code that says something from prose, text in strings, and code that was commented out."""
    first = before[before.rfind("\n") + 1 :]
    lines = [first + hole.split("\n", 1)[0], *hole.split("\n")[1:]]
    if REMARK.match(lines[0]) or _is_inside_string(first) or lines[0].lstrip().startswith("#include"):
        return False
    if before.count('"""') % 2 or before.count("'''") % 2:
        return False  # a docstring
    if re.search(r"\w$", first) and re.match(r"\w", hole):
        return False  # the rest of a word
    bare = STRING.sub("", hole)
    names = {each for each in IDENTIFIER.findall(bare) if len(LETTERS.findall(each)) and len(each) > 1}
    letters = sum(map(str.isalnum, hole))
    if len("".join(hole.split())) < MIN_HOLE_CHARS or len(names) < MIN_HOLE_NAMES:
        return False
    return letters - sum(map(str.isalnum, bare)) <= MAX_TEXT_SHARE * letters


def _is_inside_string(line: str) -> bool:
    rest = re.sub(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`", "", line)
    return '"' in rest or "`" in rest
