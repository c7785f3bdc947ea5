"""Load the grammars of the languages that are read by syntax tree, each when it is first needed.

In: a language's name and a text. Out: its tree, or None for a language without a grammar here. Grammars come from
their wheels; nothing is downloaded.
"""

from __future__ import annotations

import functools
import importlib

from tree_sitter import Language as Grammar
from tree_sitter import Parser, Tree

GRAMMARS = {
    "python": ("tree_sitter_python", "language"),
    "javascript": ("tree_sitter_javascript", "language"),
    "typescript": ("tree_sitter_typescript", "language_typescript"),
    "tsx": ("tree_sitter_typescript", "language_tsx"),
    "go": ("tree_sitter_go", "language"),
    "java": ("tree_sitter_java", "language"),
    "rust": ("tree_sitter_rust", "language"),
    "c": ("tree_sitter_c", "language"),
    "cpp": ("tree_sitter_cpp", "language"),
}


@functools.cache
def grammar(package: str, function: str) -> Grammar:
    """Load a grammar from its wheel; nothing is downloaded."""
    return Grammar(getattr(importlib.import_module(package), function)())


@functools.cache
def parser(package: str, function: str) -> Parser:
    """Give a grammar's parser."""
    return Parser(grammar(package, function))


def tree_of(data: bytes, language: str) -> Tree | None:
    """Parse a text; None for a language without a grammar."""
    place = GRAMMARS.get(language)
    return None if place is None else parser(*place).parse(data)
