"""Tell from what a test calls a name on whether it can mean the function under test, or a namesake of it.

In: the tokens of a test, the name, and the imports of the test file. Out: yes or no. A name is called bare, on a
module, on a value (a type counts as one), or on either. A method is called on a value and a free function is not:
`click.edit(...)` is no call of `Editor.edit`, and `cli.command()` none of the function `command`. No verdict for Java,
which has no free functions and calls inherited methods bare, nor for C and C++, whose headers and overloads decide; in
scripts a method often hands on to a function of its name, so that only the first half holds there.
"""

from __future__ import annotations

import re

DOTS = (".", "->", "?.", "::")
PYTHON_MODULE = re.compile(r"^[ \t]*import[ \t]+([\w., \t]+)$", re.MULTILINE)
PYTHON_NAMES = re.compile(r"^[ \t]*from[ \t]+[\w.]+[ \t]+import[ \t]+(\([^)]*\)|[^\n(]+)", re.MULTILINE)
GO_IMPORT = re.compile(r"^[ \t]*(?:import[ \t]+)?(?:(\w+)[ \t]+)?\"([^\"\n]+)\"[ \t]*$", re.MULTILINE)
SCRIPT_MODULE = re.compile(r"\bimport[ \t]+\*[ \t]+as[ \t]+(\w+)")


def is_namesake_called(tokens: list[str], name: str, owner: str, language: str, imports: str) -> bool:
    """Tell whether every call of a name means another function than the one of `owner` (empty: a free one)."""
    modules, either = modules_of(imports, language)
    forms = call_forms(tokens, name, modules, either)
    if not forms or "either" in forms:
        return False
    if owner:
        return language in ("python", "go", "rust", "typescript", "javascript", "tsx") and "value" not in forms
    return language in ("python", "go", "rust") and forms == {"value"}


def call_forms(tokens: list[str], name: str, modules: set[str], either: set[str]) -> set[str]:
    """Give the ways in which a name is called: bare, on a module, on a value, or on either of these."""
    forms = set()
    for at in range(len(tokens) - 1):
        if tokens[at] != name or tokens[at + 1] not in ("(", "::", "<"):
            continue
        if at == 0 or tokens[at - 1] not in DOTS:
            if at == 0 or tokens[at - 1] not in ("def", "fn", "func", "function"):
                forms.add("bare")
            continue
        root = at - 2
        while root > 1 and tokens[root - 1] in DOTS and re.fullmatch(r"\w+", tokens[root - 2]):
            root -= 2
        on, first = tokens[at - 2] if at > 1 else "", tokens[max(root, 0)]
        if tokens[at - 1] == "::":
            forms.add("value" if on[:1].isupper() or on in ("", ">") else "module")
        elif on[:1].isupper():
            forms.add("value")
        elif first in either:
            forms.add("either")
        else:
            forms.add("module" if first in modules else "value")
    return forms


def modules_of(imports: str, language: str) -> tuple[set[str], set[str]]:
    """Give the names that imports bind to modules, and those that may be modules or values."""
    if language == "python":
        parts = [part.split() for line in PYTHON_MODULE.findall(imports) for part in line.split(",")]
        modules = {words[-1].split(".")[0] for words in parts if words}
        names = [part.split() for line in PYTHON_NAMES.findall(imports) for part in line.strip("()").split(",")]
        return modules, {words[-1] for words in names if words}
    if language == "go":
        found = GO_IMPORT.findall(imports)
        return {alias or re.sub(r"/v\d+$", "", path).rpartition("/")[2] for alias, path in found}, set()
    return set(SCRIPT_MODULE.findall(imports)), set()
