"""Files of data alone, and files of nearly nothing, are told from code."""

from __future__ import annotations

import pytest

from tests.mine.kinds.files import file_of
from tuner.mine.little_said import empty_reason

ROWS = ", ".join(f'(&["apple{number}"], "banana{number}")' for number in range(300))
TABLE = f"const ALL: &[(&[&str], &str)] = &[{ROWS}];\n"
FUNCTION = "fn pick_{0}() -> usize {{\n    ALL.len() - {0}\n}}\n"
WORDS = "big5{,-hkscs} {cn-,cs}big5 x-x-big5\nlogical visual mac {,cs}macintosh\n"


@pytest.mark.parametrize(
    ("path", "text", "reason"),
    [
        ("package-info.java", "/** Reads and writes ledgers. */\npackage ledger.io;\n", "too_small"),
        ("a/__init__.py", '"""Reads and writes ledgers."""\n', "too_small"),
        ("a/__init__.py", '"""Ledgers."""\nfrom .book import Book\n', None),
        ("hay.rs", f'pub const HAY: &str = "\\\n{"a long text to be searched " * 9}";\n', "data_only"),
        ("hay.rs", f'pub const HAY: &str = "{"a long text " * 9}";\npub fn hay() -> &str {{ HAY }}\n', None),
        ("words.py", f"WORDS = {['apple', 'banana'] * 20}\n", "data_only"),
        ("words.rs", f"{TABLE}\n#[test]\nfn sorted() {{\n    assert!(ALL.len() > 1);\n}}\n", "data_only"),
        ("words.rs", f"{TABLE}\n{''.join(map(FUNCTION.format, range(90)))}", None),
        ("words.rs", 'const ALL: &[&str] = &["apple", "banana"];\nfn all() {}\n', None),  # too short to be a table
        ("setup.py", 'from setuptools import setup\n\nsetup(name="a long name to be shown to people")\n', None),
        ("codings.sh", f"# a list\n{WORDS}", "data_only"),
        ("build.sh", f"#!/bin/sh\n{WORDS}", None),
        ("names.yml", "a: b\n", None),
    ],
)
def test_data_and_near_emptiness_are_told_from_code(path: str, text: str, reason: str | None) -> None:
    assert empty_reason(file_of(path, text)) == reason
