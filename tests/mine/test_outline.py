"""An outline says what changes at each place, by names, and never gives a whole new line."""

from __future__ import annotations

import pytest

from tests.mine.hunks import hunks_between
from tuner.mine.change_tokens import Side
from tuner.mine.languages import language_of
from tuner.mine.outline import Outline, outline
from tuner.mine.search_replace import changed_regions

PYTHON = '''import math


class Ledger:
    def total(self, rows):
        """Sum up the rows."""
        return sum(rows)


def closed(ledger):
    # nothing is open
    if ledger.open:
        return False
    return True
'''


def told(old: str, new: str, path: str = "a.py") -> Outline:
    language = language_of(path)
    assert language is not None
    regions = changed_regions(old, new, hunks_between(old, new))
    return outline(Side(old, language), Side(new, language), regions)


@pytest.mark.parametrize(
    ("was", "now", "line"),
    [
        ("sum(rows)", "math.fsum(rows)", "in `Ledger.total`: write `math.fsum` instead of `sum`"),
        ("self, rows", "self, rows, strict", "in `Ledger.total`: add `, strict` after `self, rows`"),
        (
            "    if ledger.open:\n        return False\n",
            "",
            "in `closed`: remove the 2 lines from `if ledger.open:` to `return False`",
        ),
        ("import math\n", "import math\nimport os\n", "after `import math` import `os`"),
        ("nothing is open", "nothing is closed", "in `closed`: in the comment: write `closed` instead of `open`"),
        ("    # nothing is open\n", "", "in `closed`: remove the comment"),
        ("    return True", "    # return True", "in `closed`: comment out `return True`"),
        ("    return True", "        return True", "in `closed`: indent `return True` more"),
        (
            "        return sum(rows)",
            '        if not rows:\n            raise ValueError("no rows")\n        return sum(rows)',
            'in `Ledger.total`: add code that uses `rows`, `ValueError`, with `if`, `raise`, the text `"no rows"`',
        ),
        (
            "def closed(ledger):",
            "def is_open():\n    return 1\n\n\ndef closed(ledger):",
            "before `def closed(ledger):` add the function `is_open`, add `return`",
        ),
    ],
)
def test_each_kind_of_change_is_said_in_plain_words(was: str, now: str, line: str) -> None:
    assert told(PYTHON, PYTHON.replace(was, now, 1)).lines == [line]


def test_places_are_named_once_and_lines_tell_them_apart() -> None:
    new = PYTHON.replace("ledger.open", "ledger.is_open").replace("return True", "return not ledger.kept")
    assert told(PYTHON, new).lines == [
        "in `closed`: at `if ledger.open:` write `is_open` instead of `open`; "
        "at `return True` write `not ledger.kept` instead of `True`"
    ]


@pytest.mark.parametrize(
    ("new", "reason"),
    [
        (PYTHON.replace("Sum up the rows.", "Add what stands in every single row of the book."), "remark_unsaid"),
        (PYTHON + "".join(f"row_{n} = {n}\n" for n in range(20)), "more_than_asked"),
        (PYTHON + "".join(f"row_{n} = {n}\n" for n in range(9)), "unsaid_names"),
        (PYTHON + f'row = "{"word " * 20}"\n', "unsaid_texts"),
    ],
)
def test_what_cannot_be_said_shortly_has_a_reason(new: str, reason: str) -> None:
    assert told(PYTHON, new) == Outline(reason=reason)


@pytest.mark.parametrize(
    ("path", "old", "new", "line"),
    [
        ("a.go", "func (b *Book) Total() int {\n\treturn b.sum\n}\n", "- 1", "in `Total`: add `- 1` after `b.sum`"),
        ("A.java", "class A {\n  int f() {\n    return b.sum;\n  }\n}\n", "- 1", "in `A.f`: add `- 1` after `b.sum`"),
        (
            "a.rs",
            "impl Book {\n    fn f() -> i64 {\n        b.sum\n    }\n}\n",
            "+ a",
            "in `Book.f`: add `+ a` after `b.sum`",
        ),
        ("a.ts", "const f = (b: Book) => {\n  return b.sum;\n};\n", "- 1", "in `f`: add `- 1` after `b.sum`"),
        ("a.cmake", "set(x b.sum)\n", "PARENT", "at `set(x b.sum)` add `PARENT` after `b.sum`"),
    ],
)
def test_every_language_is_told(path: str, old: str, new: str, line: str) -> None:
    assert told(old, old.replace("b.sum", f"b.sum {new}"), path).lines == [line]


def test_no_whole_new_line_is_given_away() -> None:
    new = PYTHON.replace("return True", "return ledger.kept(False)").replace("sum(rows)", "sum(rows or self.rows)")
    said = "\n".join(told(PYTHON, new).lines)
    added = set(map(str.strip, new.split("\n"))) - set(map(str.strip, PYTHON.split("\n")))
    assert said and not any(line in said for line in added)
