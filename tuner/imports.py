"""Read one import statement: the module as it is written, and the names that it brings.

In: an import node of a syntax tree. Out: `Import`s. A name is (as defined there, as called here); the module itself is
("", as called here), everything is ("*", "*"). Inside the module string stands what the language writes: `.core`,
`./core`, `crate::core`, `<a/b.h>` with its brackets and `a.h` without quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tree_sitter import Node

EVERYTHING = ("*", "*")


@dataclass(frozen=True, slots=True)
class Import:
    """A module that a file imports, and the names from it: (name there, name here)."""

    module: str
    names: tuple[tuple[str, str], ...]


def imports_of(node: Node, language: str) -> list[Import]:
    """Give what one import statement imports, in its own order."""
    text = (node.text or b"").decode("utf-8", "replace")
    if language == "python":
        return list(_python(node))
    if language in ("javascript", "typescript", "tsx"):
        return list(_javascript(node))
    if language == "go":
        return _go(text)
    if language == "java":
        return _java(text)
    if language == "rust":
        return list(_rust(text))
    found = re.search(r'"([^"]+)"|(<[^>]+>)', text)
    return [Import(found.group(1) or found.group(2), ())] if found else []


def _text(node: Node | None) -> str:
    return "" if node is None or node.text is None else node.text.decode("utf-8", "replace")


def _named(node: Node) -> tuple[str, str]:
    name, alias = _text(node.child_by_field_name("name")) or _text(node), _text(node.child_by_field_name("alias"))
    return name, alias or name


def _python(node: Node) -> Iterator[Import]:
    found = [_named(each) for each in node.children_by_field_name("name")]
    if node.type == "import_statement":
        yield from (Import(module, (("", alias),)) for module, alias in found)
        return
    if any(child.type == "wildcard_import" for child in node.named_children):
        found = [EVERYTHING]
    yield Import(_text(node.child_by_field_name("module_name")), tuple(found))


def _javascript(node: Node) -> Iterator[Import]:
    if node.type == "variable_declarator":
        yield _require(node)
        return
    source = node.child_by_field_name("source")
    if source is None:  # `import x = require("y")` of old TypeScript
        return
    names: list[tuple[str, str]] = []
    for clause in node.named_children:
        if clause.type in ("import_clause", "export_clause"):
            for part in [clause] if clause.type == "export_clause" else clause.named_children:
                if part.type == "identifier":
                    names.append(("default", _text(part)))
                elif part.type == "namespace_import":
                    names.append(("", _text(part.named_children[0])))
                else:
                    names += [_named(each) for each in part.named_children if each.type.endswith("_specifier")]
        elif clause.type == "namespace_export":
            names.append(("", _text(clause.named_children[0])))
    if node.type == "export_statement" and not names:
        names = [EVERYTHING]
    yield Import(_text(source)[1:-1], tuple(names))


def _require(node: Node) -> Import:
    into, value = node.child_by_field_name("name"), node.child_by_field_name("value")
    arguments = value.child_by_field_name("arguments") if value is not None else None
    assert into is not None and arguments is not None
    names: list[tuple[str, str]] = []
    if into.type == "identifier":
        names = [("", _text(into))]
    for part in into.named_children if into.type == "object_pattern" else []:
        if part.type == "shorthand_property_identifier_pattern":
            names.append((_text(part), _text(part)))
        elif part.type == "pair_pattern":
            names.append((_text(part.child_by_field_name("key")), _text(part.child_by_field_name("value"))))
    return Import(_text(arguments.named_children[0])[1:-1], tuple(names))


def _go(text: str) -> list[Import]:
    found = re.match(r'(?:([\w.]+)\s+)?["`]([^"`]+)["`]', text)
    if found is None or found.group(1) == "_":
        return []
    alias, module = found.groups()
    if alias == ".":
        return [Import(module, (EVERYTHING,))]
    parts = [part for part in module.split("/") if not re.fullmatch(r"v\d+", part)] or [module]
    return [Import(module, (("", alias or parts[-1].split(".")[0]),))]


def _java(text: str) -> list[Import]:
    found = re.match(r"import\s+(static\s+)?([\w.]+?)(\.\*)?\s*;", text)
    if found is None:
        return []
    static, module, everything = found.groups()
    if everything:
        return [Import(module, (EVERYTHING,))]
    owner, _, name = module.rpartition(".")
    return [Import(owner if static else module, ((name, name),))]


def _rust(text: str) -> Iterator[Import]:
    declared = re.match(r"(?:pub(?:\([^)]*\))?\s+)?mod\s+(\w+)\s*;", text)
    if declared:
        yield Import(f"self::{declared.group(1)}", (("", declared.group(1)),))
        return
    used = re.match(r"(?:pub(?:\([^)]*\))?\s+)?use\s+(.*?);", text, re.DOTALL)
    if used:
        yield from _rust_tree("", re.sub(r"//[^\n]*|/\*.*?\*/", "", used.group(1), flags=re.DOTALL))


def _rust_tree(prefix: str, tree: str) -> Iterator[Import]:
    """Spell out `a::{b, c::D as E}`: one import for each leaf."""
    tree = tree.strip().removeprefix("::")
    head, brace, rest = tree.partition("{")
    if brace:
        for branch in _branches(rest.rpartition("}")[0]):
            yield from _rust_tree(prefix + head.strip(), branch)
        return
    path, _, alias = (part.strip() for part in re.sub(r"\s+as\s+", "\0", tree).partition("\0"))
    module, _, name = (prefix + path).rpartition("::")
    if name == "*":
        yield Import(module, (EVERYTHING,))
    elif name == "self":
        yield Import(module, (("", alias or module.rpartition("::")[2]),))
    elif name:
        yield Import(module or name, ((name if module else "", alias or name),))


def _branches(text: str) -> Iterator[str]:
    depth, start = 0, 0
    for place, character in enumerate(text):
        depth += (character == "{") - (character == "}")
        if character == "," and depth == 0:
            yield text[start:place]
            start = place + 1
    if text[start:].strip():
        yield text[start:]
