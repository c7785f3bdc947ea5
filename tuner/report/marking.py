"""Mark in an answer how it differs from what the author wrote, word by word.

In: the truth and an answer. Out: markup: `<ins>` is what the answer has and the author did not write, `<del>` what the
author wrote and the answer lacks; all else is the same in both. Blanks and brackets that happen to agree between two
changes are taken into them, since a line of crumbs is no help. Long texts are cut, and say by how much.
"""

from __future__ import annotations

import re
from difflib import SequenceMatcher

from markupsafe import Markup

from tuner.visible import visible

MOST_CHARS = 400
_WORD = re.compile(r"\w+|\s+|[^\w\s]")


def marked(truth: str, answer: str) -> Markup:
    """Write an answer with its differences from the truth."""
    if not answer.strip():
        return Markup("<em>{}</em>").format("an empty answer")
    short = shortened(answer.rstrip())
    wanted, found = (_WORD.findall(each) for each in (shortened(truth.rstrip()), short))
    written = Markup()
    for lacking, added in _changes(wanted, found):
        if lacking == added:
            written += shown(added)
            continue
        if lacking:
            written += Markup("<del>{}</del>").format(shown(lacking))
        if added:
            written += Markup("<ins>{}</ins>").format(shown(added))
    return written


def shortened(text: str) -> str:
    """Cut a text that is too long to be looked at, and say how much is missing."""
    rest = len(text) - MOST_CHARS
    return text if rest <= 0 else f"{text[:MOST_CHARS]}… ({rest:,} characters more)"


def shown(text: str) -> Markup:
    """Escape a piece of code for a page, with hidden characters written out."""
    return Markup("{}").format(visible(text))


def _changes(wanted: list[str], found: list[str]) -> list[tuple[str, str]]:
    """Pair what the author wrote with what the answer has in its place; equal texts are no change."""
    pairs = [
        ("".join(wanted[a:b]), "".join(found[c:d]))
        for _, a, b, c, d in SequenceMatcher(None, wanted, found, autojunk=False).get_opcodes()
    ]
    joined: list[tuple[str, str]] = []
    for at, (lacking, added) in enumerate(pairs):
        crumb = lacking == added and 0 < at < len(pairs) - 1 and not re.search(r"\w", added)
        after_change = bool(joined) and joined[-1][0] != joined[-1][1]
        if after_change and (crumb or lacking != added):
            joined[-1] = (joined[-1][0] + lacking, joined[-1][1] + added)
        else:
            joined.append((lacking, added))
    return joined
