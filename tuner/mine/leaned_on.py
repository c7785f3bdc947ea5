"""Show what a test leans on where it stands in other files of the repository: types, helpers, macros, fixtures.

In: a test, what is shown anyway, and the repository at its commit. Out: pieces of other files, and whether that is all:
short definitions whole, of long ones the head with its documentation, of long types the members that the test uses.
Definitions are found by name among the files that the test can see; a method only where its type is named nearby or no
other has that name. No more than `MAX_LINES` lines, those of names used first before others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tuner.mine.commit_tree import CommitTree
from tuner.mine.fixtures import KNOWN, bound_names, given_counts, words
from tuner.mine.parsed import Parsed
from tuner.mine.preconditions import asked_fixtures
from tuner.mine.resolve import family_of
from tuner.mine.symbols import TYPE_KINDS, Definition
from tuner.mine.test_code import TestFunction

MAX_LINES, MAX_WHOLE_LINES, MAX_HEAD_LINES, MAX_MEMBERS = 60, 12, 5, 8
MAX_CONSTRUCTORS = 3  # that are only declared
SHORT_LINES = 25  # of what is shown: its own callees in other files are shown, too
CALLED = re.compile(r"(?<![.\w])([A-Za-z_]\w{2,})\(")
MOST_OVERLOADS, MAX_TEXT_LINES = 2, 4
MIN_NAME_CHARS, MIN_METHOD_CHARS = 2, 5
OPENED = re.compile(r"[;{},]\s*(?://.*)?$")
MODULE = re.compile(r"^import (\w+(?: as \w+)?)[ \t]*$", re.MULTILINE)
NAME = re.compile(r"[A-Za-z_$][\w$]*")
TYPE_LINE = re.compile(
    r"(?:(?:export|default|public|final|abstract|static|sealed)\s+)*(?:class|struct|enum|record)\b.*[{:]$"
)
REMARK = re.compile(r"\s*(?://|/\*|\*|#(?!\s*(?:define|include|if|endif))|\"{3}|'{3})")
STANDARD = ("std", "testing", "internal", "boost", "chrono", "literals")  # namespaces that no header here explains
# What the usual test runners of C and C++ bring along.
RUNNER = re.compile(
    r"(?:EXPECT|ASSERT)_(?:EQ|NE|LT|LE|GT|GE|TRUE|FALSE|THROW|NO_THROW|ANY_THROW|STREQ|STRNE|STRCASEEQ|DOUBLE_EQ|"
    r"FLOAT_EQ|NEAR|THAT|DEATH\w*|EXIT|CALL|PRED\w*|DEBUG_DEATH)|TEST\w*|TYPED_TEST\w*|SCOPED_TRACE|SUCCEED|FAIL|"
    r"ADD_FAILURE\w*|GTEST_\w+|MOCK_\w+|ON_CALL|REQUIRE\w*|CHECK\w*|SECTION|INFO|CAPTURE|E[A-Z]+|[A-Z]+_(?:MAX|MIN)|"
    r"NULL|EOF|BUFSIZ|NAN|INFINITY"
)
LIBRARY = re.compile(
    r"(?:w?char|u?int|ptrdiff|size|ssize|time|wint|max_align|u?intptr|u?int\w+|char\w+)_t|FILE|tm|errno|_"
)


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Pieces by path, in the order of their first use, and the names that nothing explains.

    `types` are those that the repository defines, as far as the test names them.
    """

    pieces: dict[str, str]
    missing: frozenset[str]
    is_whole: bool
    types: frozenset[str]


