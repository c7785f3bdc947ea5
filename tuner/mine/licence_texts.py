"""Find the licences that stand in a file's own text: in the comment at its top, and in long string literals.

In: a file's text, or a `SourceFile`. Out: the head, the text without it, or byte ranges. A licence is written once and
copied ever after: it is nothing to be completed, and a file that is mostly one (`licence_text`) teaches nothing.
"""

from __future__ import annotations

import re

from tuner.mine import syntax
from tuner.mine.drafts import SourceFile
from tuner.mine.gates.licences import holders_of, licences_of

Range = tuple[int, int]
MAX_LICENCE_SHARE = 0.5
MENTION = re.compile(rb"licen[cs]e|permission|redistribut", re.IGNORECASE)
LICENCE_WORD = re.compile(r"copyright|licen[cs]e|spdx-", re.IGNORECASE)
LICENCE_HEAD = re.compile(
    r"(#![^\n]*\n)?(\s*(?:/\*.*?\*/[ \t]*\n|<!--.*?-->[ \t]*\n|(?:[ \t]*(?:#|//|--|;|%)[^\n]*\n)+))\n*", re.DOTALL
)
DOCSTRING = re.compile(r"\s*(?:#[^\n]*\n\s*)*[a-zA-Z]{0,2}(\"\"\".*?\"\"\"|'''.*?''')", re.DOTALL)


def without_licence(text: str) -> str:
    """Drop a comment at the top that states copyright or licence; a `#!` line stays."""
    match = LICENCE_HEAD.match(text)
    return (match.group(1) or "") + text[match.end() :] if match is not None and licence_head(text) else text


def licence_head(text: str) -> str:
    """Give the comment at the top if it speaks of copyright or licence, or nothing."""
    match = LICENCE_HEAD.match(text)
    return match.group(2) if match is not None and LICENCE_WORD.search(match.group(2)) else ""


def copyright_head(text: str) -> str:
    """Give what may name another holder: the licence at the top, or a docstring there with a line of copyright."""
    match = DOCSTRING.match(text)
    return licence_head(text) or (match.group(1) if match is not None and holders_of(match.group(1)) else "")


def head_range(text: str) -> list[Range]:
    """Give the bytes of the licence at the top, or nothing."""
    match = LICENCE_HEAD.match(text)
    return [(0, len(text[: match.end()].encode()))] if match is not None and licence_head(text) else []


def licences_in_strings(file: SourceFile) -> list[Range]:
    """List the string literals of several lines that hold the text of a common licence."""
    if file.tree is None or not MENTION.search(file.data):
        return []
    found = syntax.long_strings(file.tree, file.language)
    return [(start, end) for start, end in found if licences_of(file.data[start:end].decode("utf-8", "replace"))]


def is_licence_text(file: SourceFile) -> bool:
    """Tell whether more than half of a file, its head apart, is licences in string literals."""
    own = len(without_licence(file.text).encode())
    return sum(end - start for start, end in licences_in_strings(file)) > MAX_LICENCE_SHARE * own
