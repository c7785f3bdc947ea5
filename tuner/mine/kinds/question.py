"""Kind `question`: questions about the repository's own names, with answers that are computed from its syntax trees.

Asked: where a name is defined, its signature, what calls it, which files import it, and what a file defines. An answer
names path, kind and signature and no line, since lines move with every commit; the rest is true as long as the name is.

Dropped without a count, since they are candidates: names that are defined more than once, private, local, of one or
two letters, in tests or examples, properties, or with a signature too long for a line; signatures that nobody asks for
(`main`, getters, nothing in and nothing out, or another thing once decorated); methods of Rust that a trait of
somebody else asks for, unless they are documented; and what may be incomplete: calls and
imports of names with a use that cannot be told for sure, and files with methods of a type that another file defines.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator

from tuner.mine.drafts import Draft, SourceFile, Surroundings
from tuner.mine.resolve import family_of
from tuner.mine.symbol_index import Site, SymbolIndex
from tuner.mine.symbols import TYPE_KINDS, Definition

MAX_PER_SYMBOL, MAX_LISTED = 3, 5
MIN_NAME_CHARS, MIN_DEFINED, MAX_DEFINED = 3, 2, 15
SIGNED_KINDS = ("function", "method", "macro")
ONLY_IN_FUNCTIONS = ("c", "java", "rust")
TEST_PATH = re.compile(
    r"(^|/)(tests?|bench(?:marks?)?|testing|spec|specs|__tests__|testdata|fixtures|mocks?|"
    r"examples?|samples?|demos?)/|(^|[/_.-])(test|spec)s?[_.-]",
    re.I,
)
WHERE = (
    "In {repo}, where is `{name}` defined?",
    "Where does {repo} define `{name}`?",
    "Which file of {repo} has `{name}`?",
    "I am looking for `{name}` in {repo}. Where is it?",
)
SIGNATURE = (
    "What is the signature of `{name}` in {repo}?",
    "In {repo}, how is `{name}` declared?",
    "Show the signature of `{name}` ({repo}).",
)
CALLERS = (
    "Who calls `{name}` in {repo}?",
    "In {repo}, which functions call `{name}`?",
    "Where is `{name}` called in {repo}?",
)
IMPORTERS = (
    "Which files of {repo} import `{name}`?",
    "Who imports `{name}` in {repo}?",
    "In {repo}, which modules import `{name}`?",
)
DEFINES = (
    "What does `{name}` define in {repo}?",
    "In {repo}, what is in `{name}`?",
    "List what `{name}` of {repo} defines.",
)
DECORATORS = re.compile(rb"(?:\s*@[^\n]*\n)+")
IS_PROPERTY = re.compile(rb"@[\w.]*(?:property|\.setter|\.getter|\.deleter)\b")
KEEPS_SIGNATURE = re.compile(
    rb"@(?:[\w.]*\.)?(?:staticmethod|classmethod|abstractmethod|override|Override|overload|final)\b"
)
NO_PARAMETERS = re.compile(
    r"\(\s*(?:void|self|cls|&(?:mut )?self|mut self)?\s*\)\s*(?:(?:->|:)\s*(?:None|void|\(\)|unit)\s*)?$"
)
NO_NAMES = frozenset({"main", "constructor", "__init__"})
EVERYWHERE = frozenset({"equals", "hashCode", "toString"})  # what they are for stands in no repository
VARIABLE = re.compile(r"(?:export\s+)?(?:const|let|var)\b")
NAMESPACE = re.compile(r"^\s*(?:export\s+)?(?:declare\s+)?(?:namespace|module)\s+\w", re.MULTILINE)
HANDED_ON = r"export\s*(?:type\s*)?{{[^}}]*\b{name}\b|pub use [^;]*\b{name}\b"
NO_RESULT = r"(?:template ?<.*> |(?:[A-Z][A-Z_\d]{{2,}}|explicit|constexpr|inline) )*{name} ?\("
GETTER = re.compile(r"(?:get|is)[A-Z0-9]\w*")
PRIVATE = re.compile(r"\bprivate\b")
JAVADOC_TAG = re.compile(r"\{@\w+\s+([^{}]*)\}")
Asked = tuple[str, str]


def drafts(file: SourceFile, around: Surroundings) -> Iterator[Draft]:
    """Yield up to `mine.questions_per_file` questions, in an order that chance decides; at most three for a name."""
    if file.tree is None or TEST_PATH.search(file.path):
        return
    chance = file.chance("question")
    builders: list[Callable[[], Asked | None]] = []
    for definition in around.index.symbols(file.path).definitions:
        if (
            _is_askable(definition, file.path, around.index)
            and not IS_PROPERTY.search(_decorators(file.data, definition))
            and not _is_asked_for_elsewhere(definition, file, around.index)
        ):
            site = Site(file.path, definition)
            found = [
                lambda ask=ask, site=site: ask(site, around, chance) for ask in (where, signature, callers, importers)
            ]
            builders += chance.sample(found, MAX_PER_SYMBOL)
    builders.append(lambda: defines(file, around, chance))
    chance.shuffle(builders)
    left = file.settings.questions_per_file
    for build in builders:
        if left and (asked := build()) is not None:
            left -= 1
            yield file.draft("question", asked[1], instruction=asked[0])


def where(site: Site, around: Surroundings, chance: random.Random) -> Asked | None:
    """Ask for a name's file; answer with path, kind and signature, and what its documentation begins with."""
    definition = site.definition
    answer = f"`{definition.full_name}` is {_a(definition.kind)} in `{site.path}`"
    answer += f": `{definition.signature}`." if definition.signature and "`" not in definition.signature else "."
    doc = JAVADOC_TAG.sub(r"\1", definition.doc)
    if doc and "`" not in doc and "{@" not in doc:
        answer += f" {doc}" + ("" if doc.endswith((".", "!", "?")) else ".")
    return _worded(WHERE, definition.full_name, around, chance), answer


