"""Find the places of a file that are worth completing, by its syntax tree.

In: a file's text and its language. Out: holes (byte ranges of whole syntax nodes), documented functions, and the share
of bytes that did not parse. Offsets are bytes of the UTF-8 text, as tree-sitter counts them.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from tree_sitter import Node, Query, QueryCursor, Tree

from tuner.grammars import grammar, parser
from tuner.mine.languages import Language

# Weights of ExecRepoBench, without comments; `block` stands for its `while` and what other languages have beside it.
WEIGHTS = {
    "import": 0.05,
    "return": 0.10,
    "if": 0.15,
    "for": 0.15,
    "block": 0.10,
    "class": 0.10,
    "function": 0.15,
    "assignment": 0.10,
    "expression": 0.10,
}
_C = {
    "import": "preproc_include",
    "return": "return_statement",
    "if": "if_statement switch_statement",
    "for": "for_statement",
    "block": "while_statement do_statement",
    "class": "struct_specifier enum_specifier",
    "function": "function_definition",
    "assignment": "declaration assignment_expression",
    "expression": "expression_statement call_expression",
}
_JAVASCRIPT = {
    "import": "import_statement",
    "return": "return_statement",
    "if": "if_statement switch_statement",
    "for": "for_statement for_in_statement",
    "block": "while_statement try_statement",
    "class": "class_declaration",
    "function": "function_declaration method_definition arrow_function",
    "assignment": "lexical_declaration variable_declaration assignment_expression",
    "expression": "expression_statement call_expression",
}
_TYPESCRIPT = _JAVASCRIPT | {"class": "class_declaration interface_declaration type_alias_declaration enum_declaration"}
NODE_TYPES: dict[str, dict[str, str]] = {
    "python": {
        "import": "import_statement import_from_statement",
        "return": "return_statement",
        "if": "if_statement match_statement",
        "for": "for_statement",
        "block": "while_statement with_statement try_statement",
        "class": "class_definition",
        "function": "function_definition",
        "assignment": "assignment",
        "expression": "expression_statement call",
    },
    "javascript": _JAVASCRIPT,
    "typescript": _TYPESCRIPT,
    "tsx": _TYPESCRIPT,
    "go": {
        "import": "import_declaration",
        "return": "return_statement",
        "if": "if_statement expression_switch_statement",
        "for": "for_statement",
        "block": "select_statement defer_statement",
        "class": "type_declaration",
        "function": "function_declaration method_declaration func_literal",
        "assignment": "short_var_declaration assignment_statement",
        "expression": "expression_statement call_expression",
    },
    "java": {
        "import": "import_declaration",
        "return": "return_statement",
        "if": "if_statement switch_expression",
        "for": "for_statement enhanced_for_statement",
        "block": "while_statement try_statement",
        "class": "class_declaration interface_declaration enum_declaration",
        "function": "method_declaration constructor_declaration lambda_expression",
        "assignment": "local_variable_declaration field_declaration",
        "expression": "expression_statement method_invocation",
    },
    "rust": {
        "import": "use_declaration",
        "return": "return_expression",
        "if": "if_expression match_expression",
        "for": "for_expression",
        "block": "while_expression loop_expression",
        "class": "struct_item enum_item impl_item trait_item",
        "function": "function_item closure_expression",
        "assignment": "let_declaration assignment_expression",
        "expression": "expression_statement call_expression macro_invocation",
    },
    "c": _C,
    "cpp": _C
    | {
        "import": "preproc_include using_declaration",
        "for": "for_statement for_range_loop",
        "block": "while_statement try_statement",
        "class": "class_specifier struct_specifier enum_specifier",
        "function": "function_definition lambda_expression",
    },
}
FUNCTIONS = {
    "python": "function_definition",
    "javascript": "function_declaration method_definition",
    "typescript": "function_declaration method_definition",
    "tsx": "function_declaration method_definition",
    "go": "function_declaration method_declaration",
    "java": "method_declaration constructor_declaration",
    "rust": "function_item",
    "c": "function_definition",
    "cpp": "function_definition",
}
STRINGS = {
    "python": "string",
    "javascript": "template_string",
    "typescript": "template_string",
    "tsx": "template_string",
    "go": "raw_string_literal",
    "java": "string_literal",
    "rust": "string_literal raw_string_literal",
    "c": "string_literal",
    "cpp": "string_literal raw_string_literal",
}
MIN_LONG_STRING_LINES = 4
# Functions that have no name of their own and take the one of the variable or field that holds them.
NAMED_BY_HOLDER = ("arrow_function", "function_expression")
HOLDERS = ("variable_declarator", "public_field_definition", "field_definition")
DECLARATORS = ("pointer_declarator", "reference_declarator", "function_declarator", "parenthesized_declarator")
CLASSES = (
    *("class_definition", "class_declaration", "class_specifier", "struct_specifier", "interface_declaration"),
    *("enum_declaration", "record_declaration", "impl_item", "trait_item", "class", "abstract_class_declaration"),
)
WRAPPERS = ("decorated_definition", "export_statement", "template_declaration")
BESIDE_DOCS = ("attribute_item", "decorator")  # may stand between a doc comment and its function
MIN_DOC_LETTERS, MIN_DOC_WORDS = 17, 3
WORD = re.compile(r"[^\W\d_]{2,}")
# An address, what tells tools something, and the words that only say where the code was taken from.
NOT_SAID = re.compile(
    r"\w+://\S+|@__\w+__|\b(?:eslint|prettier|biome|pylint|noqa|nolint|istanbul|ts-)[^\n]*"
    r"|\b(?:adapted|copied|taken|borrowed|ported|stolen|inspired|derived|contributed)\s+(?:from|by|through|in)\b"
    r"|\bsee\b|\bregression tests?\b"
    r"|^[ \t]*[:@]?authors?\b[^\n]*|(?:\b(?:issues?|bugs?|tickets?|pull|prs?|gh)\b[ /:-]*)?#\d+"
    r"|\b(?:tests? )?(?:created )?(?:from|for|(?:to )?reproduces?) (?:issue|bug|ticket)s? #?\d+",
    re.IGNORECASE | re.MULTILINE,
)
COMMENT_SIGN = re.compile(r"^\s*(?:/\*+!?|//[/!]*|\*+(?!/)|#+)?\s?|\s*\*/\s*$")
CODE_LINE = re.compile(
    r"[;{}\[]$|=>|^(?:const|let|var|type|return|if|import|export|func|fn)\b.*[=({]|^\)|^[\w.]+\(.*\),?$"
)


@dataclass(frozen=True, slots=True)
class Hole:
    """One syntax node that could be left out."""

    category: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Function:
    """A documented function: `start` at its first line (doc comment included), body from `body_start` to `end`."""

    start: int
    body_start: int
    end: int


def parse(data: bytes, language: Language) -> Tree:
    """Parse a file of a language that has a grammar."""
    assert language.grammar is not None
    return parser(*language.grammar).parse(data)


def holes(tree: Tree, language: Language) -> list[Hole]:
    """List the nodes that are worth leaving out, in the order of the file."""
    categories = _categories(language.name)
    types = " ".join(f"({name})" for name in categories)
    nodes = _captured(language, tree.root_node, f"[{types}] @found")
    # Captures come in no fixed order, and a statement may span the same bytes as the call in it.
    named = sorted((node.start_byte, node.end_byte, categories[node.type]) for node in nodes if not node.has_error)
    found = {(start, end): category for start, end, category in named}
    return [Hole(category, start, end) for (start, end), category in found.items()]


def long_strings(tree: Tree, language: Language) -> list[tuple[int, int]]:
    """List the string literals of four lines or more, Python's docstrings left out, in the order of the file."""
    types = " ".join(f"({name})" for name in STRINGS[language.name].split())
    return sorted(
        (node.start_byte, node.end_byte)
        for node in _captured(language, tree.root_node, f"[{types}] @found")
        if node.end_point.row - node.start_point.row + 1 >= MIN_LONG_STRING_LINES
        and not (node.parent is not None and node.parent.type == "expression_statement")
    )


