"""Tell holes that say something from those that teach nothing.

In: the text of a hole and what stands before it. Out: yes or no; no counts, since holes are candidates. Nothing is said
by: punctuation; the rest of a word or of an address, which nobody could know; a lone closing word such as
`return nil`; a key of configuration without its value; rows of one table; digests; what redaction wrote in
place of a name or a secret.
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


def _is_table(hole: str) -> bool:
    """Tell rows that differ in words and numbers only: data, of which nobody could know the next one."""
    rows = [DIGITS.sub("0", LETTERS.sub("a", line.strip())) for line in hole.split("\n") if line.strip()]
    return len(rows) >= MIN_ROWS and Counter(rows).most_common(1)[0][1] >= ROW_SHARE * len(rows)
