"""Tell messages that name a fault from those that name a place, a wish or a remedy.

In: a normalised message, and for its body what is shown of the change. Out: yes or no, and the first sentence of a body
that names the fault where the subject does not. A fault is named by what goes wrong ("leaks", "is never closed"), or by
the case that goes wrong ("fix the total of closed entries"): "fix the total" names a place, "allow closed entries" a
wish, "using two totals" a remedy.
"""

from __future__ import annotations

import re

from tuner.mine.asked import stems
from tuner.mine.messages import SENTENCE_END
from tuner.mine.said import NOTE, OTHERS, names_the_unseen

MIN_WORDS, MIN_CASE_WORDS, MAX_SENTENCE_CHARS = 2, 3, 240
# Something goes wrong, whoever says it.
WRONG = re.compile(
    r"\b(?:wrong\w*|incorrect\w*|improper\w*|missing|lack\w*|fail\w*|crash\w*|panic\w*|rais(?:es|ed|ing)|thr[eo]w\w*"
    r"|leak\w*|off[- ]by|duplicat\w+|los(?:es|ing|t|s)|unexpected\w*|invalid|hang\w*|(?:over|under)flow\w*|\w+exception"
    r"|broken|breaks?|breaking|regress\w*|deadlock\w*|race|un(?:used|initiali[sz]ed)|out[- ]of[- ]bounds|conflict\w*"
    r"|ambig\w+|incompatib\w+|violat\w+|truncat\w+|garbl\w+|stuck|twice|never|no (?:longer|more)|instead of"
    r"|prevent\w*|avoid\w*|\w+isms?|too (?:many|few|much|long|early|late)|nothing|should|must|not|cannot)\b"
    r"|\w+n['’]t\b|\w*[a-z]Exception\b",
    re.IGNORECASE,
)
# A case or a state is named, in which it goes wrong; a platform after "on" is a place.
CASE = re.compile(
    r"\b(?:when|if|while|unless|always|even|where|which|empty|null|none|errors?|so that|because|due to|caus\w+)\b"
    r"|\b(?:for|with(?:out)?|w/|between|after|before|during|under|to match)\s+\S|\bhandling of(?:\s+\S+){4}"
    r"|^(?:\w+:\s+)?(?:handle|ensure|respect)\s"
    r"|\bon\s+(?!(?:win|linux|mac|os ?x|unix|posix|\w*bsd|msvc|gcc|clang|android|ios|python|ci\b|arm|x86))\w",
    re.IGNORECASE,
)
# What is asked for, or done, and not what is wrong.
WISH = re.compile(
    r"^(?:[\w/.*-]+:\s+)?(?:make it possible|(?:allow|add|support|implement|enable|introduce|provide|let|offer|expose"
    r"|use|extend)(?:s|ed)?\b|(?!missing|incoming|during|string|nothing|warning|handling)[a-z]+ing\s)",
    re.IGNORECASE,
)
CALLING = re.compile(r"\bcall(?:s|ed|ing)?\s+(?:(?:to|of|for)\s+)?`?(?:\w+(?:\.|::|->))*(\w+)", re.IGNORECASE)
TRAIL = re.compile(r"(?:\s*\([^()]*\))?[\s.…]*$")
WORD = re.compile(r"[^\W_]\w*")


def names_the_fault(text: str) -> bool:
    """Tell whether a subject or a sentence says what goes wrong, or in which case something does."""
    words = sum(bool(stems(word, of_code_too=True)) for word in set(WORD.findall(text)))
    if words < MIN_WORDS:
        return False
    if WRONG.search(text):
        return True
    return words >= MIN_CASE_WORDS and WISH.match(text) is None and CASE.search(text) is not None


def sentence_with_the_fault(body: str, shown: str) -> str | None:
    """Give the first sentence of a body that names a fault in words of what is shown; None where there is none."""
    there = stems(shown, of_code_too=True)
    for line in body.split("\n"):
        for part in SENTENCE_END.split(line.removeprefix("- ")):
            said = TRAIL.sub("", part.strip())
            if not 0 < len(said) <= MAX_SENTENCE_CHARS or NOTE.search(said) or OTHERS.search(said):
                continue
            if names_the_fault(said) and stems(said, of_code_too=True) & there and not names_the_unseen(said, shown):
                return said
    return None


def only_calls_it_otherwise(text: str, old: str, new: str) -> bool:
    """Tell a fix whose lines bring no new word and call what the message names as before: the reason stands there."""
    called = CALLING.search(text)
    if called is None or set(WORD.findall(new)) - set(WORD.findall(old)):
        return False
    call = re.compile(rf"\b{re.escape(called.group(1))}\s*\(")
    return call.search(old) is not None and call.search(new) is not None