def functions(tree: Tree, data: bytes, language: Language) -> list[Function]:
    """List the functions whose docstring or doc comment says something."""
    types = " ".join(f"({name})" for name in FUNCTIONS[language.name].split())
    find = _python_function if language.name == "python" else _commented_function
    found = (
        find(node, data) for node in _captured(language, tree.root_node, f"[{types}] @found") if not node.has_error
    )
    return sorted((each for each in found if each is not None), key=lambda each: (each.start, each.end))


def all_functions(tree: Tree, data: bytes, language: Language) -> list[tuple[str, int, int]]:
    """List every named function and method as (name, start, end), outer ones before those inside them.

    `start` is the beginning of the first line, decorators and Rust attributes included, doc comments not.
    """
    types = FUNCTIONS[language.name].split()
    if language.name in ("javascript", "typescript", "tsx"):
        types = [*types, *NAMED_BY_HOLDER, "generator_function_declaration"]
    found = []
    for node in _captured(language, tree.root_node, f"[{' '.join(f'({name})' for name in types)}] @found"):
        if node.has_error or node.child_by_field_name("body") is None:
            continue
        named = node.parent if node.type in NAMED_BY_HOLDER else node
        name = name_of(named) if named is not None and named.type in (*types, *HOLDERS) else None
        if named is None or name is None:
            continue
        top = _outermost(_declaration(named))
        start = top
        while (before := start.prev_named_sibling) is not None and before.type == "attribute_item":
            start = before
        found.append((name.decode("utf-8", "replace"), _line_start(start, data), top.end_byte))
    return sorted(set(found), key=lambda each: (each[1], -each[2]))


