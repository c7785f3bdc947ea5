"""A pair with a name written over inside a string is dropped; one with a name in a comment is kept without it."""

from __future__ import annotations

import io

import pytest

from tuner.mine.books import Books, Provenance
from tuner.mine.drafts import Draft
from tuner.mine.people import People

ZORA = "Zora Quillfeather"  # made up


@pytest.mark.parametrize(
    ("before", "is_kept"),
    [(f"# asked for by {ZORA}\n", True), (f'author = "{ZORA}"\n', False), ('author = "nobody"\n', True)],
)
def test_a_name_in_a_string_spoils_a_pair(before: str, is_kept: bool) -> None:
    pairs, rejected = io.StringIO(), io.StringIO()
    books = Books(pairs, io.StringIO(), rejected, People([ZORA]))
    draft = Draft("body", "a.py", "python", "return author\n", context=before)
    assert books.keep(draft, Provenance("shop", "c" * 40, 1, 1.0)) == is_kept
    assert ZORA not in pairs.getvalue() + rejected.getvalue()
    assert ("name_in_code" in rejected.getvalue()) == (not is_kept)