def elsewhere(
    file: Parsed,
    test: TestFunction,
    path: str,
    tested: str,
    shown: str,
    tree: CommitTree,
    checked: frozenset[str] = frozenset(),
) -> Elsewhere:
    """Find what a test in `path` names and what `shown` does not define; `tested` is the tested function's file.

    `checked` are methods whose results the test checks: of those that the repository defines, all lines must be shown.
    """
    modules = {name for names in MODULE.findall(file.data.decode("utf-8", "replace")) for name in NAME.findall(names)}
    used = _used(file, test, modules)
    said = set(shown.split("\n"))
    family = family_of(path)
    defined = _defined_in(shown)
    near = {*(name for name, _ in used), *NAME.findall(shown)}
    places = tree.seen_from(path, (tested,), near)
    members = {name for name, on in used if on}
    chosen = _Chosen({}, said, tree)
    is_whole = True
    missing, unseen = set(), set()
    tokens = words(file, test.start, test.end) if family == "c" else []
    for name, on in used:
        if name in defined or name in modules or name == test.name:
            continue
        if on == ">":  # a member of a type with parameters: which one, only its definition tells
            is_whole = False
            continue
        given = given_counts(tokens, name)
        found = [each for each in _find(name, on, places, tree, near, path, test) if _fits(*each, given, tree)]
        if name in checked and on == "." and _is_hidden_method(name, found, places, tree):
            unseen.add(name)
        if not found and family == "c" and _is_own(name, on):
            by_text = [each for each in _by_text(name, places, tree) if _lines_fit(name, *each, given, tree)]
            if not by_text or not all(chosen.add(place, [lines]) for place, lines in by_text):
                missing.add(name)
        for place, definition in found:
            shows = _lines(tree.text(place) or "", definition, tree.symbols(place).definitions, members)
            is_whole = chosen.add(place, shows) and is_whole
            if family == "python" and not on:  # what a fixture gives says whose methods are called
                text = tree.text(place) or ""
                near |= {each for lines in shows for each in NAME.findall("\n".join(text.split("\n")[slice(*lines)]))}
    for name in dict.fromkeys(CALLED.findall(shown) if shown.count("\n") < SHORT_LINES else ()):
        callees = _find(name, "", tree.seen_from(tested), tree, near, path, test) if name not in defined else []
        for place, definition in callees:
            first, last = _range(tree.text(place) or "", definition)
            if place != tested and definition.kind == "function" and last - first <= MAX_WHOLE_LINES:
                chosen.add(place, [(first, last)])
    pieces = {place: _joined(tree.text(place) or "", ranges) for place, ranges in chosen.ranges.items() if ranges}
    texts = "\n".join(pieces.values())
    missing = {each for each in missing if not re.search(rf"\b{each}\b", texts)}
    types = frozenset(name for name, _ in used if _is_type(name, places, tree))
    return Elsewhere(pieces, frozenset(missing | unseen), is_whole, types)


@dataclass(slots=True)
class _Chosen:
    """The lines to be shown, by file, within the limit; `said` are lines that are shown anyway."""

    ranges: dict[str, list[tuple[int, int]]]
    said: set[str]
    tree: CommitTree

    def add(self, place: str, lines: list[tuple[int, int]]) -> bool:
        """Add lines that are not there yet; say whether there was room."""
        text, there = self.tree.text(place) or "", self.ranges.get(place, [])
        new = [each for each in lines if each not in there and not _stands_in(text, each, self.said)]
        size = sum(last - first for ranges in (*self.ranges.values(), new) for first, last in ranges)
        if size <= MAX_LINES:
            self.ranges[place] = [*there, *new]
        return size <= MAX_LINES


def _stands_in(text: str, lines: tuple[int, int], said: set[str]) -> bool:
    """Tell whether most of some lines are shown already."""
    found = [line for line in text.split("\n")[slice(*lines)] if line.strip() and not REMARK.match(line)]
    return sum(line in said for line in found) * 2 > len(found)


def _used(file: Parsed, test: TestFunction, modules: set[str]) -> list[tuple[str, str]]:
    """List the names that a test uses with what they are used on: empty, a namespace or type, or a dot."""
    tokens = words(file, test.start, test.end)
    if file.language.name in ("c", "cpp"):
        tokens = tokens[tokens.index("{") if "{" in tokens else 0 :]  # without the test's own title
    family = family_of("x.cc") if file.language.name in ("c", "cpp") else file.language.name
    known = KNOWN.get("script" if family in ("javascript", "typescript", "tsx") else family, frozenset())
    local = bound_names(tokens)
    if file.language.name == "python":  # what a test takes are fixtures
        head = tokens.index("def") if "def" in tokens else 0  # below decorators
        local -= set(tokens[head : tokens.index(")", head) if ")" in tokens[head:] else head])
    if family == "c":
        local |= _c_locals(tokens)
    asked = asked_fixtures(file.text(test.start, test.end)) if file.language.name == "python" else set()
    found: dict[tuple[str, str], None] = dict.fromkeys((name, "") for name in sorted(asked))
    for at, token in enumerate(tokens):
        if len(token) < MIN_NAME_CHARS or not NAME.fullmatch(token) or token in known:
            continue
        before = tokens[at - 1] if at else ""
        after = tokens[at + 1] if at + 1 < len(tokens) else ""
        if (family == "c" and RUNNER.fullmatch(token)) or (after == "::" and not token[0].isupper()):
            continue
        if before in (".", "->", "?."):
            if after == "(":
                found[token, "" if at > 1 and tokens[at - 2] in modules else "."] = None
        elif before == "::":
            found[token, tokens[at - 2] if at > 1 else ""] = None
        elif token not in local:
            found[token, ""] = None
    return list(found)


