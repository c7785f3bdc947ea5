"""Chunks are found by their rare words, whole lines at a time, in bounded memory."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.mine.in_memory import SHOP
from tuner import bm25
from tuner.bm25 import CHUNK_LINES, MAX_CHUNK_CHARS, ChunkIndex, split, terms_of


def built(files: dict[str, str]) -> ChunkIndex:
    index = ChunkIndex()
    for path in index.in_order(files):
        index.add(path, files[path])
    return index


def test_a_name_gives_itself_and_its_words() -> None:
    assert terms_of("parse_args") == ("parse_args", "parse", "args")
    assert terms_of("HTTPServerPool") == ("httpserverpool", "http", "server", "pool")
    assert terms_of("total") == ("total",)


def test_the_chunk_with_the_rarest_shared_word_is_first() -> None:
    found = built(SHOP).search("def share_taken_off(discounted, share):", 3, lambda path: True)
    assert found[0].path == "src/shop/discounts.py"


def test_words_that_nobody_has_find_nothing() -> None:
    assert built(SHOP).search("zebra giraffe", 3, lambda path: True) == []
    assert ChunkIndex().search("price", 3, lambda path: True) == []


def test_only_paths_that_fit_are_found() -> None:
    found = built(SHOP).search("basket total_with_tax", 9, lambda path: path.startswith("tests/"))
    assert {chunk.path for chunk in found} <= {"tests/test_basket.py"}


def test_licence_heads_and_import_lists_are_indexed_but_never_shown() -> None:
    files = {"a.py": "# Copyright 2020 Zebra\n# All rights reserved.\n", "b.py": "import zebra\nimport giraffe\n"}
    index = built(files)
    assert index.search("zebra", 3, lambda path: True) == []
    assert index.paths_with("zebra") == {"a.py", "b.py"}


def test_beyond_the_bound_nothing_is_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bm25, "MAX_CHUNKS", 2)
    assert len(built(SHOP).chunks) == 2 < 5


@given(st.lists(st.text("ab c(){}\t", max_size=60), max_size=90))
def test_chunks_cover_every_filled_line_once_and_in_order(lines: list[str]) -> None:
    spans = split(lines)
    covered = [number for first, last in spans for number in range(first, last)]
    assert covered == sorted(set(covered))
    assert {number for number, line in enumerate(lines) if line.strip()} <= set(covered)
    for first, last in spans:
        assert 0 < last - first <= CHUNK_LINES
        assert last - first == 1 or len("\n".join(lines[first:last])) <= MAX_CHUNK_CHARS
