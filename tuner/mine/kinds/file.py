"""Kind `file`: a whole file, read from left to right, without the licence header that every file repeats.

Lines that say nothing once a name is gone are left out, and so is a made-up address in the fields of a manifest.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tuner.mine.drafts import Draft, SourceFile
from tuner.mine.licence_texts import without_licence
from tuner.mine.placeholders import PLACEHOLDER_EMAIL, PLACEHOLDER_PERSON
from tuner.mine.telling import CONFIGURATION

# `@author Someone` on a line of its own says nothing once the name is gone, nor does the bare `*` that set it apart.
_AUTHOR = rf"^[ \t]*(?:\*|//+|#+)?[ \t]*[@\\]authors?[ \t:]+(?i:{PLACEHOLDER_PERSON})\b[^\n]*\n"
AUTHOR_LINE = re.compile(rf"(?:^[ \t]*\*[ \t]*\n)+(?:{_AUTHOR})+(?=[ \t]*\*(?:/|[ \t]*\n))|{_AUTHOR}", re.MULTILINE)
# A documentation block of nothing else.
AUTHOR_BLOCK = re.compile(
    rf"^[ \t]*/\*\*[\s*]*(?:@authors?[ \t:]+{PLACEHOLDER_PERSON}\b[^\n]*?[\s*]*)+\*/[ \t]*\n", re.MULTILINE
)
# `authors = ["Someone <user00000@example.com>"]`, one of a list of them, and `{name = "Ledger", email = "..."}`
_MAIL, _PERSON = PLACEHOLDER_EMAIL.pattern, rf"(?:{PLACEHOLDER_PERSON} *)?<?{PLACEHOLDER_EMAIL.pattern}>?"
_KEY = r"[\"']?(?:authors?|maintainers?|(?:author[_-]|maintainer[_-])?e?mail)[\"']?[ \t]*[=:][ \t]*"
CONTACT = re.compile(
    rf"^[ \t]*(?:{_KEY})?\[?[\"']?{_PERSON}[\"']?\]?,?[ \t]*\n|,[ \t]*{_KEY}[\"']{_MAIL}[\"']", re.MULTILINE
)


def drafts(file: SourceFile) -> Iterator[Draft]:
    """Yield the file, or nothing where only a licence is left."""
    text = AUTHOR_LINE.sub("", AUTHOR_BLOCK.sub("", without_licence(file.text)))
    if file.language.name in CONFIGURATION:
        text = CONTACT.sub("", text)
    if text.strip():
        yield file.draft("file", text)
