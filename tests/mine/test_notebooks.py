"""A notebook gives its code cells, and nothing that was shown or written beside them."""

from __future__ import annotations

import ast
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.mine.notebooks import code_of

SECRET_OUTPUT = "customer 4711 owes 12 EUR"


def notebook(*sources: str, metadata: dict[str, Any] | None = None) -> bytes:
    cells: list[dict[str, Any]] = [{"cell_type": "markdown", "source": ["# Customers\n", "of the north"]}]
    for source in sources:
        outputs = [{"output_type": "stream", "text": [SECRET_OUTPUT]}]
        cells.append({"cell_type": "code", "source": source.splitlines(True), "outputs": outputs})
    cells.append({"cell_type": "raw", "source": "raw text"})
    return json.dumps({"cells": cells, "metadata": metadata or {}, "nbformat": 4, "nbformat_minor": 5}).encode()


def code(*sources: str, metadata: dict[str, Any] | None = None) -> str:
    read = code_of(notebook(*sources, metadata=metadata))
    assert isinstance(read, tuple)
    return read[0]


def test_code_cells_are_joined_in_percent_format() -> None:
    read = code_of(notebook("import csv\n", "", "rows = []\nfor row in rows:\n    print(row)"))
    assert read == ("# %%\nimport csv\n\n# %%\nrows = []\nfor row in rows:\n    print(row)\n", "python")


def test_outputs_and_text_cells_are_never_read() -> None:
    text = code("a = 1")
    assert SECRET_OUTPUT.encode() in notebook("a = 1")  # the check below can fail
    assert SECRET_OUTPUT not in text and "Customers" not in text and "raw" not in text


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("%matplotlib inline\na = 1", "# %matplotlib inline\na = 1"),
        ("!pip install x\na = 1", "# !pip install x\na = 1"),
        ("!pip install \\\n  x\na = 1", "# !pip install \\\n#   x\na = 1"),
        ("%%time\na = 1", "# %%time\na = 1"),
        ("%%bash\nls -l | wc\n\ndate", "# %%bash\n# ls -l | wc\n\n# date"),
        ("files = !ls\nb = %timeit -o f()", "# files = !ls\n# b = %timeit -o f()"),
        ("pd.DataFrame?\nlen??\n?len", "# pd.DataFrame?\n# len??\n# ?len"),
        ("if x:\n    !ls {x}\nb = 1", "if x:\n    pass  # !ls {x}\nb = 1"),
        ("a = (b\n  %c)", "a = (b\n  %c)"),
        ("a = b % c\nd = e != f", "a = b % c\nd = e != f"),
        ('q = """\n%s?\n!x\n"""', 'q = """\n%s?\n!x\n"""'),
    ],
)
def test_what_only_ipython_understands_becomes_a_comment(source: str, expected: str) -> None:
    text = code(source)
    assert text == f"# %%\n{expected}\n"
    ast.parse(text)


@pytest.mark.parametrize(
    ("metadata", "language"),
    [
        ({}, "python"),
        ({"language_info": {"name": "python"}}, "python"),
        ({"language_info": {"name": "R"}}, "r"),
        ({"kernelspec": {"name": "ir"}}, "r"),
        ({"kernelspec": {"name": "julia-1.9", "language": "julia"}}, "julia"),
        ({"kernelspec": {"name": "julia-1.9"}}, "julia"),
        ({"kernelspec": {"name": "python3"}}, "python"),
        ({"kernelspec": {"name": "conda-env-data-py"}}, "python"),
        ({"language_info": "python"}, "python"),
    ],
)
def test_the_notebook_states_its_language(metadata: dict[str, Any], language: str) -> None:
    read = code_of(notebook("a = 1", metadata=metadata))
    assert isinstance(read, tuple) and read[1] == language


def test_another_language_is_a_reason() -> None:
    for metadata in ({"language_info": {"name": "scala"}}, {"kernelspec": {"name": "bash"}}):
        assert code_of(notebook("a = 1", metadata=metadata)) == "notebook_language"


def test_the_older_format_is_read() -> None:
    cells = [
        {"cell_type": "code", "language": "python", "input": "a = 1", "outputs": [{"text": SECRET_OUTPUT}]},
        {"cell_type": "markdown", "source": "text"},
        {"cell_type": "code", "language": "python", "input": ["b = 2\n", "c = 3"]},
    ]
    data = json.dumps({"worksheets": [{"cells": cells}], "nbformat": 3, "metadata": {"name": ""}}).encode()
    assert code_of(data) == ("# %%\na = 1\n\n# %%\nb = 2\nc = 3\n", "python")


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"cells": 3}', b'{"cells": [1]}', b"{}",
        b'{"worksheets": [{"cells": 3}]}', b'{"cells": null}', b"version https://git-lfs.github.com/spec/v1\n",
    ],
)  # fmt: skip
def test_what_is_no_notebook_is_a_reason(data: bytes) -> None:
    assert code_of(data) == "bad_notebook"


def test_a_notebook_without_code_is_too_small() -> None:
    assert code_of(notebook()) == "too_small" == code_of(notebook("  \n"))


def test_half_a_character_is_no_text() -> None:
    assert code_of(notebook("a = '\ud800'")) == "not_utf8"


KEYS = ["cells", "worksheets", "source", "input", "cell_type", "language", "metadata", "kernelspec", "name"]
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(KEYS),
            st.one_of(inner, st.just("code")),
            max_size=5,
        ),
    ),
    max_leaves=20,
)  # fmt: skip


@given(JSON)
def test_any_json_is_read_or_named(value: Any) -> None:
    read = code_of(json.dumps(value).encode())
    assert read in ("bad_notebook", "notebook_language", "too_small", "not_utf8") or isinstance(read, tuple)
