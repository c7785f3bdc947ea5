"""Say what a file defines, calls and imports, by its syntax tree.

In: a tree with the bytes that it counts in. Out: `FileSymbols`, which holds no text but names, one-line signatures and
first sentences, so that the symbols of a whole repository fit in memory and can be kept from one run to the next.
Dropped: names in code that did not parse, repeated calls of one name in one function, and C prototypes.
"""

from __future__ import annotations

import bisect
import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from tree_sitter import Node, Query, QueryCursor, Tree

from tuner.grammars import grammar
from tuner.imports import Import, imports_of
from tuner.mine import syntax
from tuner.mine.languages import Language
from tuner.mine.symbol_queries import IMPORT_QUERIES, QUERIES

TYPE_KINDS = ("class", "struct", "union", "enum", "interface", "trait", "record", "annotation", "type")
FUNCTION_KINDS = ("function", "method", "constructor", "local")
KINDS = ("function", "method", "constructor", "constant", "variable", "macro", *TYPE_KINDS)
OWNER_KINDS = ("class", "struct", "union", "enum", "interface", "trait", "record", "annotation", "owner")
MAX_SIGNATURE_CHARS, MAX_DOC_CHARS, MIN_DOC_WORDS, MAX_QUALIFIER_CHARS = 300, 200, 3, 60
UNKNOWN = "?"  # stands for what a call is made on when that is no plain path of names
# What stands before these nodes, once for several of them, and belongs to what they declare.
KEYWORDS = {"type_spec": "type", "const_spec": "const", "var_spec": "var", "type_alias": "type"}
KEYWORDS |= {"variable_declarator": "const"}
AROUND = frozenset({*syntax.WRAPPERS, "lexical_declaration", "variable_declaration"})
NO_NAMES = frozenset({"if", "for", "while", "switch", "return", "else", "do", "sizeof", "defined", "catch"})
QUALIFIER = re.compile(r"[\w$@]+(?:(?:\.|::|->)[\w$]+)*")
ANNOTATION = re.compile(r"@[\w.]+(?:\([^()]*(?:\([^()]*\)[^()]*)*\))?\s*")
COMMENT_MARK = re.compile(r"^[ \t]*(?:/\*+!?|\*+/|//[/!]*|\*+(?!/)|#+!?)[ \t]?|\*+/[ \t]*$", re.MULTILINE)
STRING_MARK = re.compile(r"^[a-zA-Z]{0,2}(\"\"\"|'''|\"|')|(\"\"\"|'''|\"|')$")
STRING = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`[^`]*`", re.DOTALL)
FOLDED = re.compile(r"\n|\t|  ")
CREDIT = re.compile(r"\w+://|\b(?:adapted|copied|taken|borrowed|ported|stolen|lifted) from\b", re.IGNORECASE)
SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=[A-Z`(\"'])|\n\s*\n|\n\s*[@:\\]\w|(?<=[.:])\n")
NOT_A_DOC = re.compile(r"copyright|licen[cs]e|spdx-|eslint|prettier|noqa|pylint|-{4}|={4}|\*{4}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Definition:
    """A named thing of a file. `kind` is one of `KINDS`, or "local" inside a function; `owner` the enclosing type.

    `start` and `end` are bytes and hold decorators; `line` is the one with the name, from 1; `signature` is one line
    and ends before the body; `doc` is the first sentence of docstring or doc comment.
    """

    name: str
    kind: str
    owner: str
    line: int
    start: int
    end: int
    signature: str
    doc: str

    @property
    def full_name(self) -> str:
        """Give the name with the type that it belongs to."""
        return f"{self.owner}.{self.name}" if self.owner else self.name


@dataclass(frozen=True, slots=True)
class Call:
    """A name that is called inside a definition ("" at the top of the file), on `on`: "" bare, "?" an expression."""

    name: str
    on: str
    inside: str


DEFINITION_FIELDS, CALL_FIELDS = tuple(Definition.__dataclass_fields__), tuple(Call.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class FileSymbols:
    """What a file says about names: definitions in the order of the file, calls sorted, imports in order.

    `is_read` is false for a file without a tree: it may use any name that it has.
    """

    definitions: tuple[Definition, ...] = ()
    calls: tuple[Call, ...] = ()
    imports: tuple[Import, ...] = ()
    is_read: bool = False

    def to_plain(self) -> list[Any]:
        """Give nested lists that JSON can hold."""
        return [
            [[getattr(each, name) for name in DEFINITION_FIELDS] for each in self.definitions],
            [[getattr(each, name) for name in CALL_FIELDS] for each in self.calls],
            [[each.module, [list(pair) for pair in each.names]] for each in self.imports],
            self.is_read,
        ]

    @staticmethod
    def from_plain(plain: list[Any]) -> FileSymbols:
        """Build the symbols again from what `to_plain` gave."""
        definitions, calls, imports, is_read = plain
        return FileSymbols(
            tuple(Definition(*each) for each in definitions),
            tuple(Call(*each) for each in calls),
            tuple(Import(module, tuple((there, here) for there, here in names)) for module, names in imports),
            is_read,
        )


@dataclass(slots=True)
class _Span:
    """A definition on its way, or a block that decides what the definitions inside it are.

    `top` is where its decorators begin: they are a part of the text, but what they call is called around it.
    """

    start: int
    end: int
    kind: str
    name: str
    owner: str = ""
    node: Node | None = None
    body: Node | None = None
    top: int = 0


def symbols_of(tree: Tree | None, data: bytes, language: Language) -> FileSymbols:
    """Read a file's symbols; a file without a tree has none. Definitions are in the order of the file."""
    if tree is None or language.grammar is None:
        return FileSymbols()
    spans: list[_Span] = []
    calls: list[tuple[int, str, str]] = []
    docs: dict[int, Node] = {}
    comments: list[Node] = []
    imports: list[tuple[int, Import]] = []
    for _, found in QueryCursor(_query(language)).matches(tree.root_node):
        if "call" in found:
            on = _text(found["on"][0], data) if "on" in found else ""
            calls.append((found["call"][0].start_byte, _text(found["call"][0], data), _qualifier(on)))
        elif "comment" in found:
            comments += found["comment"]
        elif "doc" in found:
            docs[found["doc"][0].start_byte] = found["doc"][0]
        elif "import" in found or "require" in found:
            node = (found.get("import") or found["require"])[0]
            imports += [(node.start_byte, each) for each in imports_of(node, language.name)]
        elif (span := _span(found, data, language.name)) is not None:
            spans.append(span)
            spans += [_Span(each.start_byte, each.end_byte, "scope", "") for each in found.get("scope", ())]
    spans = _without_twins(spans)
    inside = _place(spans, [call[0] for call in calls])
    comments.sort(key=lambda node: node.start_byte)
    remarks = _Remarks(data, comments, docs if language.name == "python" else None)
    definitions = tuple(_definition(span, data, language.name, remarks) for span in spans if span.node is not None)
    called = {Call(name, on, place) for (_, name, on), place in zip(calls, inside, strict=True)}
    imports.sort(key=lambda each: each[0])
    return FileSymbols(
        definitions,
        tuple(sorted(called, key=lambda each: (each.name, each.on, each.inside))),
        tuple(each for _, each in imports),
        is_read=True,
    )


def imports_in(tree: Tree, language: Language) -> tuple[Import, ...]:
    """Read only what a file imports, in order, as `symbols_of` gives it."""
    found: list[tuple[int, Import]] = []
    for _, match in QueryCursor(_query(language, only_imports=True)).matches(tree.root_node):
        node = (match.get("import") or match["require"])[0]
        found += [(node.start_byte, each) for each in imports_of(node, language.name)]
    return tuple(each for _, each in sorted(found, key=lambda each: each[0]))


def _span(found: dict[str, list[Node]], data: bytes, language: str) -> _Span | None:
    """Make a definition, an owner or a scope of one match."""
    if "owner" in found:
        node, of = found["owner"][0], re.match(r"[&\s]*(?:\w+::)*(\w+)", _text(found["of"][0], data))
        return _Span(node.start_byte, node.end_byte, "owner", of.group(1) if of else "")
    if "module" in found:  # what stands in a Rust test module is nobody else's
        is_test = _text(found["module"][0], data) in ("test", "tests")
        block = found["body"][0]
        return _Span(block.start_byte, block.end_byte, "scope" if is_test else "module", "")
    kind = next((name for name in found if name in KINDS), "scope")
    node = found[kind][0]
    if kind == "scope":
        return _Span(node.start_byte, node.end_byte, "scope", "")
    owner, name = "", _text(found["name"][0], data) if "name" in found else ""
    if "declarator" in found:
        owner, name = _c_name(found["declarator"][0], data)
    if "receiver" in found:
        receiver = re.search(r"(\w+)\s*(?:\[[^\]]*\])?\s*\)$", _text(found["receiver"][0], data))
        owner = receiver.group(1) if receiver else ""
    if "modifiers" in found and not {b"static", b"final"} <= set((found["modifiers"][0].text or b"").split()):
        return None
    if not name or name in NO_NAMES or (kind == "function" and language in ("c", "cpp") and not _is_whole(node)):
        return None
    if kind == "variable" and language == "python" and name.isupper():
        kind = "constant"
    top = node
    while top.parent is not None and top.parent.type in AROUND:
        top = top.parent
    body = found["body"][0] if "body" in found else None
    return _Span(node.start_byte, node.end_byte, kind, name, owner, node, body, top.start_byte)


def _is_whole(node: Node) -> bool:
    """Tell whether a C function was read as one: macros before it may turn it into something else."""
    declarator = node.child_by_field_name("declarator")
    return declarator is not None and not declarator.has_error and node.parent is not None and not node.parent.is_error


def _c_name(declarator: Node, data: bytes) -> tuple[str, str]:
    """Find the name inside pointers and references; give (class, name)."""
    node: Node | None = declarator
    while node is not None and node.type != "function_declarator":
        node = node.child_by_field_name("declarator") or (node.named_children[-1] if node.named_children else None)
    name = node.child_by_field_name("declarator") if node is not None else None
    if name is None or name.type not in ("identifier", "field_identifier", "qualified_identifier", "destructor_name"):
        return "", ""
    scope, _, last = re.sub(r"<[^<>]*>|\s+", "", _text(name, data)).rpartition("::")
    return scope.rpartition("::")[2], last


def _without_twins(spans: list[_Span]) -> list[_Span]:
    """Sort, and keep the outer one of `typedef struct a {} a`, and the function of `const f = () => {}`."""
    spans.sort(key=lambda span: (span.start, -span.end, span.kind == "constant", span.kind))
    kept: list[_Span] = []
    last: dict[str, _Span] = {}
    for span in spans:
        twin = last.get(span.name) if span.node is not None else None
        both = {twin.kind, span.kind} if twin is not None else set()
        same = both <= {"function", "constant", "variable"} or both <= set(TYPE_KINDS)
        if twin is not None and same and span.end <= twin.end and span.start - twin.start < 40:
            continue
        kept.append(span)
        if span.node is not None:
            last[span.name] = span
    return kept


def _place(spans: list[_Span], calls: list[int]) -> list[str]:
    """Mark methods and local functions, and give for each call the name of the definition around it."""
    order = sorted(range(len(calls)), key=calls.__getitem__)
    places = [""] * len(calls)
    stack: list[_Span] = []
    following = 0
    for span in [*spans, _Span(1 << 62, 1 << 62, "end", "")]:
        while following < len(order) and calls[order[following]] < span.start:
            at = calls[order[following]]
            places[order[following]] = _around(each for each in stack if each.start <= at < each.end)
            following += 1
        stack = [each for each in stack if each.end > span.start]
        if span.node is None:
            stack.append(span)
            continue
        if span.kind != "macro" and any(each.kind in (*FUNCTION_KINDS, "scope") for each in stack):
            span.kind = "local"
        elif span.kind in ("function", "method", "constructor", "constant", "type"):
            owners = [each.name for each in stack if each.kind in OWNER_KINDS]
            span.owner = span.owner or (owners[-1] if owners else "")
            if span.kind == "function" and span.owner:
                span.kind = "constructor" if span.name == span.owner else "method"
        stack.append(span)
    return places


def _around(spans: Iterable[_Span]) -> str:
    name = ""
    for span in spans:
        if span.kind in FUNCTION_KINDS:
            return f"{span.owner}.{span.name}" if span.owner else span.name
        if span.node is not None or span.kind == "owner":
            name = span.name
    return name


class _Remarks:
    """The comments of a file, to be left out of signatures and to be read as documentation."""

    def __init__(self, data: bytes, comments: list[Node], docs: dict[int, Node] | None) -> None:
        self.data, self.docs = data, docs
        self.spans = [(node.start_byte, node.end_byte) for node in comments]
        self.starts = [start for start, _ in self.spans]
        self.ends = {end - 1 if data[end - 1 : end] == b"\n" else end: start for start, end in self.spans}

    def without(self, start: int, end: int) -> str:
        """Give the text from `start` to `end` on one line, without comments."""
        parts, at = [], start
        for place in range(bisect.bisect_left(self.starts, start), bisect.bisect_left(self.starts, end)):
            comment_start, comment_end = self.spans[place]
            parts.append(self.data[at:comment_start])
            at = max(at, comment_end)
        parts.append(self.data[at:end])
        return " ".join(b" ".join(parts).decode("utf-8", "replace").split())

    def documentation(self, span: _Span) -> str:
        """Give the docstring, or the comments on the lines right above."""
        if self.docs is not None:
            doc = self.docs.get(span.body.start_byte) if span.body is not None else None
            return "" if doc is None else STRING_MARK.sub("", _text(doc, self.data))
        lines: list[str] = []
        at = self.data.rfind(b"\n", 0, span.top)
        while at > 0:
            line_start = self.data.rfind(b"\n", 0, at) + 1
            line = self.data[line_start:at].strip()
            text_end = line_start + len(self.data[line_start:at].rstrip())
            if text_end in self.ends:
                start = self.ends[text_end]
                first = self.data.rfind(b"\n", 0, start) + 1
                if self.data[first:start].strip():
                    break  # a remark at the end of a line of code
                lines.append(self.data[start:text_end].decode("utf-8", "replace"))
                at = first - 1
            elif line.startswith((b"#[", b"@")):
                at = line_start - 1
            else:
                break
        return COMMENT_MARK.sub("", "\n".join(reversed(lines)))


def _definition(span: _Span, data: bytes, language: str, remarks: _Remarks) -> Definition:
    assert span.node is not None
    start, line = span.node.start_byte, span.node.start_point.row + 1
    if language == "cpp" and span.node.parent is not None and span.node.parent.type == "template_declaration":
        start = span.top
    end = span.body.start_byte if span.body is not None else span.end
    if span.body is None or span.kind in ("macro", "constant", "variable", "type"):  # these are short: show the value
        end = span.end if span.end - start <= MAX_SIGNATURE_CHARS else end
    signature = ANNOTATION.sub("", remarks.without(start, end)) if language == "java" else remarks.without(start, end)
    if any(FOLDED.search(text) for text in STRING.findall(data[start:end].decode("utf-8", "replace"))):
        signature = ""  # on one line its strings would be others
    signature = re.sub(
        r"\s*(?:\{|=>|(?<!\w)=|:|;)+$", "", re.sub(r"(?<=[(\[]) | (?=[)\]])|,(?= ?[)\]])", "", signature)
    )
    if span.node.type == "macro_definition":
        signature = f"macro_rules! {span.name}"  # its patterns are no signature, and its rules no declaration
    elif span.node.type == "type_definition":
        signature += f" {span.name}"
    elif span.node.type in KEYWORDS and signature:
        signature = f"{KEYWORDS[span.node.type]} {signature}"
        if span.kind == "interface":
            signature += " interface"
    if language == "java" and span.node.children and span.node.children[0].type == "modifiers":
        line = span.node.children[1].start_point.row + 1
    return Definition(
        span.name, span.kind, span.owner, line, span.top, span.end,
        signature if len(signature) <= MAX_SIGNATURE_CHARS else "", _first_sentence(remarks.documentation(span)),
    )  # fmt: skip


def _first_sentence(doc: str) -> str:
    doc = doc.strip()
    sentence = " ".join(SENTENCE_END.split(doc, maxsplit=1)[0].split())
    if (
        len(sentence.split()) < MIN_DOC_WORDS
        or NOT_A_DOC.search(doc[:400])
        or len(sentence) > MAX_DOC_CHARS
        or sentence[0] in "@:\\"
        or CREDIT.search(sentence)
    ):
        return ""
    return sentence


def _qualifier(on: str) -> str:
    if not on:
        return ""
    return on if len(on) <= MAX_QUALIFIER_CHARS and QUALIFIER.fullmatch(on) else UNKNOWN


def _text(node: Node, data: bytes) -> str:
    return data[node.start_byte : node.end_byte].decode("utf-8", "replace")


@functools.cache
def _query(language: Language, *, only_imports: bool = False) -> Query:
    assert language.grammar is not None
    queries = IMPORT_QUERIES if only_imports else QUERIES
    return Query(grammar(*language.grammar), queries[language.name])
