"""Find which local names of a file stand for something that it imports from given modules.

In: a text, its language's family, and the modules, as they are written. Out: the names. It reads lines, without a
syntax tree, since half of an answer's file may not parse. Forms of import that the patterns do not know bind nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tuner.identifiers import WORD

_IMPORTED = {
    "python": re.compile(
        r"^[ \t]*from[ \t]+([\w.]+)[ \t]+import[ \t]+(?:\(([^)]*)\)|([^\n]*))|^[ \t]*import[ \t]+([^\n]+)", re.M
    ),
    "javascript": re.compile(r"""\bimport\s+(?:type\s+)?([^'";]+?)\s+from\s+['"]([^'"\n]+)['"]"""),
    "go": re.compile(r"""^[ \t]*(?:import[ \t]+)?(?:(\w+)[ \t]+)?"([\w./-]+)"[ \t]*$""", re.M),
    "java": re.compile(r"^[ \t]*import[ \t]+(?:static[ \t]+)?([\w.]+)[ \t]*;", re.M),
    "rust": re.compile(r"^[ \t]*(?:pub[ \t]+)?use[ \t]+([\w:]+)(?:::\{([^}]*)\})?", re.M),
}


def bound_by(text: str, family: str, foreign: set[str]) -> Iterator[str]:
    """Yield the local names that stand for something of the modules in `foreign`."""
    if family not in _IMPORTED or not foreign:
        return
    for found in _IMPORTED[family].finditer(text):
        groups = [each or "" for each in found.groups()]
        if family == "python":
            source, names, line, plain = groups
            if source in foreign:
                yield from (part.split()[-1] for part in (names or line).partition("#")[0].split(",") if part.split())
            for part in plain.partition("#")[0].split(","):
                words = part.split()
                if words and words[0] in foreign:
                    yield words[-1].partition(".")[0]
        elif family == "javascript":
            if groups[1] in foreign:
                yield from WORD.findall(groups[0])
        elif family == "go":
            if groups[1] in foreign:
                yield groups[0] or re.sub(r"\W.*", "", groups[1].rstrip("/").split("/")[-1])
        elif family == "java":
            if groups[0] in foreign:
                yield groups[0].rpartition(".")[2]
        elif re.split("::", groups[0])[0] in foreign:
            yield from (WORD.findall(groups[1]) if groups[1] else [groups[0].rpartition("::")[2]])
            yield groups[0].partition("::")[0]
