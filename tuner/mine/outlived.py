"""Tell tests that history proved wrong: at the cut the same test expects something else.

In: a test as a commit added it, its title, and the text of its file at the cut. Out: yes or no. Rewritten form says
nothing, and neither do new lines: only a check that stands there with another sign ("is", "is not") or another value.
"""

from __future__ import annotations

import re

CHECK = re.compile(r"\b(?:assert\w*|expect\w*|if|raises)\b|\b[A-Z]+_[A-Z_]+\(|\bassert\w+!")
VALUE = re.compile(r"\b[bru]{0,2}(\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*')|\b\d[\w.]*\b")
SIGN = re.compile(
    r"!(?==)|=(?==)|\bis\s+not\b|\bnot\s+in\b|\b(?:is|in|not)\b|!|(?<=assert)(?:True|False)|(?<=[tT]o)Not|\bnot\."
)
FORM = re.compile(r"[\s,;()]+")
REACH = 2  # as many times as long as it was, a test may be at the cut


def expects_otherwise(test: str, title: str, at_cut: str) -> bool:
    """Tell whether a check of a test is gone at the cut while one of other sign or value stands in its place."""
    start = at_cut.find(title)
    if start < 0:
        return False
    later = at_cut[start : start + REACH * len(test)].split("\n")
    forms = {_form(line) for line in later}
    skeletons = {_skeleton(line) for line in later}
    gone = (line for line in test.split("\n") if CHECK.search(line) and _form(line) not in forms)
    return any(_skeleton(line) in skeletons for line in gone)


def _form(line: str) -> str:
    """Give a line without its form: spaces, commas, brackets and the kind of quotes."""
    return FORM.sub("", VALUE.sub(lambda found: found.group().lstrip("bru").replace("'", '"'), line))


def _skeleton(line: str) -> str:
    """Give a line without its form, its signs and its values."""
    return FORM.sub("", SIGN.sub("", VALUE.sub("0", line)))
