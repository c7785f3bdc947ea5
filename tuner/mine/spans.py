"""Find in added lines what else is worth asking for than the end of a line: calls, bodies of statements and functions.

In: a parsed file and the range of its lines that a commit added. Out: `Span`s in characters of those lines. Dropped
without a count, since they are candidates and not sources: bodies of one line, with text beside their brackets, too
long to be typed at once, or not wholly added; of a function its head must be added too.

A cursor before a body stands behind the first line's indentation, where an editor puts it after the line above. In
Python it stands behind the docstring.
"""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from tuner.mine import syntax
from tuner.mine.parsed import Parsed
from tuner.records import Span, SpanKind

MIN_LINES, MAX_BLOCK_LINES = 2, 10
MAX_BODY_LINES, MAX_BODY_CHARS = 15, 800
_C = (
    "compound_statement",
    "if_statement else_clause for_statement while_statement do_statement switch_statement",
    "function_definition",
    "argument_list field_expression",
)
_SCRIPT = (
    "statement_block switch_body",
    "if_statement else_clause for_statement for_in_statement while_statement do_statement try_statement catch_clause "
    "finally_clause switch_statement",
    "function_declaration generator_function_declaration method_definition arrow_function function_expression",
    "arguments member_expression",
)
# Of each language: what holds a body, the statements and the functions that have one, and calls with members.
NODES = {
    "python": (
        "block",
        "if_statement elif_clause else_clause for_statement while_statement with_statement try_statement "
        "except_clause finally_clause case_clause",
        "function_definition",
        "argument_list attribute",
    ),
    "javascript": _SCRIPT,
    "typescript": _SCRIPT,
    "tsx": _SCRIPT,
    "go": (
        "block",
        "if_statement for_statement",
        "function_declaration method_declaration func_literal",
        "argument_list selector_expression",
    ),
    "java": (
        "block switch_block constructor_body",
        "if_statement for_statement enhanced_for_statement while_statement do_statement try_statement "
        "try_with_resources_statement catch_clause finally_clause synchronized_statement switch_expression",
        "method_declaration constructor_declaration lambda_expression",
        "argument_list method_invocation field_access",
    ),
    "rust": (
        "block match_block",
        "if_expression else_clause for_expression while_expression loop_expression unsafe_block match_expression",
        "function_item closure_expression",
        "arguments field_expression",
    ),
    "c": _C,
    "cpp": (
        _C[0],
        f"{_C[1]} for_range_loop try_statement catch_clause",
        f"{_C[2]} lambda_expression",
        _C[3],
    ),
}
_CALLS = ("call", "call_expression", "new_expression", "method_invocation", "object_creation_expression")
_DOTS = (".", "->", "?.")


def spans(parsed: Parsed, first: int, last: int) -> list[Span]:
    """List the spans in lines `first` to `last` (not included) of a file, in the order of the file."""
    start, end = parsed.start_of(first), parsed.start_of(last)
    found = {*_bodies(parsed, first, last, start, end), *_cursors(parsed, start, end)}
    counted = _Characters(parsed.data[start:end])
    return [
        Span(kind, counted.before(low - start), counted.before(high - start))
        for low, high, kind in sorted(found)
        if parsed.data[low:high].strip()
    ]


class _Characters:
    """Counts the characters before a byte of a text; in most code they are as many."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._is_ascii = data.isascii()

    def before(self, byte: int) -> int:
        return byte if self._is_ascii else len(self._data[:byte].decode("utf-8", "surrogatepass"))


def _cursors(parsed: Parsed, start: int, end: int) -> Iterator[tuple[int, int, SpanKind]]:
    for node in syntax.nodes_between(parsed.tree, parsed.language, NODES[parsed.language.name][3], start, end):
        is_list = node.type in ("argument_list", "arguments")
        if is_list and (node.parent is None or node.parent.type not in _CALLS):
            continue  # the bases of a class
        for child in node.children:
            if child.type in (("(",) if is_list else _DOTS):
                at = child.end_byte
                stop = parsed.data.find(b"\n", at)
                line_end = at + len(parsed.data[at : stop if stop >= 0 else len(parsed.data)].rstrip())
                if start <= at <= line_end <= end:
                    yield at, line_end, "call"


def _bodies(parsed: Parsed, first: int, last: int, start: int, end: int) -> Iterator[tuple[int, int, SpanKind]]:
    bodies, statements, functions, _ = NODES[parsed.language.name]
    for node in syntax.nodes_between(parsed.tree, parsed.language, bodies, start, end):
        owner = node.parent
        if owner is None or owner.type not in (*statements.split(), *functions.split()) or node.has_error:
            continue
        is_function = owner.type in functions.split()
        rows = _rows(parsed, node, is_function)
        if rows is None or rows[0] < first or rows[-1] >= last:
            continue
        if is_function and (owner.start_point.row < first or owner.end_point.row >= last):
            continue
        low, high = _range(parsed, rows)
        lines = parsed.data[low:high].split(b"\n")
        said = sum(bool(line.strip()) for line in lines)
        if said < MIN_LINES or len(lines) > (MAX_BODY_LINES if is_function else MAX_BLOCK_LINES):
            continue
        if high - low <= MAX_BODY_CHARS:
            yield low, high, "body" if is_function else "block"


def _rows(parsed: Parsed, node: Node, is_function: bool) -> range | None:
    """Give the lines of a body that hold nothing else; None where its first or last line does."""
    if parsed.language.name == "python":
        opener, stop = node.prev_sibling, node.end_point.row + 1
        while opener is not None and opener.type != ":":
            opener = opener.prev_sibling  # a comment
        said = node.named_children[0] if node.named_children else None
        if is_function and said is not None and _is_docstring(said):
            opener = said
    else:
        opener, closer = node.children[0], node.children[-1]
        stop = closer.start_point.row
        if (opener.type, closer.type) != ("{", "}") or _text_before(parsed, closer).strip():
            return None
    if opener is None:
        return None
    rest = parsed.data[opener.end_byte : parsed.start_of(opener.end_point.row + 1)].strip()
    if rest and not rest.startswith((b"#", b"//", b"/*")):
        return None
    rows = range(opener.end_point.row + 1, stop)
    return rows if rows else None


def _is_docstring(node: Node) -> bool:
    return node.type == "expression_statement" and [each.type for each in node.named_children] == ["string"]


def _text_before(parsed: Parsed, node: Node) -> bytes:
    return parsed.data[parsed.start_of(node.start_point.row) : node.start_byte]


def _range(parsed: Parsed, rows: range) -> tuple[int, int]:
    """Give a body's first and last visible byte."""
    low, high = parsed.start_of(rows[0]), parsed.start_of(rows[-1] + 1)
    text = parsed.data[low:high]
    return low + len(text) - len(text.lstrip()), low + len(text.rstrip())
