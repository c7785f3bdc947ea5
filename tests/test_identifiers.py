"""Identifiers and imports of a text: comments and prose are none, names in strings are."""

from __future__ import annotations

import pytest

from tuner.identifiers import identifiers_of, imports_of_text, words_of_path


@pytest.mark.parametrize(
    ("language", "text", "wanted"),
    [
        ("python", "load(path)  # unsaid words", {"load", "path"}),
        ("python", '"""Prose that says\nnothing."""\nx = 1', {"x"}),
        ("python", "getattr(a, 'colour'); b = 'no name here'", {"getattr", "a", "colour", "b"}),
        ("python", "x = f'{colour.shade} said'", {"x", "f", "colour", "shade"}),
        ("python", "mock('shop.till.count')", {"mock", "shop", "till", "count"}),
        ("typescript", "let a = `${colour} said`; // unsaid\n/* nor\nthis */ b()", {"let", "a", "colour", "b"}),
        ("rust", "fn f<'a>(x: &'a str) -> char { 'c' }", {"fn", "f", "a", "x", "str", "char", "c"}),
        ("c", '#include <stdio.h>\nint x; // unsaid', {"include", "stdio", "h", "int", "x"}),
        ("python", "x" * 81, set()),
        ("python", "naïve_größe()", {"naïve_größe"}),
    ],
)  # fmt: skip
def test_identifiers(language: str, text: str, wanted: set[str]) -> None:
    assert identifiers_of(text, language) == wanted


@pytest.mark.parametrize(
    ("language", "text", "wanted"),
    [
        ("python", "import os, json as j\nfrom .a import b\n  from c.d import (e)\n# from x import y",
         {"os", "json", ".a", "c.d"}),
        ("tsx", "import a from 'left-pad';\nimport './b';\nconst c = require(\"c\");", {"left-pad", "./b", "c"}),
        ("go", 'import (\n\t"fmt"\n\tx "example.com/a/b"\n)\nvar s = f("no")', {"fmt", "example.com/a/b"}),
        ("java", "import static a.b.C.d;\nimport e.F;", {"a.b.C.d", "e.F"}),
        ("rust", "pub use a::b;\nextern crate c;", {"a", "c"}),
        ("cpp", '#include <vector>\n# include "own.h"', {"vector"}),
        ("ruby", "require 'x'", set()),
    ],
)  # fmt: skip
def test_imports(language: str, text: str, wanted: set[str]) -> None:
    assert imports_of_text(text, language) == wanted


def test_the_words_of_a_path_are_its_folders_and_the_name_without_endings() -> None:
    assert words_of_path("src/shop-kit/till.test.ts") == {"src", "shop-kit", "shop_kit", "till"}
