"""Every grammar gives holes and documented functions, and the offsets fit the text."""

from __future__ import annotations

import pytest
from tree_sitter import Query, QueryCursor

from tests.tiny_repo import LEDGER, OTHER_LANGUAGES
from tuner.grammars import GRAMMARS, grammar
from tuner.mine import syntax
from tuner.mine.languages import Language, language_of
from tuner.mine.syntax_errors import error_share, errors

SOURCES = {"ledger/book.py": LEDGER, **OTHER_LANGUAGES, "web/total.tsx": OTHER_LANGUAGES["web/total.ts"]}


def language(path: str) -> Language:
    found = language_of(path)
    assert found is not None
    return found


def test_the_examples_cover_all_grammars() -> None:
    assert {language(path).name for path in SOURCES} == set(GRAMMARS)


@pytest.mark.parametrize("path", SOURCES)
def test_each_language_gives_holes_of_several_kinds(path: str) -> None:
    data = SOURCES[path].encode()
    tree = syntax.parse(data, language(path))
    found = syntax.holes(tree, language(path))
    assert error_share(tree, data) == 0
    assert len({hole.category for hole in found}) >= 4
    assert all(0 <= hole.start < hole.end <= len(data) for hole in found)


@pytest.mark.parametrize("path", SOURCES)
def test_each_language_gives_documented_functions(path: str) -> None:
    data = SOURCES[path].encode()
    found = syntax.functions(syntax.parse(data, language(path)), data, language(path))
    assert found
    for each in found:
        signature, body = data[each.start : each.body_start].decode(), data[each.body_start : each.end].decode()
        assert any(word in signature.lower() for word in ("total", "account", "rows", "entry"))
        assert "return" in body or "balance" in body
        assert signature.startswith((" ", "\t", "/", "d", "@"))


def test_a_function_without_documentation_is_left_out() -> None:
    data = (
        b"def total(rows):\n    a = 1\n    b = 2\n    return a + b\n\n\ndef other():\n    '''Short.'''\n    return 1\n"
    )
    assert syntax.functions(syntax.parse(data, language("a.py")), data, language("a.py")) == []


def test_offsets_are_bytes_where_the_text_is_not_ascii() -> None:
    text = 'NAME = "Zoë"\n\n\ndef größe(x):\n    """Gib die Größe von x als ganze Zahl zurück."""\n    return len(x)\n'
    data = text.encode()
    tree = syntax.parse(data, language("a.py"))
    (function,) = syntax.functions(tree, data, language("a.py"))
    assert data[function.start : function.body_start].decode().startswith("def größe(x):")
    assert data[function.body_start : function.end].decode().strip() == "return len(x)"


def test_broken_code_has_a_share_of_errors() -> None:
    data = b"def total(:\n  ]]] )) while = = \n" * 10
    tree = syntax.parse(data, language("a.py"))
    assert error_share(tree, data) > 0.3
    asked = QueryCursor(Query(grammar("tree_sitter_python", "language"), "(ERROR) @found")).captures(tree.root_node)
    assert {(each.start_byte, each.end_byte) for each in errors(tree)} == {
        (each.start_byte, each.end_byte) for each in asked["found"]
    }
