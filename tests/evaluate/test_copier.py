"""The copier answers with lines of the repository at the cut, by two rules, and with nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tuner.evaluate.copier import Copier
from tuner.records import Item, Pair, write_jsonl

ONE = """\
def save(path):
    stream = open_stream(path)
    try:
        write_all(stream)
    finally:
        close_stream(stream)
"""
TWO = """\
class Store:
    def save(self, path):
        stream = open_stream(path)
        try:
            write_all(stream)

        finally:
            close_stream(stream, wait=True)
            close_stream(stream)
"""
OTHER = "stream = open_stream(path)\n    trying(stream)\n"


def pair(path: str, text: str, repo: str = "shop", language: str = "python") -> Pair:
    return Pair.make("file", response=text, repo=repo, path=path, language=language, commit="c" * 40, committed_at=1)


def item(prefix: str, suffix: str = "", repo: str = "shop") -> Item:
    return Item("i", repo, "new.py", "python", "d" * 40, 2, "boundary", prefix, suffix, "target", True)


@pytest.fixture
def copier(tmp_path: Path) -> Copier:
    pairs = [pair("a.py", ONE), pair("b.py", TWO), pair("c.ts", OTHER, language="typescript")]
    pairs += [pair("d.py", "x = 1\ny = 3\n" * 3, repo="zoo"), pair("e.py", "x = 1\ny = 2\n" * 2, repo="zoo")]
    write_jsonl(tmp_path / "pairs.jsonl", pairs)
    return Copier("copier", tmp_path / "pairs.jsonl")


def test_the_line_that_most_often_follows_the_same_line_is_copied_from_the_cursor_on(copier: Copier) -> None:
    assert copier.complete(item("x = 1\ny ", repo="zoo")) == "= 3"
    assert copier.complete(item("    stream = open_stream(path)\n\n    tr")) == "y:"


def test_among_as_frequent_lines_the_first_in_the_alphabet_is_taken(copier: Copier) -> None:
    assert copier.complete(item("finally:\n    close")) == "_stream(stream)"


def test_what_is_typed_must_be_continued_else_the_likest_piece_that_does_is_copied(copier: Copier) -> None:
    assert copier.complete(item("stream = open_stream(path)\nwrite_a")) == "ll(stream)"


def test_files_of_another_repository_or_language_are_never_copied(copier: Copier) -> None:
    assert copier.complete(item("stream = open_stream(path)\ntryi")) == ""
    assert copier.complete(item("x = 1\ny ")) == ""


def test_every_item_gets_a_prediction_without_bits_in_any_order(copier: Copier) -> None:
    asked = [item("finally:\n    close"), item("nothing of the kind(")]
    first, second = copier.answer(asked)
    assert (first.text, first.raw, first.bits, first.void, first.target_bytes) == ("_stream(stream)",) * 2 + (
        None,
        None,
        6,
    )
    assert (second.text, second.void) == ("", None)
    assert list(copier.answer(asked[::-1])) == [second, first]
