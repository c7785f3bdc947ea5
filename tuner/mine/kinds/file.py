"""Kind `file`: a whole file, read from left to right, without the licence header that every file repeats."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tuner.mine.drafts import Draft, SourceFile
from tuner.mine.licence_texts import without_licence
from tuner.mine.placeholders import PLACEHOLDER_PERSON

# `@author Someone` on a line of its own says nothing once the name is gone.
AUTHOR_LINE = re.compile(rf"^[ \t]*(?:\*|//+|#+)?[ \t]*@authors?[ \t:]+{PLACEHOLDER_PERSON}\b[^\n]*\n", re.MULTILINE)


def drafts(file: SourceFile) -> Iterator[Draft]:
    """Yield the file, or nothing where only a licence is left."""
    text = AUTHOR_LINE.sub("", without_licence(file.text))
    if text.strip():
        yield file.draft("file", text)
