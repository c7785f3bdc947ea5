"""A test whose check was turned round, or got another value, before the cut was wrong as it was added."""

from __future__ import annotations

import pytest

from tuner.mine.outlived import expects_otherwise

GO = "func TestTotal(t *testing.T) {\n\tif err == nil || strings.Contains(text, expected) {\n\t\tt.Fatal()\n\t}\n}"
PYTHON = "def test_total():\n    assert total([1, 2]) == 3\n"


@pytest.mark.parametrize(
    ("test", "title", "at_cut"),
    [
        (GO, "TestTotal", GO.replace("strings.C", "!strings.C")),
        (PYTHON, "test_total", PYTHON.replace("== 3", "== 4")),
        (PYTHON.replace("==", "is"), "test_total", PYTHON.replace("==", "is not")),
    ],
)
def test_another_sign_or_value_proves_it_wrong(test: str, title: str, at_cut: str) -> None:
    assert expects_otherwise(test, title, "package a\n\n" + at_cut)


@pytest.mark.parametrize(
    "at_cut",
    [
        PYTHON,
        PYTHON.replace("total([1, 2]) == 3", "(\n        total([1, 2]) == 3\n    )"),
        PYTHON + "    assert total([]) == 0\n",
        PYTHON.replace("total(", "ledger.total("),
        "",
    ],
)
def test_another_form_or_more_checks_say_nothing(at_cut: str) -> None:
    assert not expects_otherwise(PYTHON, "test_total", at_cut)
