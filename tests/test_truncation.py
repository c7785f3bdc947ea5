"""An answer ends where the block around its cursor does, told without the target, however it comes."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.records import Item
from tuner.truncation import MOST_LINES, cut, is_over

PYTHON = Item("i", "shop", "a.py", "python", "c", 0, "boundary", "def f(x):\n    ", "", "return x", True, "body")
C = dataclasses.replace(PYTHON, language="c", prefix="int f(int x) {\n    ")
RUST, TYPESCRIPT, GO = (dataclasses.replace(C, language=name) for name in ("rust", "typescript", "go"))
LINE = dataclasses.replace(PYTHON, kind="line")


@pytest.mark.parametrize(
    ("item", "raw", "text"),
    [
        (LINE, "x = 1  \n    return x", "x = 1"),
        (dataclasses.replace(LINE, kind="call", language="c"), "a, {b});}\n", "a, {b});}"),
        (PYTHON, "x = 1\n    return x\n\n\ndef g():\n    pass", "x = 1\n    return x"),
        (PYTHON, "if x:\n        x = 1\n\n    return x\n  # end", "if x:\n        x = 1\n\n    return x"),
        (PYTHON, "return (\n        x\n    )\n\nprint(1)", "return (\n        x\n    )"),
        (PYTHON, "return {}\n}\n", "return {}"),
        (dataclasses.replace(PYTHON, prefix="def f():\n\t"), "x\n        y\nz", "x\n        y"),
        (C, "if (x) {\n        x++;\n    }\n    return x;\n}\n\nint g", "if (x) {\n        x++;\n    }\n    return x;"),
        (C, "return 1; }", "return 1;"),
        (C, "}\n", ""),
        (C, "puts(\"}\"); /* } */ c = '}'; // }\nd();\n}", "puts(\"}\"); /* } */ c = '}'; // }\nd();"),
        (C, "c = '\\''; d = \"\\\"}\";\n}", "c = '\\''; d = \"\\\"}\";"),
        (RUST, "fn g<'a>(x: &'a str) {\n        x\n    }\n}\n", "fn g<'a>(x: &'a str) {\n        x\n    }"),
        (TYPESCRIPT, "f('}', `}\n${1}`);\n});", "f('}', `}\n${1}`);"),
        (GO, "r := `\\`\n}\n", "r := `\\`"),
        (C, "x();\r\n    y();\r\n}\r\n", "x();\n    y();"),
        (C, "x();\n" * 50, "x();\n" * (MOST_LINES - 1) + "x();"),
        (PYTHON, "x = 1\n    y = 2", "x = 1\n    y = 2"),
    ],
)
def test_an_answer_is_cut_where_its_block_ends(item: Item, raw: str, text: str) -> None:
    assert cut(item, raw) == text


PIECES = st.sampled_from([*"x {}'\"`\\\n\t", "    ", "\n    ", "//", "/*", "*/", "\r\n"])


@given(st.lists(PIECES, max_size=40).map("".join), st.sampled_from([LINE, PYTHON, C, RUST, TYPESCRIPT, GO]))
def test_what_comes_after_an_answer_is_over_changes_nothing_of_it(raw: str, item: Item) -> None:
    visible = raw.lstrip() if item is LINE else raw  # a line may begin with line ends, and is empty then
    over = next((end for end in range(len(visible) + 1) if is_over(item, visible[:end])), None)
    if over is not None:
        assert cut(item, visible[:over]) == cut(item, visible)
        assert is_over(item, visible)


@given(st.lists(PIECES, max_size=40).map("".join), st.sampled_from([LINE, PYTHON, C, RUST, TYPESCRIPT, GO]))
def test_what_was_cut_is_cut_no_further(raw: str, item: Item) -> None:
    assert cut(item, cut(item, raw)) == cut(item, raw)
