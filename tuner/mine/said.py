"""Judge what a message says against what is shown of a change: the subject as a whole, the body by its sentences.

In: a normalised message, the lines that changed, and all that a reader sees. Out: the reason why the subject does not
fit, or the message without the sentences that speak of something else. A subject of two halves ("add x and drop y")
must find both; names, and most of its telling words, must stand in what is shown. Working notes are no requests.
"""

from __future__ import annotations

import re
from collections import Counter

from tuner.mine.asked import stem, stems, telling_words
from tuner.mine.messages import SENTENCE_END

MIN_TELLING_WORDS, MIN_SHARE, MAX_BODY_CHARS = 2, 0.5, 240
HALVES = re.compile(r"\s+(?:and|&|\+|but|plus|also)\s+|[;,]\s+|\.\s+")
OTHERS = re.compile(
    r"\b(?:(?:unit |regression |failing )?tests?|test[- ]cases?|testing|specs?|docs?|documentation"
    r"|document(?:s|ed|ing)?|readme|change ?logs?|release notes|examples?|benchmarks?|tutorials?|guides?|typings?)\b",
    re.IGNORECASE,
)
NOTE = re.compile(
    r"\b(?:again|still|refactor\w*|(?:does|do|did)(?:n't| not) work\w*|back|restor\w*|re-?(?:add|enabl|introduc)\w*"
    r"|currently|failing|for now|rejigger\w*|revert\w*|undo\w*|hopefully|oops|fix\w* more"
    r"|attempt\w*|try|tries|trying|experiment\w*|wip|playground|mess\w*|crap|silly|stupid|weird|magic|nicer|prettier"
    r"|stuff|things?|anything|really|misc\w*|various|some (?:more )?\w+s|i|i'm|i've|we|we're|my|earlier|last|above"
    r"|previous(?:ly)?|below|following|as (?:discussed|mentioned|per|requested)|similar(?:ly)?|another"
    r"|(?:next|first|second|third) (?:step|part|pass)|part \d|this (?:commit|patch|pr|change)|this is going"
    r"|pull request|see|proposal|review\w*|upstream|todo|fixme|tweak\w*|massag\w*|polish\w*"
    r"|improve(?:d|s|ments?)?)\b|[?!]|:[()/]|\.\.\.|…",
    re.IGNORECASE,
)
# "A bug in the pager" names a place; "a bug in the pager when it is closed" a fault.
NAMELESS = re.compile(
    r"\b(?:bugs?|issues?|problems?|glitch(?:es)?)(?:\s+(?:found|reported|detected|discovered)\b.*|\s+(?:in|with|of|on)\b"
    r"(?!.*\b(?:when|where|that|which|by|due|if|while|caus\w+)\b).*|\W*)$",
    re.IGNORECASE,
)
SCRATCH = re.compile(r"(?:^|/)(?:play|playground|scratch|sandbox|tmp|temp)(?:[./]|$)", re.IGNORECASE)
MISSPELT = re.compile(r"\b[A-Z]{2}[a-z]{4,}\b")
CODE_NAME = re.compile(
    r"`([^`]+)`|(?<![\w.])(\.?[A-Za-z_$][\w$]*(?:(?:\.|::|->)[A-Za-z_$][\w$]*)+)|\b(\w+)\(\)|(?<!\w)(--?[a-z][\w-]*)"
    r"|\b([A-Za-z]\w*_\w+|[a-z]+[A-Z]\w*|[A-Z][a-z]+[A-Z]\w*)\b"
)
POSSESSIVE = re.compile(r"\b(\w+)'s\b")
_VERBS = (
    "add allow apply avoid bring build bump call catch change check clarify clean clear close collapse combine "
    "convert copy correct create cut decouple default define delete deprecate detect disable display do document "
    "don't drop emit enable enforce ensure escape exclude expose export extend extract factor fix flatten format "
    "generate guard handle hide ignore implement import include increase infer inline introduce invoke join keep "
    "let limit link load log lower make mark match merge migrate minimize mention move name normalize omit only "
    "optimize parse pass permit pin point preserve prevent print propagate provide put raise read recognize reduce "
    "refactor register remove rename render reorder reorganize replace report require reset resolve restore "
    "restrict return reuse rewrite run separate set shorten show simplify skip sort specify speed split standardize "
    "start stop store strip support suppress swap switch track treat trim turn uncomment unify update upgrade use "
    "validate verify warn wrap write"
)
VERBS = frozenset(map(stem, _VERBS.split()))
WORD = re.compile(r"[A-Za-z_$][\w$]*")
COMMON_POSSESSIVE = frozenset(["it", "that", "let", "here", "there", "what", "who", "user"])


