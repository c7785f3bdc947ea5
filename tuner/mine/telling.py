"""Tell holes that say something from those that teach nothing.

In: the text of a hole and what stands before it. Out: yes or no; no counts, since holes are candidates. Nothing is said
by: punctuation; the rest of a word or of an address, which nobody could know; a lone closing word such as
`return nil`; a key of configuration without its value; rows of one table; rows of nothing but literals; the remark of
a closing brace; digests; what redaction wrote in place of a name or a secret. A cursor in a line stands neither inside
a sign of several characters nor inside a number, and of a sentence at least two whole words are left.
"""

from __future__ import annotations

import re
from collections import Counter

from tuner.mine.placeholders import MARK, PLACEHOLDER_EMAIL, PLACEHOLDER_PERSON

MIN_LETTERS, MIN_WORDS_BESIDE_ADDRESS = 3, 3
MIN_ROWS, ROW_SHARE = 6, 0.75
STAND_IN = re.compile(rf"\b{PLACEHOLDER_PERSON}\b|{MARK}|{PLACEHOLDER_EMAIL.pattern}")
DIGEST = re.compile(r"\b[0-9a-f]{32,}\b", re.IGNORECASE)
ADDRESS = re.compile(r"\w+://\S*")
ADDRESS_BEGUN = re.compile(r"\w+://\S*$")
REST_OF_WORD = re.compile(r"^\w+")
CLOSING = re.compile(
    r"\W*(?:return\b\s*)?(?:nil|none|null|nullptr|true|false|err|self|this|break|continue|pass|end|endif|else|try|do|"
    r"done|esac|begin|default|return|override|test|ok)?\W*",
    re.IGNORECASE,
)
# A key without its value, and the head of a section.
BARE_KEY = re.compile(r"[\s-]*[\w.-]+:\s*(?:[|>][+-]?)?\s*|[\[\s]*[\w.-]+\]+\s*")
CONFIGURATION = ("yaml", "toml", "ini")
LETTERS, DIGITS = re.compile(r"[^\W\d]+"), re.compile(r"\d+")
STRING = re.compile(r"\"(?:[^\"\\\n]|\\.)*\"?|'(?:[^'\\\n]|\\.)*'?|`[^`]*`?")
REMARK = re.compile(r"^\s*(?://|/\*|\*|#(?!\s*(?:define|if|elif|else|endif|include|undef|pragma|\[|!\[)))")
# Any two neighbours of a longer sign: operators, marks of comments, quotes of several characters.
_SIGNS = (
    ":: -> => == != <= >= && || ++ -- += -= *= /= %= |= &= ^= ~= << >> := ?? ?. ** .. // /* */ <! !- ## #! \"\" '' `` "
    "#[ </ /> ${ @@ <- |>"
)
SIGNS = frozenset(_SIGNS.split())
NUMBER_BEGUN, REST_OF_NUMBER = re.compile(r"(?<![\w])\d[\w.,:/-]*$"), re.compile(r"[.,:/-]?\d")
CLOSING_REMARK = re.compile(r"\s*(?:[})\]]+[;,]?\s*(?://|/\*|#|--).*|#\s*(?:endif|else)\b.*)")
DOCSTRING_MARK = re.compile(r"\s*[a-zA-Z]{0,2}(?:\"\"\"|\'\'\')")
MIN_WORDS_OF_PROSE = 2
BRACKETS = " \t()[]{},;"
# Of a comment: an address, and the number of a ticket with what leads up to it.
MERE_LINK = re.compile(
    r"(?:\w+://\S+|\b(?:see|also|issues?|bugs?|tickets?|prs?|for|from|fixes|closes)\b|[\W\d_])+", re.IGNORECASE
)


def says_something(hole: str, before: str = "", language: str = "") -> bool:
    """Tell whether there is anything to be learned from typing `hole` after `before`."""
    if STAND_IN.search(hole) or DIGEST.search(hole):
        return False
    line = before[before.rfind("\n") + 1 :]
    own = ADDRESS.sub("", re.sub(r"^\S+", "", hole) if ADDRESS_BEGUN.search(line) else hole)
    if own != hole and len(LETTERS.findall(own)) < MIN_WORDS_BESIDE_ADDRESS:
        return False
    if line[-1:].isalnum() or line.endswith("_"):
        own = REST_OF_WORD.sub("", own)
    if sum(map(str.isalpha, own)) < MIN_LETTERS or CLOSING.fullmatch(own):
        return False
    return not (language in CONFIGURATION and BARE_KEY.fullmatch(own)) and not _is_table(hole)


def is_cursor_place(before: str, hole: str) -> bool:
    """Tell whether a cursor may stand between two parts of a line: inside a word, but in no sign or number."""
    if before[-1:] + hole[:1] in SIGNS or before.endswith("\\"):
        return False
    is_in_number = before[-1:].isalnum() and (hole[:1].isalnum() or hole.startswith("_"))
    return not (NUMBER_BEGUN.search(before) and (is_in_number or REST_OF_NUMBER.match(hole)))


def is_telling_line(before: str, hole: str, *, is_prose: bool) -> bool:
    """Tell whether a hole that begins in a line is more than literals, a closing remark, or a last word.

    `before` is what stands on the line before the cursor; `is_prose` says that the cursor stands in text.
    """
    rows = [row for row in (before + hole).split("\n") if row.strip()]
    if len(rows) == 1 and CLOSING_REMARK.fullmatch(rows[0]):
        return False
    if is_prose or (rows and REMARK.match(rows[0])):
        own = REST_OF_WORD.sub("", hole) if before[-1:].isalnum() or before.endswith("_") else hole
        return len(LETTERS.findall(own)) >= MIN_WORDS_OF_PROSE
    return not all(_is_literal_row(row) or REMARK.match(row) for row in rows if row.strip(BRACKETS))


def is_after_mere_link(before: str) -> bool:
    """Tell whether the line above the one that begins is a comment that names nothing but an address or a number."""
    lines = before[: before.rfind("\n") + 1].rstrip().rsplit("\n", 1)
    said = REMARK.match(lines[-1])
    return said is not None and MERE_LINK.fullmatch(lines[-1][said.end() :].strip()) is not None


def _is_literal_row(row: str) -> bool:
    """Tell a line that has no word but those in its string literals: one of a table or a list of words."""
    return not DOCSTRING_MARK.match(row) and LETTERS.search(STRING.sub("", row)) is None


def _is_table(hole: str) -> bool:
    """Tell rows that differ in words and numbers only: data, of which nobody could know the next one."""
    rows = [DIGITS.sub("0", LETTERS.sub("a", line.strip())) for line in hole.split("\n") if line.strip()]
    return len(rows) >= MIN_ROWS and Counter(rows).most_common(1)[0][1] >= ROW_SHARE * len(rows)