def code_tokens(tree: Tree, language: Language, start: int, end: int) -> list[tuple[int, bytes]]:
    """List the tokens between two offsets with their depth, without comments and Python's docstrings.

    Two texts with the same tokens at the same depths do the same, however they are laid out.
    """
    tokens: list[tuple[int, bytes]] = []
    around = tree.root_node.descendant_for_byte_range(start, max(start, end - 1))
    waiting = [(around, 0)] if around is not None else []
    while waiting:
        node, depth = waiting.pop()
        if node.end_byte <= start or node.start_byte >= end or "comment" in node.type:
            continue
        if language.name == "python" and node.type == "expression_statement" and _is_string(node):
            continue
        if node.child_count and not (node.type == "string" and node.named_child_count == 1):
            waiting.extend((child, depth + 1) for child in reversed(node.children))
        elif node.text:
            tokens.append((depth, node.text))
    return tokens


def comment_above(lines: list[str], first: int, mark: str) -> str:
    """Give the comment that stands directly above a line (from 0), with its line ends (`mark` begins a remark)."""
    start, is_block = first, False
    while start > 0:
        line = lines[start - 1].strip()
        if is_block or line.endswith("*/"):
            is_block = not line.startswith("/*")
        elif not line.startswith(mark):
            break
        start -= 1
    return "" if is_block else "".join(f"{line}\n" for line in lines[start:first])


def class_line(tree: Tree, data: bytes, start: int) -> str | None:
    """Give the line that names the class (or impl, struct, trait) around an offset; None where there is none."""
    end = start + 1
    node = tree.root_node.descendant_for_byte_range(start, end)
    while node is not None:
        body = node.child_by_field_name("body")
        if node.type in CLASSES and body is not None and body.start_byte <= start:
            named = node.child_by_field_name("name") or node.child_by_field_name("type") or node
            from_, to = _line_start(named, data), data.find(b"\n", named.start_byte)
            return data[from_ : to if to >= 0 else len(data)].decode("utf-8", "replace")
        node = node.parent
    return None


def imports(tree: Tree, data: bytes, language: Language) -> list[str]:
    """List the import statements of a file, in order."""
    types = " ".join(f"({name})" for name in NODE_TYPES[language.name]["import"].split())
    nodes = sorted(_captured(language, tree.root_node, f"[{types}] @found"), key=lambda node: node.start_byte)
    return [data[node.start_byte : node.end_byte].decode("utf-8", "replace").strip() for node in nodes]