def signature(site: Site, around: Surroundings, chance: random.Random) -> Asked | None:
    """Ask for a function's signature; none where it says nothing, or is not what a caller sees."""
    definition = site.definition
    if "(" not in definition.signature or definition.kind not in SIGNED_KINDS or _is_trivial(definition, site.path):
        return None
    text = around.read(site.path) or ""
    lines = _decorators(text.encode(), definition).strip().split(b"\n") if family_of(site.path) == "python" else []
    if not all(KEEPS_SIGNATURE.match(line.strip()) for line in lines if line.strip()):
        return None
    answer = f"`{definition.signature}`, {_a(definition.kind)} in `{site.path}`."
    return _worded(SIGNATURE, definition.full_name, around, chance), answer


def callers(site: Site, around: Surroundings, chance: random.Random) -> Asked | None:
    """Ask what calls a function; none where a call of its name may be of something else."""
    name, index = site.definition.name, around.index
    if site.definition.kind != "function" or not _is_read_everywhere(name, site.path, around):
        return None
    found = set()
    for path, call in index.callers(name):
        meant = index.meaning(path, call)
        if meant == (site,) and not call.inside and family_of(path) in ONLY_IN_FUNCTIONS:
            return None  # the function around it was not read as one
        if meant == (site,):
            found.add(f"`{path}`: `{call.inside}`" if call.inside else f"`{path}`, outside any named function")
        elif not meant and family_of(path) == family_of(site.path):
            return None
    if not found:
        return None
    return _worded(CALLERS, name, around, chance), _listed(sorted(found), f"calls `{name}`", f"call `{name}`", "place")


def importers(site: Site, around: Surroundings, chance: random.Random) -> Asked | None:
    """Ask which files import a name itself, be it through another file that hands it on."""
    definition, index = site.definition, around.index
    if definition.owner or not _is_read_everywhere(definition.name, site.path, around):
        return None
    found = []
    for path in index.importers_by_name(definition.name):
        meant = index.imported(path, definition.name)
        if meant == (site,) and path != site.path:
            if re.search(HANDED_ON.format(name=re.escape(definition.name)), around.read(path) or ""):
                return None  # it hands the name on, and whether it uses it is not told
            found.append(path)
        elif not meant and family_of(path) == family_of(site.path) and not index.is_foreign(path, definition.name):
            return None
    if all(path.endswith("/__init__.py") for path in found):
        return None  # nobody, or only the package that hands it on
    answer = _listed(
        [f"`{path}`" for path in found], f"imports `{definition.name}`", f"import `{definition.name}`", "file"
    )
    return _worded(IMPORTERS, definition.name, around, chance), answer


