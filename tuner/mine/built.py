"""Tell tests that make an object in a way that nothing shown explains.

In: the tokens of a test, the types that the repository defines, and all that is shown. Out: yes or no. A type made of
given values needs a constructor that takes as many, among what is shown or in the test itself: its name before brackets
in Java, `constructor` in scripts, `__init__` in Python, where a decorated class, one of fields and one with a base that
is not shown may make it from those. A type made of nothing speaks for itself, and so does one that a library brings.
"""

from __future__ import annotations

import re
from collections.abc import Collection

SCRIPTS = ("javascript", "typescript", "tsx")
OPEN, CLOSE = "([{", ")]}"


def is_unbuilt(tokens: list[str], language: str, own: Collection[str], shown: str) -> bool:
    """Tell whether some constructor call of a test cannot be explained by what is shown."""
    if language not in ("java", "python", *SCRIPTS):
        return False
    made = _made(tokens, is_python=language == "python")
    return any(count and name in own and not _is_shown(name, count, language, shown) for name, count in made)


def _made(tokens: list[str], *, is_python: bool) -> list[tuple[str, int]]:
    """List the types that are made, with the number of values given."""
    found = []
    for at, token in enumerate(tokens):
        if is_python:
            is_made = token[:1].isupper() and tokens[at + 1 : at + 2] == ["("] and tokens[at - 1 : at] != ["class"]
            opening = at + 1
        else:
            is_made = token == "new"
            opening = next((place for place in range(at + 1, min(at + 12, len(tokens))) if tokens[place] == "("), 0)
        if is_made and opening:
            head = re.sub(r"<.*", "", "".join(tokens[at + (not is_python) : opening]))
            found.append((head.rpartition(".")[2], _count(tokens[opening:])))
    return found


def _count(tokens: list[str]) -> int:
    """Count the values in the brackets with which some tokens begin."""
    depth = commas = angles = 0
    for at, token in enumerate(tokens):
        depth += (token in OPEN if token else 0) - (token in CLOSE if token else 0)
        if depth == 0:
            return commas + 1 if at > 1 else 0
        angles = max(0, angles + (token == "<") - (token == ">"))
        commas += token == "," and depth == 1 and not angles
    return commas + 1


def _is_shown(name: str, count: int, language: str, shown: str) -> bool:
    word = re.escape(name)
    if language == "java":
        heads = re.finditer(rf"(?<!new )(?<![.\w@]){word}\s*\(([^()]*)\)", shown)
        return any(_takes(head[1], count) for head in heads if not head[1] or re.search(r"\w\s+\w|\.\.\.", head[1]))
    if language in SCRIPTS:
        return re.search(r"\bconstructor\s*\(", shown) is not None or re.search(rf"\bclass {word}\b", shown) is None
    above = re.search(rf"^(@.*\n)?[ \t]*class {word}\b(?:\(([^)]*)\))?", shown, re.MULTILINE)
    return "__init__" in shown or above is None or bool(above[1]) or (above[2] or "") not in ("", "object")


def _takes(parameters: str, count: int) -> bool:
    taken = _count(["(", *re.findall(r"\w+|\S", parameters), ")"])
    return taken == count or ("..." in parameters and count >= taken - 1)