def own_reason(subject: str) -> str | None:
    """Say what is wrong with a subject whatever the change is."""
    if len(telling_words(subject)) < MIN_TELLING_WORDS:
        return "vague_request"
    return "working_note" if NOTE.search(subject) or MISSPELT.search(subject) else None


def subject_reason(subject: str, changed: str, shown: str, share: float = MIN_SHARE) -> str | None:
    """Say why a subject does not lead to the lines that changed; None where it does."""
    if reason := own_reason(subject):
        return reason
    if not stems(subject) & stems(changed):
        return "not_named_by_message"
    return None if _is_covered(subject, shown, share) else "asks_for_more"


def names_the_unseen(text: str, shown: str) -> bool:
    """Tell whether a text has names of code, or somebody's name, that stand in nothing that is shown."""
    names = ("".join(groups).strip("`.()") for groups in CODE_NAME.findall(text))
    owners = (who for who in POSSESSIVE.findall(text) if who.lower() not in COMMON_POSSESSIVE)
    return any(name not in shown for name in (*names, *owners))


def without_verb(subject: str) -> str:
    """Take off the English verb that a subject begins with, which seldom stands in code; `area:` may stand before."""
    area = re.match(r"(?:[\w/.*-]+:\s+)?", subject)
    assert area is not None
    first, _, rest = subject[area.end() :].partition(" ")
    return area.group() + rest if stem(first) in VERBS else subject


def moved_words(old: str, new: str) -> set[str]:
    """Give the words that one side has more often than the other; all of them where only signs and numbers differ."""
    before, after = Counter(WORD.findall(old)), Counter(WORD.findall(new))
    moved = {word for word in (before - after) + (after - before) if len(word) > 2}
    return moved or {word for word in before + after if len(word) > 2}


def reached(sides: list[tuple[set[str], int]], told: set[str]) -> float:
    """Give the share of the changed lines in regions that share a stem with `told`, or with such a region.

    `sides` are the stems that came or went in each region, with its number of lines.
    """
    is_near, known = [bool(words & told) for words, _ in sides], set(told)
    for _ in sides:
        known = known.union(*(words for (words, _), near in zip(sides, is_near, strict=True) if near))
        is_near = [bool(words & known) for words, _ in sides]
    lines = sum(count for _, count in sides)
    return sum(count for (_, count), near in zip(sides, is_near, strict=True) if near) / max(lines, 1)


def fitting_body(body: str, changed: str, shown: str, share: float = MIN_SHARE) -> str:
    """Keep the sentences and points of a body that speak of the lines that changed, in at most 240 characters."""
    kept, room = [], MAX_BODY_CHARS
    for line in body.split("\n"):
        mark = "- " if line.startswith("- ") else ""
        said = [part.strip() for part in SENTENCE_END.split(line.removeprefix(mark)) if part.strip()]
        fits = [part for part in said if _sentence_fits(part, changed, shown, share)]
        text = mark + " ".join(fits)
        if fits and len(text) <= room:
            kept.append(text)
            room -= len(text)
    return "\n".join(kept)


def speaks_of_others(text: str, path: str) -> bool:
    """Tell whether a text speaks of tests, documentation or examples, which a path does not hold."""
    found = OTHERS.search(text)
    return found is not None and stem(found.group().split()[-1]) not in {stem(part) for part in re.split(r"\W+", path)}


def _sentence_fits(sentence: str, changed: str, shown: str, share: float) -> bool:
    if NOTE.search(sentence) or OTHERS.search(sentence) or sentence.endswith(":"):
        return False
    told = stems(sentence)
    return len(told & stems(changed)) >= 1 and _is_covered(sentence, shown, share)


def _is_covered(text: str, shown: str, share: float) -> bool:
    """Tell whether the names of a text, some word of each half, and most of all words stand in what is shown."""
    there = stems(shown, of_code_too=True)
    if names_the_unseen(text, shown):
        return False
    halves = [told for half in HALVES.split(text) if (told := stems(half))]
    told = stems(without_verb(text), of_code_too=True)
    return all(half & there for half in halves) and len(told & there) >= share * len(told)