def _c_locals(tokens: list[str]) -> set[str]:
    """Collect the names after a type: `T x(`, `T x =`, `T x;`, `T& x`, `T x[`, `T> x`."""
    found = set()
    for at in range(1, len(tokens) - 1):
        before, name, after = tokens[at - 1 : at + 2]
        is_typed = NAME.fullmatch(name) and (NAME.fullmatch(before) or before in ("*", "&", ">", "&&"))
        if is_typed and before not in ("return", "new") and after in ("=", ";", "(", "{", "[", ",", ")", ":"):
            found.add(name)
    return found


def _find(
    name: str, on: str, places: list[str], tree: CommitTree, near: set[str], path: str, test: TestFunction
) -> list[tuple[str, Definition]]:
    """Choose the definitions that a name means, at most two."""
    found = [
        (place, each)
        for place, each in _defined(name, places, tree)
        if each.kind not in ("local", "constructor")
        and not (place == path and test.start <= each.start < test.end)
    ]  # fmt: skip
    if on == ".":
        found = [each for each in found if each[1].owner]
        of_near = [each for each in found if each[1].owner in near]
        is_alone = len({(place, each.owner) for place, each in found}) == 1 and len(name) >= MIN_METHOD_CHARS
        found = of_near if len({each.owner for _, each in of_near}) == 1 else found if is_alone else []
    elif on:
        owned = [each for each in found if each[1].owner == on]
        alone = [] if owned else [each for each in found if not each[1].owner]
        found = owned or ([] if alone and _is_type(on, places, tree) else alone)
    else:
        found = [each for each in found if not each[1].owner or each[0] == path] or found[:1]
    of_types = [each for each in found if each[1].kind in TYPE_KINDS]
    whole = of_types or [each for each in found if each[1].end - each[1].start > len(name) + 12] or found
    return whole[: 1 if of_types else MOST_OVERLOADS]


def _is_hidden_method(name: str, found: list[tuple[str, Definition]], places: list[str], tree: CommitTree) -> bool:
    """Tell a method that the repository defines, but that is not clear or too long to be shown whole."""
    ranges = [_range(tree.text(place) or "", each) for place, each in found]
    if any(last - first <= MAX_WHOLE_LINES for first, last in ranges):
        return False
    return any(each.owner for _, each in _defined(name, places, tree))


def _is_type(name: str, places: list[str], tree: CommitTree) -> bool:
    return any(each.kind in TYPE_KINDS for _, each in _defined(name, places, tree))


def _defined(name: str, places: list[str], tree: CommitTree) -> Iterator[tuple[str, Definition]]:
    """Yield the definitions of a name; a file that does not hold the word need not be read for symbols."""
    for place in places:
        if name in (tree.text(place) or ""):
            yield from ((place, each) for each in tree.symbols(place).definitions if each.name == name)


def _fits(place: str, definition: Definition, given: list[int], tree: CommitTree) -> bool:
    """Tell whether some call gives a function of C or C++ as many values as it takes; others fit."""
    if not given or definition.kind in TYPE_KINDS:
        return True
    text = (tree.text(place) or "").encode()[definition.start : definition.end].decode("utf-8", "replace")
    return _takes(text, definition.name, given)


def _lines_fit(name: str, place: str, lines: tuple[int, int], given: list[int], tree: CommitTree) -> bool:
    text = "\n".join((tree.text(place) or "").split("\n")[slice(*lines)])
    return not given or _takes(text, name, given)


def _takes(head: str, name: str, given: list[int]) -> bool:
    """Tell whether one of these numbers of values fits the brackets after a name; what cannot be read does."""
    found = re.search(rf"\b{re.escape(name)}\s*\(", head)
    if found is None:
        return True
    depth, values = 0, [""]
    for sign in head[found.end() :]:
        if sign == ")" and depth == 0:
            break
        depth += (sign in "([{<") - (sign in ")]}>")
        if sign == "," and depth == 0:
            values.append("")
        else:
            values[-1] += sign
    else:
        return True
    values = [each.strip() for each in values if each.strip() not in ("", "void")]
    least = sum("=" not in each and "..." not in each for each in values)
    return any(least <= count and (count <= len(values) or "..." in head) for count in given)


