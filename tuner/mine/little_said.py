"""Tell files in which nothing is done or declared: data in the form of code, and files that are nearly empty.

In: a `SourceFile`. Out: a reason, or None: `too_small` for comments and a package line alone, `data_only` for constants
that are nearly all literals, for a large table with a function or a test beside it, and for lists of words in the form
of a shell script. They would be recited, not learned.
"""

from __future__ import annotations

import re

from tree_sitter import Node

from tuner.mine.drafts import SourceFile

MIN_LITERAL_SHARE = 0.8
MIN_TABLE_BYTES = 4_000  # of literals, where something is declared as well
EMPTY = ("package_declaration", "package_clause", "inner_attribute_item", "empty_statement", "shebang")
DECLARES = re.compile(
    r"func|method|class|interface|struct|enum_|trait|impl|call|invocation|lambda|closure|arrow|if_|for_|while_|return"
)
LITERAL = re.compile(r"\w*string\w*|(?:integer|float|number)|\w*(?:int|integer|float|number|point|char|rune)_literal")
# Any sign that a script needs to do more than name words; and a first line that says that it is run.
SCRIPT_SIGNS = re.compile(r"^#!|^[^#\n]*[=;()$\"'|&`\\]", re.MULTILINE)


def empty_reason(file: SourceFile) -> str | None:
    """Say why a file holds too little to be learned from."""
    if file.tree is None:
        is_list = file.language.name == "shell" and SCRIPT_SIGNS.search(file.text) is None
        return "data_only" if is_list else None
    said = [node for node in file.tree.root_node.named_children if not _is_remark(node)]
    if all(node.type in EMPTY for node in said):
        return "too_small"
    parts = [_literals(node) for node in said]
    if all(part is not None for part in parts):
        literal, code, _ = (sum(counts) for counts in zip(*filter(None, parts), strict=True))
        return "data_only" if literal >= MIN_LITERAL_SHARE * code else None
    literal = sum(part[0] for part in parts if part is not None)
    spoken = sum(
        node.end_byte - node.start_byte if part is None else part[2] for node, part in zip(said, parts, strict=True)
    )
    return "data_only" if literal >= max(MIN_TABLE_BYTES, MIN_LITERAL_SHARE * spoken) else None


def _literals(top: Node) -> tuple[int, int, int] | None:
    """Count the bytes of literals, of all code, and of what is more than signs; None where something is declared."""
    literal = code = spoken = 0
    waiting = [top]
    while waiting:
        node = waiting.pop()
        if DECLARES.search(node.type):
            return None
        size = node.end_byte - node.start_byte
        if LITERAL.fullmatch(node.type):
            literal += size
        elif node.child_count and "comment" not in node.type:
            waiting.extend(node.children)
            continue
        code += size
        spoken += size if re.search(rb"\w", node.text or b"") else 0
    return literal, code, spoken


def _is_remark(node: Node) -> bool:
    """Tell a comment, and the documentation of a module."""
    is_text = node.type == "expression_statement" and [each.type for each in node.named_children] == ["string"]
    return "comment" in node.type or is_text
