"""Kind `file`: a whole file, read from left to right, without the licence header that every file repeats."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tuner.mine.drafts import Draft, SourceFile

LICENCE_WORD = re.compile(r"copyright|licen[cs]e|spdx-", re.IGNORECASE)
LICENCE_HEAD = re.compile(
    r"(#![^\n]*\n)?(\s*(?:/\*.*?\*/[ \t]*\n|<!--.*?-->[ \t]*\n|(?:[ \t]*(?:#|//|--|;|%)[^\n]*\n)+))\n*", re.DOTALL
)


def drafts(file: SourceFile) -> Iterator[Draft]:
    """Yield the file, or nothing where only a licence is left."""
    text = without_licence(file.text)
    if text.strip():
        yield file.draft("file", text)


def without_licence(text: str) -> str:
    """Drop a comment at the top that states copyright or licence; a `#!` line stays."""
    match = LICENCE_HEAD.match(text)
    return (match.group(1) or "") + text[match.end() :] if match is not None and licence_head(text) else text


def licence_head(text: str) -> str:
    """Give the comment at the top if it speaks of copyright or licence, or nothing."""
    match = LICENCE_HEAD.match(text)
    return match.group(2) if match is not None and LICENCE_WORD.search(match.group(2)) else ""
