"""Find what a test leans on: the declarations of its file that it uses, and the names that come from elsewhere.

In: the tree of a test file and one of its tests. Out: the text of the fields, constants, helpers and types outside the
test that it names (and of the set-up that fills them), and the names that neither those nor the imports explain.
Members behind a dot are not followed, except after `self` and `this`: what `a.b` is depends on the type of `a`.
"""

from __future__ import annotations

import builtins
import re
from dataclasses import dataclass

from tree_sitter import Node

from tuner.mine import syntax
from tuner.mine.parsed import Parsed
from tuner.mine.preconditions import asked_fixtures
from tuner.mine.test_code import CALLABLE, MACRO_TEST, SCRIPTS, TestFunction, own_test_ranges

_SCRIPT = (
    *("lexical_declaration", "variable_declaration", "function_declaration", "class_declaration", "enum_declaration"),
    *("interface_declaration", "type_alias_declaration", "generator_function_declaration"),
)
_C = (
    *("declaration", "function_definition", "struct_specifier", "enum_specifier", "preproc_def"),
    *("preproc_function_def", "type_definition", "class_specifier", "alias_declaration"),
)
DECLARATIONS: dict[str, tuple[str, ...]] = {
    "python": ("function_definition", "class_definition", "assignment"),
    "javascript": _SCRIPT,
    "typescript": _SCRIPT,
    "tsx": _SCRIPT,
    "go": ("function_declaration", "var_spec", "const_spec", "type_spec"),
    "java": (
        *("field_declaration", "method_declaration", "class_declaration", "interface_declaration"),
        *("enum_declaration", "record_declaration"),
    ),
    "rust": (
        *("function_item", "const_item", "static_item", "struct_item", "enum_item", "type_item"),
        *("macro_definition", "trait_item"),
    ),
    "c": _C,
    "cpp": _C,
}
FUNCTION_BODIES = ("function_body", "block", "statement_block", "compound_statement", "constructor_body")
SET_UP = re.compile(r"@(?:\w+\.)*Before(?:Each|All|Class)?\b|\bset_?[uU]p(?:_?[mM]ethod|_?[cC]lass)?\b|\bSetUp\b")
# What each language brings along; helpers of the usual test runners stand with it.
KNOWN_WORDS = {
    "python": " ".join(dir(builtins)),
    "go": "append cap clear close complex copy delete imag len make max min new panic print println real recover "
    "string bool byte rune error any int int8 int16 int32 int64 uint uint8 uint16 uint32 uint64 uintptr "
    "float32 float64 func "
    "true false nil iota complex64 complex128 break case chan const continue default defer else fallthrough for go "
    "goto if import interface map package range return select struct switch type var",
    "java": "fail super this if for while switch catch try return synchronized",
    "rust": "assert assert_eq assert_ne vec format print println eprint eprintln panic matches dbg write writeln drop "
    "concat stringify include_str include_bytes unreachable unimplemented todo env debug_assert debug_assert_eq cfg "
    "test should_panic expect not any all derive fn if match while for return crate self super ignore",
    "script": "expect test it describe beforeEach afterEach beforeAll afterAll fail require import super setTimeout "
    "fetch clearTimeout setInterval clearInterval setImmediate queueMicrotask structuredClone parseInt parseFloat "
    "isNaN isFinite encodeURIComponent decodeURIComponent function if for while switch catch return "
    "async await jest vi",
    "c": "assert sizeof strlen strcmp strncmp strcpy memcmp memcpy memset printf fprintf snprintf sprintf malloc free "
    "calloc realloc if for while switch return catch decltype alignof noexcept static_assert defined int char long "
    "short unsigned float double bool void size_t",
}
KNOWN = {language: frozenset(words.split()) for language, words in KNOWN_WORDS.items()}
CONSTANT = re.compile(r"[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Declaration:
    """Names that a file declares outside of functions; `within` is the class or module around them, if any."""

    names: tuple[str, ...]
    start: int
    end: int
    within: tuple[int, int] | None


def words(file: Parsed, start: int, end: int) -> list[str]:
    """List the tokens between two offsets; text in strings and the names of fields in their place count as empty."""
    found: list[str] = []
    around = file.tree.root_node.descendant_for_byte_range(start, max(start, end - 1))
    waiting = [around] if around is not None else []
    while waiting:
        node = waiting.pop()
        if node.end_byte <= start or node.start_byte >= end or "comment" in node.type:
            continue
        if node.child_count:
            waiting.extend(reversed(node.children))
        elif node.text:
            is_text = any(part in node.type for part in ("string", "fragment", "content", "char"))
            is_field = node.type in ("field_identifier", "property_identifier") and found[-1:] not in (["."], ["->"])
            if is_field and node.parent is not None and re.search("method|function", node.parent.type):
                is_field = False  # the name of a method in its declaration
            found.append("" if is_text or is_field else node.text.decode("utf-8", "replace"))
    return found


def declarations(file: Parsed) -> list[Declaration]:
    """List what a test file declares outside of functions; of a Rust file with code what its tests' modules hold."""
    ranges = own_test_ranges(file)
    found: list[Declaration] = []
    waiting: list[tuple[Node, tuple[int, int] | None]] = [(file.tree.root_node, None)]
    while waiting:
        node, within = waiting.pop()
        span = (node.start_byte, node.end_byte)
        if node.type in DECLARATIONS[file.language.name]:
            top = _whole(node)
            line = file.line_at(node.start_byte)
            if not ranges or any(first <= line < last for first, last in ranges):
                start = file.data.rfind(b"\n", 0, top.start_byte) + 1
                found.append(Declaration(_declared(node), start, top.end_byte, within))
            if node.type not in syntax.CLASSES:
                continue
            within = span
        elif node.type in FUNCTION_BODIES and not _is_described(node) and not _is_body(node):
            continue
        elif node.type == "mod_item":
            within = span
        waiting.extend((child, within) for child in node.named_children)
    return sorted(found, key=lambda each: (each.start, each.end))


def used_by(file: Parsed, test: TestFunction, declared: list[Declaration], tests: list[TestFunction]) -> list[str]:
    """Give the text of the declarations that a test names, and of the set-up that names those, in the file's order."""
    spans = {(each.start, each.end) for each in tests}
    own = [
        each
        for each in declared
        if not each.start <= test.start < each.end
        and (each.start, each.end) not in spans
        and not MACRO_TEST.search("".join(each.names))
        and (each.within is None or each.within[0] <= test.start < each.within[1])
        and not (test.start <= each.start < test.end)
    ]
    names = _bare(words(file, test.start, test.end)) | asked_fixtures(file.text(test.start, test.end))
    used = [each for each in own if not names.isdisjoint(each.names)]
    filled = {name for each in used for name in each.names}
    for each in own:
        text = file.text(each.start, each.end)
        if each not in used and SET_UP.search(text.split("{")[0]) and filled & set(words(file, each.start, each.end)):
            used.append(each)
    return [file.text(each.start, each.end) for each in sorted(used, key=lambda each: each.start)]


def hidden_names(file: Parsed, test: TestFunction, shown: str) -> set[str]:
    """Collect the functions, macros and constants that a test uses bare and that nothing shown explains.

    Go's variables count as well, for another file of the package may declare them. Types do not: their names speak.
    """
    tokens = words(file, test.start, test.end)
    family = "script" if file.language.name in SCRIPTS else "c" if file.language.name == "cpp" else file.language.name
    seen = {*KNOWN[family], *re.findall(r"[A-Za-z_$][\w$]*", shown)}
    local = bound_names(tokens)
    hidden = set()
    for before, token, after, beyond in zip(
        ["", *tokens], tokens, [*tokens[1:], ""], [*tokens[2:], "", ""], strict=False
    ):
        if before in (".", "::", "->", "?.", "new", "@", "#") or token in seen or token in local:
            continue
        if not CALLABLE.fullmatch(token.encode()) or len(token) < 2:
            continue
        is_call = (after == "(" or (after == "!" and beyond in ("(", "[", "{"))) and not token[0].isupper()
        if (
            (is_call and not (family == "java" and token.startswith("assert")))
            or (family != "c" and after != "(" and len(token) > 2 and CONSTANT.fullmatch(token))
            or (family == "go" and token[0].islower() and after not in (":", "("))
        ):
            hidden.add(token)
    return hidden - {test.name}


def given_counts(tokens: list[str], name: str) -> list[int]:
    """Count the values in the brackets after each occurrence of a name."""
    found = []
    for at in range(len(tokens) - 1):
        if tokens[at] != name or tokens[at + 1] != "(":
            continue
        depth, commas, is_empty = 0, 0, True
        for token in tokens[at + 1 :]:
            depth += (token in ("(", "[", "{", "<")) - (token in (")", "]", "}", ">"))
            if depth == 0:
                break
            commas += depth == 1 and token == ","
            is_empty = is_empty and token == "("
        found.append(0 if is_empty else commas + 1)
    return found


def bound_names(tokens: list[str]) -> set[str]:
    """Collect the names that a test gives values, defines or takes, by what stands beside them."""
    found = set()
    for at, token in enumerate(tokens):
        before, after = tokens[at - 1] if at else "", tokens[at + 1] if at + 1 < len(tokens) else ""
        if not CALLABLE.fullmatch(token.encode()) or before in (".", "::"):
            continue
        if (
            (
                after in ("=", ":=", "=>", ":", "in") and tokens[at + 1 : at + 3] != ["in", "="]
            )  # `Reader in = ...` in Java
            or before
            in (
                "def",
                "fn",
                "func",
                "let",
                "const",
                "var",
                "mut",
                "as",
                "for",
            )
            or (before in ("(", ",") and after in ("*", "[", "...", "<", "?") and _is_bound(tokens, at))
        ):
            found.add(token)
        elif before in ("(", ",", "|", "*") and (after in (",", ")", "|") or CALLABLE.fullmatch(after.encode())):
            # `(a, b)`, `func(t *T)`, `|x|`, `a, err := f()`: taken, or given on; only what is bound counts.
            found |= {token} if _is_bound(tokens, at) else set()
        elif after == "," and _is_bound(tokens, at):
            found.add(token)
    return found


def _is_bound(tokens: list[str], at: int) -> bool:
    """Tell a name of a list of names that is followed by `=`, `:=` or `in`, or of a function's parameters."""
    for place in range(at, min(len(tokens), at + 24)):
        token = tokens[place]
        if token in ("=", ":=", "in", "of", "=>"):
            return True
        if token in (";", "", "\n", "return"):
            break
        if token not in (",", "(", ")", "_", "|", "*", "&", ":", "[", "]", "{", "}") and not CALLABLE.fullmatch(
            token.encode()
        ):
            break
    opened = 0
    for place in range(at - 1, max(-1, at - 40), -1):
        opened += (tokens[place] == ")") - (tokens[place] == "(")
        if opened < 0:
            before = tokens[max(0, place - 2) : place]
            return any(each in ("func", "def", "fn", "function") for each in before)
        if tokens[place] == "|" or tokens[place] == "lambda":
            return True
    return False


def _bare(tokens: list[str]) -> set[str]:
    """Collect the names that stand by themselves or after `self` and `this`."""
    return {
        token
        for before, dot, token in zip(["", "", *tokens], ["", *tokens], tokens, strict=False)
        if dot not in (".", "::", "->", "?.") or before in ("self", "this", "Self", "super")
    }


def _declared(node: Node) -> tuple[str, ...]:
    holders = [each for each in node.named_children if each.type in ("variable_declarator", "init_declarator")]
    names: list[str] = []
    for each in holders or [node]:
        name = each.child_by_field_name("left") or each.child_by_field_name("name")
        if name is None:
            found = syntax.name_of(each)
            names += [found.decode("utf-8", "replace")] if found else []
        else:
            names += re.findall(r"[A-Za-z_$][\w$]*", (name.text or b"").decode("utf-8", "replace"))
    return tuple(name for name in names if name != "_")


def _whole(node: Node) -> Node:
    """Give a declaration with what is written around it alone: decorators, `export`, `var` of one name."""
    while (above := node.parent) is not None and (
        above.type in (*syntax.WRAPPERS, "expression_statement")
        or (
            above.type.endswith(("_declaration", "_list"))
            and node.type.endswith("_spec")
            and above.named_child_count == 1
        )
    ):
        node = above
    return node


def _is_described(node: Node) -> bool:
    """Tell the body of the function that is given to `describe`."""
    function = node.parent
    call = function.parent.parent if function is not None and function.parent is not None else None
    called = call.child_by_field_name("function") if call is not None else None
    return called is not None and (called.text or b"").startswith(b"describe")


def _is_body(node: Node) -> bool:
    """Tell a body of a class, which is called a block in Python."""
    return node.parent is not None and node.parent.type in syntax.CLASSES
