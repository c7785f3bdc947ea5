"""Find the identifiers of a text and the modules that it imports, without a syntax tree: fast, and for any language.

In: a text, whole or a few lines of it, and its language's name. Out: sets of words. Left out: words in comments and in
strings of prose. A string that is itself one word or a dotted path counts, since code names attributes and modules in
strings; so does what stands in the braces of a Python format string or of a JavaScript template. Words of more than
`LONGEST` characters are no names that anyone types.
"""

from __future__ import annotations

import re

LONGEST = 80
WORD = re.compile(r"[^\W\d]\w*")
_NAME_IN_STRING = re.compile(r"[\w$]+(?:[.:/-]+[\w$]+)*\Z")
_FIELD = re.compile(r"\{([^{}]*)\}")
_DOUBLE, _SINGLE = r'"(?:[^"\\\n]|\\.)*"', r"'(?:[^'\\\n]|\\.)*'"
_REST = r"|([^\W\d]\w*)"
_HASH = re.compile(
    r'#[^\n]*|("""(?:[^\\]|\\.)*?"""|' + r"'''(?:[^\\]|\\.)*?'''|" + _DOUBLE + "|" + _SINGLE + ")" + _REST, re.DOTALL
)
_SLASHES = re.compile(r"//[^\n]*|/\*.*?\*/|(" + _DOUBLE + "|" + _SINGLE + r"|`(?:[^`\\]|\\.)*`)" + _REST, re.DOTALL)
# A single quote may begin a lifetime in Rust, and stands between the digits of a number in C++.
_NO_SINGLE = re.compile(r"//[^\n]*|/\*.*?\*/|(" + _DOUBLE + ")" + _REST, re.DOTALL)
_RULES = dict.fromkeys(("rust", "c", "cpp", "cuda", "java", "kotlin", "scala", "swift"), _NO_SINGLE)
_RULES |= dict.fromkeys(("javascript", "typescript", "tsx", "go", "php", "csharp", "dart", "vue", "svelte"), _SLASHES)
_IMPORTS = {
    "python": re.compile(r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import\b|import[ \t]+([\w.]+(?:[^\n#]*)))", re.MULTILINE),
    "javascript": re.compile(r"""\b(?:from|import|require\()\s*\(?['"]([^'"\n]+)['"]"""),
    "go": re.compile(r"""^[ \t]*(?:import[ \t]+)?(?:[\w.]+[ \t]+)?"([\w./-]+)"[ \t]*$""", re.MULTILINE),
    "java": re.compile(r"^[ \t]*import[ \t]+(?:static[ \t]+)?([\w.]+)", re.MULTILINE),
    "rust": re.compile(r"^[ \t]*(?:pub(?:\([^)]*\))?[ \t]+)?(?:use|extern[ \t]+crate)[ \t]+(?:::)?(\w+)", re.MULTILINE),
    "c": re.compile(r"^[ \t]*#[ \t]*include[ \t]*<([^>\n]+)>", re.MULTILINE),
}
_SAME = {"typescript": "javascript", "tsx": "javascript", "cpp": "c", "cuda": "c"}


def family_of(language: str) -> str:
    """Name the language whose imports and own names a language shares."""
    return _SAME.get(language, language)


def identifiers_of(text: str, language: str) -> set[str]:
    """Collect the names in a text."""
    found: set[str] = set()
    for string, word in _RULES.get(language, _HASH).findall(text):
        if word:
            found.add(word)
        elif string:
            inner = string.strip("\"'`")
            if len(inner) <= LONGEST and _NAME_IN_STRING.match(inner):
                found.update(WORD.findall(inner))
            elif "{" in inner:
                found.update(each for field in _FIELD.findall(inner) for each in WORD.findall(field))
    return {each for each in found if len(each) <= LONGEST}


def imports_of_text(text: str, language: str) -> set[str]:
    """Collect the modules that the lines of a text import, as they are written."""
    family = family_of(language)
    if family not in _IMPORTS:
        return set()
    found = _IMPORTS[family].findall(text)
    if family != "python":
        return set(found)
    modules: set[str] = set()
    for source, listed in found:
        modules.update([source] if source else (each.split()[0] for each in listed.split(",") if each.split()))
    return modules


def words_of_path(path: str) -> set[str]:
    """Give the words of a path without its ending: in most languages they name modules."""
    parts = path.split("/")
    parts[-1] = parts[-1].partition(".")[0]
    return {word for part in parts for word in (part, part.replace("-", "_")) if word}
