"""Each grammar gives definitions, calls and imports, and they survive being kept."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.mine.in_memory import SHOP, symbols
from tests.tiny_repo import LEDGER, OTHER_LANGUAGES
from tuner.grammars import GRAMMARS
from tuner.imports import Import
from tuner.mine import syntax
from tuner.mine.languages import Language, language_of
from tuner.mine.symbols import KINDS, Call, FileSymbols, imports_in, symbols_of

SOURCES = {"ledger/book.py": LEDGER, **OTHER_LANGUAGES, "web/total.tsx": OTHER_LANGUAGES["web/total.ts"]}


def named(path: str, text: str) -> dict[str, tuple[str, str, str]]:
    return {each.name: (each.kind, each.owner, each.signature) for each in symbols(path, text).definitions}


def test_the_examples_cover_all_grammars() -> None:
    assert {language_of(path).name for path in SOURCES if language_of(path)} == set(GRAMMARS)  # type: ignore[union-attr]


@pytest.mark.parametrize("path", SOURCES)
def test_a_definition_stands_where_it_says(path: str) -> None:
    data = SOURCES[path].encode()
    found = symbols(path, SOURCES[path]).definitions
    assert found
    for each in found:
        assert each.kind in (*KINDS, "local")
        assert each.name in data[each.start : each.end].decode()
        assert each.name in data.decode().split("\n")[each.line - 1]
        assert "\n" not in each.signature


@pytest.mark.parametrize("path", SOURCES)
def test_imports_are_the_same_without_the_rest(path: str) -> None:
    language = language_of(path)
    assert language is not None
    tree = syntax.parse(SOURCES[path].encode(), language)
    assert imports_in(tree, language) == symbols(path, SOURCES[path]).imports


@pytest.mark.parametrize("path", SOURCES)
def test_symbols_survive_being_kept_as_json(path: str) -> None:
    found = symbols(path, SOURCES[path])
    assert FileSymbols.from_plain(json.loads(json.dumps(found.to_plain()))) == found


def test_a_file_without_a_tree_has_no_symbols_and_says_so() -> None:
    found = symbols_of(None, b"x = 1", Language("ruby"))
    assert found == FileSymbols() and not found.is_read
    assert symbols("a.py", "x = 1").is_read


def test_python_tells_methods_local_functions_and_constants_apart() -> None:
    text = (
        "LIMIT = 3\nclass A:\n    def f(self):\n        def inner(): pass\ndef g(a, *, b=1) -> int:  # why\n    pass\n"
    )
    found = named("a.py", text)
    assert found["f"][:2] == ("method", "A")
    assert found["inner"][0] == "local"
    assert found["LIMIT"][0] == "constant"
    assert found["g"][2] == "def g(a, *, b=1) -> int"


def test_a_decorator_belongs_to_the_text_of_a_definition_but_is_called_outside() -> None:
    text = "@cached(3)\ndef f():\n    return g()\n"
    found = symbols("a.py", text)
    assert found.definitions[0].start == 0 and found.definitions[0].line == 2
    assert found.calls == (Call("cached", "", ""), Call("g", "", "f"))


def test_the_first_sentence_of_a_docstring_is_kept_and_a_licence_is_not() -> None:
    documented = symbols("a.py", 'def f():\n    """Give one thing. And more."""\n').definitions[0].doc
    assert documented == "Give one thing."
    licence = "/* Copyright 2020 Someone. All rights reserved. */\nint f(void) { return 1; }\n"
    assert symbols("a.c", licence).definitions[0].doc == ""
    assert (
        symbols("a.c", "/*\n ** Marks the end.\n */\nint f(void) { return 1; }\n").definitions[0].doc
        == "Marks the end."
    )


def test_a_typescript_arrow_function_is_a_function_and_a_method_of_an_object_is_local() -> None:
    text = "export const f = (a: number): number => g(a);\nexport const table = { icon(a: string) { return h(a); } };\n"
    found = named("a.ts", text)
    assert found["f"] == ("function", "", "const f = (a: number): number")
    assert found["table"][0] == "constant"
    assert "icon" not in found


def test_a_go_method_belongs_to_its_receiver() -> None:
    text = "package p\n\ntype Book struct{ a int }\n\nfunc (b *Book) Add(n int) error { return check(n) }\n"
    found = named("a.go", text)
    assert found["Add"] == ("method", "Book", "func (b *Book) Add(n int) error")
    assert found["Book"] == ("struct", "", "type Book struct")


def test_a_java_constructor_is_no_method_and_an_annotation_no_signature() -> None:
    fields = "  static final int MAX = 1;\n  int n = 2;\n  A() {}\n"
    text = "class A {\n" + fields + "  @Override\n  public int f(int a) { return g(a); }\n}\n"
    found = symbols("A.java", text).definitions
    assert [(each.name, each.kind, each.line) for each in found] == [
        ("A", "class", 1), ("MAX", "constant", 2), ("A", "constructor", 4), ("f", "method", 6),
    ]  # fmt: skip
    assert found[-1].signature == "public int f(int a)"


def test_a_rust_impl_gives_methods_and_its_test_module_gives_nothing_to_others() -> None:
    text = (
        "struct S;\nimpl Show for S { fn show(&self) {} }\nmod tests { fn helper() {} }\nmod deep { fn inner() {} }\n"
    )
    found = named("a.rs", text)
    assert found["show"][:2] == ("method", "S")
    assert found["helper"][0] == "local"
    assert found["inner"][0] == "function"


def test_a_c_typedef_counts_once_and_a_prototype_not_at_all() -> None:
    text = "typedef struct node { int a; } node;\nint later(int a);\nstatic char **words(int n) { return split(n); }\n"
    found = symbols("a.c", text).definitions
    assert [(each.name, each.kind, each.signature) for each in found] == [
        ("node", "struct", "typedef struct node node"), ("words", "function", "static char **words(int n)"),
    ]  # fmt: skip


def test_a_cpp_method_outside_of_its_class_still_belongs_to_it() -> None:
    found = named(
        "a.cpp", "template <class T> struct V { int n() const { return 1; } };\nint A::size(int a) { return 0; }\n"
    )
    assert found["size"] == ("method", "A", "int A::size(int a)")
    assert found["n"][:2] == ("method", "V")
    assert found["V"][2] == "template <class T> struct V"


@pytest.mark.parametrize(
    ("path", "text", "wanted"),
    [
        ("a.py", "from .b import c as d, e\n", Import(".b", (("c", "d"), ("e", "e")))),
        ("a.py", "import a.b as c\n", Import("a.b", (("", "c"),))),
        ("a.py", "from a import *\n", Import("a", (("*", "*"),))),
        ("a.ts", 'import D, { a as b } from "./m";\n', Import("./m", (("default", "D"), ("a", "b")))),
        ("a.ts", 'export * from "./m";\n', Import("./m", (("*", "*"),))),
        ("a.js", 'const { a, b: c } = require("./m");\n', Import("./m", (("a", "a"), ("b", "c")))),
        ("a.go", 'package p\nimport "x.io/y/v2"\n', Import("x.io/y/v2", (("", "y"),))),
        ("A.java", "import a.b.C;\n", Import("a.b.C", (("C", "C"),))),
        ("A.java", "import static a.b.C.m;\n", Import("a.b.C", (("m", "m"),))),
        ("a.rs", "use crate::a::{b, c::D as E};\n", Import("crate::a::c", (("D", "E"),))),
        ("a.rs", "pub mod deep;\n", Import("self::deep", (("", "deep"),))),
        ("a.c", '#include "a/b.h"\n', Import("a/b.h", ())),
        ("a.cpp", "#include <a/b.h>\n", Import("<a/b.h>", ())),
    ],
)
def test_imports_are_read_as_they_are_written(path: str, text: str, wanted: Import) -> None:
    assert wanted in symbols(path, text).imports


@given(st.sampled_from(sorted(SOURCES)), st.data())
def test_text_that_was_cut_anywhere_breaks_nothing(path: str, data: st.DataObject) -> None:
    language = language_of(path)
    assert language is not None
    cut = SOURCES[path].encode()[: data.draw(st.integers(0, len(SOURCES[path])))]
    found = symbols_of(syntax.parse(cut, language), cut, language)
    assert all(0 <= each.start < each.end <= len(cut) for each in found.definitions)


def test_calls_name_the_function_around_them() -> None:
    found = symbols("basket.py", SHOP["src/shop/basket.py"]).calls
    assert Call("add_tax", "", "Basket.total_with_tax") in found
    assert Call("as_text", "price", "receipt_lines") in found
    assert not any(each.name == "Basket" for each in found)  # it is a type here, never called
