"""Tell the names that an item's target uses, to see which of them are new to the repository.

In: an item, or a file at the cut. Out: the names of the target as identifier F1 counts them, without those in comments;
all words of the file, those of its comments and strings too, so that what is called new stands in no file that mining
kept. Words in a docstring cannot be told from names here and count as such.
"""

from __future__ import annotations

import re

from tuner.records import Item
from tuner.scoring import identifiers

_WORD = re.compile(r"\w+")
_COMMENT = re.compile(r"(?:^|(?<=\s))(?:#|//|/\*|\*\s).*", re.MULTILINE)


def names_of(item: Item) -> set[str]:
    """Collect the names in an item's target."""
    line = item.prefix.rpartition("\n")[2]
    if _COMMENT.search(line):  # the cursor stands in a comment, which ends with its line
        rest = item.target.partition("\n")[2]
        return identifiers(item, "\n" + _COMMENT.sub(" ", rest)) if rest else set()
    return identifiers(item, _COMMENT.sub(" ", item.target))


def words_of(text: str) -> set[str]:
    """Collect all words of a text."""
    return set(_WORD.findall(text))
