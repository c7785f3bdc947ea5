"""A `SourceFile` of any text, as a kind is given it."""

from __future__ import annotations

from typing import Any

from tests.tiny_repo import LEDGER, MONEY, OTHER_LANGUAGES
from tuner.mine.drafts import SourceFile
from tuner.mine.file_facts import healthy_tree, source_file
from tuner.mine.languages import language_of
from tuner.recipe import MineSettings

SOURCES = {"ledger/book.py": LEDGER, "ledger/money.py": MONEY, **OTHER_LANGUAGES}


def file_of(path: str, text: str, seed: int = 0, **settings: Any) -> SourceFile:
    """Give a file as mining would, with its tree if it parses."""
    language = language_of(path)
    assert language is not None
    tree, _ = healthy_tree(text.encode(), language)
    return source_file(path, language, text, tree, seed, MineSettings(**settings))
