"""Judge whether a request leads to a change: by the words that both have in common.

In: a message, and texts of code or paths. Out: the words of each as stems, without those that stand everywhere, and
whether a text names what a message speaks of. Identifiers count by their parts: `half_up`, `halfUp` and "half" meet.
Stems are cut by suffix alone (a rough form of Porter's, 1980), which is enough to compare one message with one change.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable

from tuner.mine.messages import LITTLE, SIGN
from tuner.mine.placeholders import PLACEHOLDER_PERSON

PART = re.compile(r"[A-Z]{2,}(?![a-z])|[A-Z]?[a-z]+|\d{2,}|[^\W\d_a-zA-Z]+")
WORD = re.compile(r"[^\W_]\w*")
SUFFIX = re.compile(r"(?:ations?|ingly|ings?|ions?|ies|ied|edly|ed|ers?|ors?|ably?|able|es|ly|s|e|y)$")
MIN_STEM = 3
# Words that stand in any request, and words that stand in any code: neither says what a change is about.
REQUEST_WORDS = (
    "a about above actually after again ahead all allow also always an and any are as at avoid be because been before "
    "being below better between both but by can cannot change correct correctly could currently did do does doing "
    "done each either else ensure even every example examples few first for from further give gives got had handle "
    "handled handles handling has have having how however if implement implementation implemented implementing "
    "implements improve improved improves in instead into introduce introduced is it its itself just last like little "
    "longer lot make makes making many may maybe might more most much must need needed needs never no non not note "
    "nothing now of off on once one only onto optimize optimized optimise or other others otherwise our out over own "
    "part possible previous previously proper properly provide quick quite rather really refactor remain remains same "
    "see several shall should simple simplify simplified since so some something still such support supported "
    "supports sure than that the their them then there these they thing this those though through thus to together "
    "too touchups toward two under until up us use used uses useful using usually various very via was way we well "
    "were what when where whether which while who why will with within without work would yet you your add adds added "
    "adding remove removed removes removing delete deleted deletes update updates updated replace replaced move moved "
    "rename renamed switch set housekeeping housecleaning finish finishing touches touch incorporate incorporated "
    "suggestion suggestions recent"
)
CODE_WORDS = (
    "args arg array async await auto begin bool boolean break byte case catch char class code const constructor "
    "continue data def default define double elif else end enum error export extends extern false field file files "
    "final float fn for from func function functions get if impl import include int interface item items key let list "
    "long main map method methods mod module mut name namespace new nil null number obj object option options "
    "override package param params path print private protected pub public raise result ret return self set size "
    "static std str string struct super switch template test tests text this throw throws true try type typedef types "
    "undefined unsigned use using val value values var vec void while with yield assert equal expect"
)


@functools.lru_cache(maxsize=4_096)
def stem(word: str) -> str:
    """Cut a word's suffix; short words stay."""
    low = word.lower()
    cut = SUFFIX.sub("", low)
    cut = cut if len(cut) >= MIN_STEM else low
    return cut[:-1] if len(cut) > MIN_STEM and cut[-1] == cut[-2] else cut


_IN_REQUESTS = frozenset(map(stem, REQUEST_WORDS.split()))
_IN_CODE = frozenset(map(stem, CODE_WORDS.split()))


def stems(text: str, *, of_code_too: bool = False) -> set[str]:
    """Give the stems of a text's words, and of the parts of its identifiers, without those that stand everywhere.

    `of_code_too` keeps the words that any code has, such as `import` and `type`.
    """
    parts = {part for part in PART.findall(text) if len(part) >= MIN_STEM or SIGN.match(part)}
    found = {stem(part) for part in parts if not LITTLE.fullmatch(part)} - _IN_REQUESTS
    return found if of_code_too else found - _IN_CODE


def telling_words(message: str, but: Iterable[str] = ()) -> set[str]:
    """Give the words of a message that say what is asked for; an identifier is one word.

    Words of which all parts are among the stems `but` are left out, such as those of the path that is changed.
    """
    known = set(but)
    return {word for word in WORD.findall(message) if stems(word) - known}


def names_a_person_in_code(text: str) -> bool:
    """Tell whether the stand-in for a person stands inside a string: what is compared with it no longer fits."""
    return _PERSON_IN_STRING.search(text) is not None


_PERSON_IN_STRING = re.compile(rf"([\"'`])[^\"'`\n]*\b{PLACEHOLDER_PERSON}\b[^\"'`\n]*\1")