def nodes_between(tree: Tree, language: Language, types: str, start: int, end: int) -> list[Node]:
    """List the nodes of some types that reach into a range of bytes, in the order of the file."""
    cursor = QueryCursor(_query(language, f"[{' '.join(f'({name})' for name in types.split())}] @found"))
    cursor.set_byte_range(start, end)
    return sorted(cursor.captures(tree.root_node).get("found", []), key=lambda node: (node.start_byte, -node.end_byte))


def _is_string(node: Node) -> bool:
    return node.named_child_count == 1 and node.named_children[0].type == "string"


def name_of(node: Node) -> bytes | None:
    """Give a function's name; in C and C++ it stands inside the declarator."""
    name = node.child_by_field_name("name") or node.child_by_field_name("property")
    if name is None:
        name = node.child_by_field_name("declarator")
        while name is not None and name.type in DECLARATORS:
            name = name.child_by_field_name("declarator") or (name.named_children[0] if name.named_children else None)
    return name.text if name is not None else None


def _declaration(node: Node) -> Node:
    """Give the whole statement where a variable that holds a function is its only one."""
    if node.type == "variable_declarator" and node.parent is not None and node.parent.named_child_count == 1:
        return node.parent  # `const f = () => 1;`
    return node


def _python_function(node: Node, data: bytes) -> Function | None:
    body = node.child_by_field_name("body")
    first = body.named_children[0] if body is not None and body.named_children else None
    if body is None or first is None or first.type != "expression_statement" or not first.named_children:
        return None
    if first.named_children[0].type != "string" or _says_little(data[first.start_byte : first.end_byte]):
        return None
    return Function(_line_start(_outermost(node), data), first.end_byte, body.end_byte)


def _commented_function(node: Node, data: bytes) -> Function | None:
    body = node.child_by_field_name("body")
    if body is None or data[body.start_byte : body.start_byte + 1] != b"{":
        return None
    top = _outermost(node)
    start, comments = top, []
    previous = top.prev_named_sibling
    while previous is not None and previous.end_point.row >= start.start_point.row - 1:
        if "comment" in previous.type:
            if data[_line_start(previous, data) : previous.start_byte].strip():
                break  # a remark at the end of a line of code
            comments.append(data[previous.start_byte : previous.end_byte])
        elif previous.type not in BESIDE_DOCS:
            break
        start, previous = previous, previous.prev_named_sibling
    if _says_little(b"\n".join(comments)):
        return None
    return Function(_line_start(start, data), body.start_byte + 1, body.end_byte)


def _outermost(node: Node) -> Node:
    while node.parent is not None and node.parent.type in WRAPPERS:
        node = node.parent
    return node


def _line_start(node: Node, data: bytes) -> int:
    return data.rfind(b"\n", 0, node.start_byte) + 1


def _says_little(documentation: bytes) -> bool:
    """Tell documentation that is too short, commented-out code, or only says where it was taken from."""
    lines = [COMMENT_SIGN.sub("", line).strip() for line in documentation.decode("utf-8", "replace").split("\n")]
    text = NOT_SAID.sub("", "\n".join(line for line in lines if not CODE_LINE.search(line)))
    plain = re.sub(r"[^\w ]+", " ", text)
    return len("".join(plain.split(" "))) < MIN_DOC_LETTERS or len(WORD.findall(plain)) < MIN_DOC_WORDS


@functools.cache
def _categories(language: str) -> dict[str, str]:
    return {name: category for category, names in NODE_TYPES[language].items() for name in names.split()}


@functools.cache
def _query(language: Language, pattern: str) -> Query:
    assert language.grammar is not None
    return Query(grammar(*language.grammar), pattern)


def _captured(language: Language, root: Node, pattern: str) -> list[Node]:
    return QueryCursor(_query(language, pattern)).captures(root).get("found", [])