def _by_text(name: str, places: list[str], tree: CommitTree) -> list[tuple[str, tuple[int, int]]]:
    """Find the lines that seem to define a name: macros keep a grammar from knowing many of C++. None when many do."""
    word = re.escape(name)
    pattern = re.compile(
        rf"^[ \t]*#[ \t]*define[ \t]+{word}\b|^[ \t]*{word}[ \t]*=[^=]"
        rf"|^[ \t]*(?:enum[ \t]+)?(?:class|struct|enum)[ \t]+(?:\w+[ \t]+)?{word}\b[^;\n]*$"
        rf"|^[ \t]*using[ \t]+{word}[ \t]*=|^typedef\b[^\n]*\b{word};|^extern\b[^\n]*\b{word}\b[^\n(]*;"
        rf"|^(?!return|else|using|friend|#|//)\w[^\n=;({{]*[\w>&*][ \t]+(?<!operator ){word}[ \t]*\((?![^\n]*;$)",
        re.MULTILINE,
    )
    found: dict[tuple[str, str], tuple[str, tuple[int, int]]] = {}
    for place in places:
        text = tree.text(place) or ""
        for match in pattern.finditer(text) if name in text else ():
            at = text.count("\n", 0, match.start())
            lines = text.split("\n")
            first = at
            while first > 0 and at - first < MAX_TEXT_LINES and re.match(r"template\b|  +\S.*[,>]$", lines[first - 1]):
                first -= 1
            ends = (at + more for more, line in enumerate(lines[at : at + MAX_TEXT_LINES]) if OPENED.search(line))
            found.setdefault((place, lines[at]), (place, (first, next(ends, at) + 1)))
    return list(found.values()) if len(found) <= MOST_OVERLOADS else []


def _is_own(name: str, on: str) -> bool:
    """Tell a name that the repository itself must explain, by how C and C++ write those of libraries."""
    if on == "." or on in STANDARD or RUNNER.fullmatch(name) or LIBRARY.fullmatch(name):
        return False
    return bool(on) or name[0].isupper() or "_" in name


def _defined_in(shown: str) -> set[str]:
    """Collect the names that a shown text seems to define: a word before `(`, `=` or `{` at the start of its line."""
    found: set[str] = set()
    for line in shown.split("\n"):
        if re.match(r"\s*(?:#\s*include|using\b|import\b|from\b)", line):
            continue
        head = re.split(r"[({=;]", line, maxsplit=1)[0]
        found |= set(NAME.findall(head)[-2:]) if line[:1] not in (" ", "\t") else set()
        if method := re.match(r"\s+(?=\S)(?!return\b|else\b)[\w:<>,&* ]*[\w>&*] +(\w+)\([^;]*$", line):
            found.add(method.group(1))
        if TYPE_LINE.match(line):
            found -= set(NAME.findall(head))  # its members are not all there
        if define := re.match(r"\s*#\s*define\s+(\w+)", line):
            found.add(define.group(1))
    return found


def _lines(
    text: str, definition: Definition, beside: tuple[Definition, ...], members: set[str]
) -> list[tuple[int, int]]:
    """Give the lines, from 0, that show a definition."""
    first, last = _range(text, definition)
    if last - first <= MAX_WHOLE_LINES:
        return [(first, last)]
    if definition.kind not in TYPE_KINDS:
        return [_head(text, definition)]
    found = [(first, definition.line)]
    inner = [
        each
        for each in beside
        if each.owner == definition.name and (each.kind == "constructor" or each.name in {*members, "__init__"})
    ]
    found += [_head(text, each) for each in inner[:MAX_MEMBERS]]
    named = {each.name for each in inner}
    body = text.split("\n")[first:last]
    made = re.compile(rf"\s*(?:[\w()]+\s+)*{re.escape(definition.name)}\s*\([^;]*[;{{:,]?")
    said = [(at, line) for at, line in enumerate(body) if not REMARK.match(line)]
    places = [at for at, line in said if not inner and made.match(line) and not re.search(r"\b(?:return|with)\b", line)]
    found += [(first + at, first + at + 1) for at in places[:MAX_CONSTRUCTORS]]
    for name in sorted(members - named):
        at = next((at for at, line in said if re.search(rf"\b{re.escape(name)}\b", line)), None)
        if at is not None:
            found.append((first + at, first + at + 1))
    return list(dict.fromkeys(found)) if len(found) > 1 else []  # the mere head says nothing


def _range(text: str, definition: Definition) -> tuple[int, int]:
    data = text.encode()
    return data.count(b"\n", 0, definition.start), data.count(b"\n", 0, definition.end) + 1


def _head(text: str, definition: Definition) -> tuple[int, int]:
    """Give the first lines of a definition, with the comment above; all of a short one."""
    first, last = _range(text, definition)
    lines = text.split("\n")
    start = first
    while start > 0 and first - start < MAX_HEAD_LINES and re.match(r"\s*(?://|\*|/\*|#(?!\w))", lines[start - 1]):
        start -= 1
    if first - start >= MAX_HEAD_LINES:
        start = first  # a comment is shown whole, or not at all
    if last - first <= MAX_WHOLE_LINES:
        return start, last
    return start, min(last, max(definition.line, first + MAX_HEAD_LINES))


def _joined(text: str, ranges: list[tuple[int, int]]) -> str:
    lines = text.split("\n")
    shown: list[str] = []
    reached = -1
    for first, last in sorted(ranges):
        if reached >= 0 and first > reached:
            shown.append("")
        shown += lines[max(first, reached) : last]
        reached = max(reached, last)
    return "\n".join(shown)
