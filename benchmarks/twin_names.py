"""Find the names that a Python repository defines itself, and those that it merely uses.

In: a repository. Out: `Own`: the names to rename, and of those that stay how many and why. Read are the Python files of
HEAD and of `SAMPLES` older trees, evenly spread; a name that no such tree defines is renamed nowhere, which is as
consistent. Left out are built-in names, keywords, dunder names, names of fewer than three characters, methods of
built-in types (`write`, `read`, `close`), and whatever the repository attributes to a module that is not its own: what
it imports by name, looks up on an import, passes by keyword to one, or overrides of one.
"""

from __future__ import annotations

import builtins
import collections
import datetime
import enum
import functools
import io
import keyword
import pathlib
import re
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from tree_sitter import Node, Query, QueryCursor

from tuner.grammars import grammar, parser
from tuner.mine.history import SUBMODULE, SYMLINK
from tuner.mine.plumbing import Blobs, Git
from tuner.standard_names import KEYWORDS, TESTING_NAMES, standard_names

SAMPLES = 40
MOST_BYTES = 1 << 20
FEWEST_CHARS = 3
FOREIGN_SHARE = 0.2  # of the times that a name is imported, looked up or passed by keyword
PYTHON = ("tree_sitter_python", "language")
PYTHON_ENDINGS = (".py", ".pyi", ".pyw")
CORE_TYPES = (
    *(str, bytes, bytearray, int, float, complex, list, tuple, dict, set, frozenset, type, property, memoryview),
    *(BaseException, OSError, SyntaxError, UnicodeDecodeError, StopIteration, ImportError, SystemExit),
    *(io.TextIOWrapper, io.BytesIO, io.StringIO, io.RawIOBase, pathlib.PurePath, pathlib.Path, enum.Enum),
    *(type(re.compile("")), re.Match, type(iter("")), type(_ for _ in ()), type(len), type(lambda: 0), slice, range),
    *(datetime.datetime, datetime.timedelta, datetime.tzinfo, threading.Thread, subprocess.Popen, staticmethod),
    *(collections.deque, collections.Counter, collections.OrderedDict, functools.partial),
)
# What Python 2 had, and what no tree of today would show to be foreign.
OLD_NAMES = """basestring unicode xrange raw_input unichr long reduce file cmp reload intern execfile apply buffer
    coerce iteritems iterkeys itervalues has_key viewkeys viewitems viewvalues next im_func im_self func_name func_code
    func_defaults assertEquals assertItemsEqual strict ignore surrogateescape backslashreplace"""
# Names of files and folders by which tools, and mining, know what they hold.
PLACES = """src lib tests test testing docs doc examples example conftest setup conf index main scripts bin build dist
    vendor vendored third_party licenses requirements tasks fabfile noxfile conanfile manage wsgi asgi benchmarks bench
    tools fixtures data templates static migrations app readme license changes changelog contributing makefile"""
QUERY = """
(function_definition name: (identifier) @define)
(class_definition name: (identifier) @define)
(module (function_definition name: (identifier) @face))
(module (class_definition name: (identifier) @face))
(module (decorated_definition definition: (_ name: (identifier) @face)))
(parameters [(identifier) @define (_ name: (identifier) @define) (_ . (identifier) @define)
  (typed_parameter (_ (identifier) @define))])
(lambda_parameters [(identifier) @define (_ name: (identifier) @define) (_ . (identifier) @define)])
(assignment left: [(identifier) @define (attribute attribute: (identifier) @define)])
(_ left: (pattern_list [(identifier) @define (attribute attribute: (identifier) @define)]))
(tuple_pattern (identifier) @define)
(list_pattern (identifier) @define)
(for_statement left: (identifier) @define)
(for_in_clause left: (identifier) @define)
(as_pattern_target (identifier) @define)
(named_expression name: (identifier) @define)
(attribute object: (_) @on attribute: (identifier) @attribute)
(call function: (_) @callee arguments: (argument_list (keyword_argument name: (identifier) @argument)))
(class_definition superclasses: (argument_list (_) @base) body: (block [
  (function_definition name: (identifier) @method)
  (decorated_definition definition: (function_definition name: (identifier) @method))]))
(import_statement) @import
(import_from_statement) @import
"""
_MATCHED = Query(grammar(*PYTHON), QUERY)
_ANY_NAMES = frozenset(["dict", "type", "super", "print", "format", "namedtuple", "partial"])


@dataclass(frozen=True, slots=True)
class Own:
    """The names to rename, the modules among them, and how many of the others stay, by reason."""

    names: frozenset[str]
    modules: frozenset[str]
    kept: dict[str, frozenset[str]]


@dataclass(slots=True)
class Seen:
    """What the files of a repository show of its names."""

    defined: set[str] = field(default_factory=set)
    face: set[str] = field(default_factory=set)
    foreign: Counter[str] = field(default_factory=Counter)
    native: Counter[str] = field(default_factory=Counter)
    on_own: Counter[str] = field(default_factory=Counter)
    on_other: Counter[str] = field(default_factory=Counter)