def defines(file: SourceFile, around: Surroundings, chance: random.Random) -> Asked | None:
    """Ask what a file defines at its top, methods outside their type included; none where something is left out."""
    definitions = around.index.symbols(file.path).definitions
    own = {each.name for each in definitions if each.kind in TYPE_KINDS}
    is_nested = family_of(file.path) == "script" and NAMESPACE.search(file.text) is not None
    if is_nested or any(each.owner and each.owner not in own for each in definitions):
        return None
    types = [each for each in definitions if each.kind in TYPE_KINDS]
    top = [
        each
        for each in definitions
        if each.kind != "local" and not any(of.start <= each.start and each.end <= of.end for of in types if of != each)
    ]
    if any(each.kind == "variable" or not _is_public(each.name) for each in top):
        return None
    found = dict.fromkeys((each.full_name, each.kind) for each in top)
    if not MIN_DEFINED <= len(found) <= MAX_DEFINED:
        return None
    shown = ", ".join(f"`{name}` ({kind})" for name, kind in found)
    return _worded(DEFINES, file.path, around, chance), f"`{file.path}` defines {shown}."


def _is_askable(definition: Definition, path: str, index: SymbolIndex) -> bool:
    if definition.kind not in (*TYPE_KINDS, "function", "method", "macro", "constant") or not _is_public(
        definition.name
    ):
        return False
    if definition.name in NO_NAMES | EVERYWHERE or PRIVATE.match(definition.signature):
        return False
    if family_of(path) == "c" and re.match(NO_RESULT.format(name=re.escape(definition.name)), definition.signature):
        return False  # a constructor whose class was not read as one
    if definition.kind == "type" and definition.owner:
        return False  # what an implementation has to name
    if definition.kind == "constant" and not definition.name[0].isupper():
        return False  # a value that a script passes on: nobody asks for it
    if definition.kind == "method":
        same = [each for each in index.definitions(definition.name) if each.definition.owner == definition.owner]
        return len(same) == 1 and _is_public(definition.owner) and len(index.definitions(definition.owner)) == 1
    return len(index.definitions(definition.name)) == 1 and index.definitions(definition.name)[0].path == path


def _is_asked_for_elsewhere(definition: Definition, file: SourceFile, index: SymbolIndex) -> bool:
    """Tell a method without documentation of a trait that the repository does not define: it looks as it has to."""
    if file.language.name != "rust" or definition.kind != "method" or definition.doc or file.tree is None:
        return False
    node = file.tree.root_node.descendant_for_byte_range(definition.start, definition.start + 1)
    while node is not None and node.type != "impl_item":
        node = node.parent
    trait = node.child_by_field_name("trait") if node is not None else None
    name = re.search(r"(\w+)(?:<.*)?$", (trait.text or b"").decode(), re.DOTALL) if trait is not None else None
    return name is not None and not any(each.definition.kind == "trait" for each in index.definitions(name[1]))


def _is_trivial(definition: Definition, path: str) -> bool:
    is_getter = family_of(path) == "java" and GETTER.fullmatch(definition.name) and "()" in definition.signature
    says_nothing = NO_PARAMETERS.search(definition.signature) is not None or (
        family_of(path) == "java" and re.search(r"\bvoid \w+\(\)", definition.signature) is not None
    )
    is_cut = VARIABLE.match(definition.signature) is not None  # of an arrow function, which its arrow makes one
    return is_cut or bool(is_getter) or says_nothing


def _decorators(data: bytes, definition: Definition) -> bytes:
    match = DECORATORS.match(data, definition.start)
    return match[0] if match is not None else b""


def _is_public(name: str) -> bool:
    return len(name) >= MIN_NAME_CHARS and not name.startswith(("_", "~", "#", "[", '"', "'"))


def _is_read_everywhere(name: str, path: str, around: Surroundings) -> bool:
    """Tell whether each file of the language that has the name could be parsed, so that no use of it is missed."""
    family = family_of(path)
    return not any(
        family_of(each) == family and not around.index.symbols(each).is_read
        for each in around.index.chunks(around.read).paths_with(name)
    )


def _worded(wordings: tuple[str, ...], name: str, around: Surroundings, chance: random.Random) -> str:
    return chance.choice(wordings).format(name=name, repo=around.repo)


def _listed(found: list[str], one: str, many: str, thing: str) -> str:
    """List the first five, and say how many there are."""
    if len(found) == 1:
        return f"One {thing} {one}: {found[0]}."
    shown = "\n".join(f"- {each}" for each in found[:MAX_LISTED])
    more = f", the first {MAX_LISTED} by path" if len(found) > MAX_LISTED else ""
    return f"{len(found)} {thing}s {many}{more}:\n{shown}"


def _a(kind: str) -> str:
    return f"{'an' if kind[0] in 'aeiou' else 'a'} {kind}"