def own_names(git: Git, head: str, samples: int = SAMPLES) -> Own:
    """Find what a repository defines, and set aside what it does not own."""
    modules: set[str] = set()
    shas: dict[str, None] = {}
    for commit in _spread(git, head, samples):
        for sha, path in files_of(git, commit):
            if path.endswith(PYTHON_ENDINGS):
                shas[sha] = None
                modules.update(module_names(path))
    seen, tops = Seen(), frozenset(modules)
    with Blobs(git) as blobs:
        for _, data, _ in blobs.read_many(list(shas), MOST_BYTES):
            if data:
                _look(seen, data, tops)
    return judge(seen, modules)


def judge(seen: Seen, modules: set[str]) -> Own:
    """Tell the repository's own names from those that it merely uses."""
    core = {name for each in CORE_TYPES for name in dir(each)}
    # `group` is a method of a match as well, but where it mostly stands behind the repository's own name it is its own.
    core -= {name for name in core & seen.face if seen.on_own[name] > seen.on_other[name]}
    language = {*dir(builtins), *keyword.kwlist, *keyword.softkwlist, *KEYWORDS["python"].split(), *OLD_NAMES.split()}
    candidates = seen.defined | modules
    kept: dict[str, set[str]] = {}
    reasons = {
        "short": {name for name in candidates if len(name) < FEWEST_CHARS},
        "dunder": {name for name in candidates if name.startswith("__") and name.endswith("__")},
        "language": language,
        "core type": core,
        "test framework": set(TESTING_NAMES["python"].split()),
        "foreign": {
            name for name, count in seen.foreign.items() if count >= FOREIGN_SHARE * (count + seen.native[name])
        },
        "standard module": set(sys.stdlib_module_names),
    }
    for reason, names in reasons.items():
        kept[reason] = candidates & names
        candidates -= names
    return Own(
        frozenset(candidates), frozenset(modules & candidates), {key: frozenset(each) for key, each in kept.items()}
    )


def files_of(git: Git, tree: str) -> Iterator[tuple[str, str]]:
    """Yield the blob and the path of each file of a tree, without links and submodules."""
    for entry in git.run("ls-tree", "-r", "-z", tree, "--").split(b"\0"):
        if entry:
            about, _, path = entry.partition(b"\t")
            mode, _, sha = about.decode().split()
            if mode not in (SYMLINK, SUBMODULE):
                yield sha, path.decode("utf-8", "surrogateescape")


def module_names(path: str) -> Iterator[str]:
    """Yield the names by which a file and its folders can be imported, but for those that tools know."""
    place = PurePosixPath(path)
    known = PLACES.split()
    for name in (*place.parts[:-1], place.stem):
        if name.isidentifier() and name.lower() not in known:
            yield name


def _spread(git: Git, head: str, samples: int) -> list[str]:
    commits = git.run("rev-list", "--first-parent", head, "--").decode().split()
    step = max(1, -(-len(commits) // samples))
    return commits[::step]


def _look(seen: Seen, data: bytes, tops: frozenset[str]) -> None:
    root = parser(*PYTHON).parse(data).root_node
    matches = [captured for _, captured in QueryCursor(_MATCHED).matches(root)]
    foreign: set[str] = set()
    own: set[str] = set()
    for captured in matches:
        for node in captured.get("import", ()):
            _import(node, tops, foreign, own, seen)
    standard = standard_names("python")
    assert standard is not None
    for captured in matches:
        seen.defined.update(_texts(captured.get("define", ())))
        seen.face.update(_texts(captured.get("face", ())))
        if "attribute" in captured:
            name, on = _text(captured["attribute"][0]), _root(captured["on"][0])
            (seen.foreign if on in foreign else seen.native)[name] += 1
            (seen.on_own if on in own else seen.on_other)[name] += 1
        elif "argument" in captured:
            callee = _root(captured["callee"][0])
            is_built_in = captured["callee"][0].type == "identifier" and callee in dir(builtins)
            is_foreign = callee not in _ANY_NAMES and (callee in foreign or is_built_in)
            (seen.foreign if is_foreign else seen.native).update(_texts(captured["argument"]))
        elif "method" in captured and _root(captured["base"][0]) in foreign:
            seen.foreign.update(name for name in _texts(captured["method"]) if name in standard.names)


def _import(node: Node, tops: frozenset[str], foreign: set[str], own: set[str], seen: Seen) -> None:
    text = re.sub(r"#[^\n]*|[()\\]", " ", _text(node))
    source, _, listed = text.partition("import ") if text.startswith("from") else ("", "", text[len("import ") :])
    module = source[len("from") :].strip()
    for each in listed.split(","):
        words = each.split()
        if not words:
            continue
        name, bound = words[0], words[-1]
        top = (module or name).partition(".")[0]
        is_own = module.startswith(".") or (top in tops and top not in sys.stdlib_module_names)
        (own if is_own else foreign).add(bound.partition(".")[0])
        (seen.native if is_own else seen.foreign).update(re.findall(r"\w+", f"{module} {each}"))


def _root(node: Node) -> str:
    while node.type in ("attribute", "call", "subscript", "parenthesized_expression", "keyword_argument"):
        inner = node.child(0) if node.type != "parenthesized_expression" else node.child(1)
        assert inner is not None
        if node.type == "call" and _text(inner).endswith("cast"):
            return ""
        node = inner
    return _text(node) if node.type == "identifier" else ""


def _texts(nodes: Iterable[Node]) -> Iterator[str]:
    return (_text(node) for node in nodes)


def _text(node: Node) -> str:
    return (node.text or b"").decode("utf-8", "replace")
