"""Find the handles that marks in comments and thanks give away: `TODO(ann)`, `FIXME(@ann):`, `NOTE [ann]`, `cc @ann`.

In: a text. Out: the handles, apart, as pairs of offsets; a handle is one lower-case word or one that begins with `@`,
and no list of authors has it. In the brackets of a mark stands who does it, far more often than what it is about: a
word is a handle unless it is one of the topics below, a ticket, a version, a date or an address. Of several words only
names in capitals, handles with `@` and words between commas count; other prose stays. Without brackets nothing is
taken: `TODO later:` and `XXX Consider:` look the same as a handle there. Code stays as it is: a mark that is called or
defined, as `TODO(reason)` in Kotlin and `#define XXX(x)` in C, is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

STRONG = ("TODO", "FIXME")  # the others are also names of macros and headings, and count in comments only
WEAK = ("XXX", "HACK", "NOTE", "BUG", "OPTIMIZE", "REVIEW")
LOWER = ("todo", "fixme", "Todo", "Fixme")  # also names of functions: these need a colon as well
MARK = re.compile(
    r"(?P<gap>[ ]?)[(\[](?P<said>[^()\[\]\n]{1,60})(?P<end>[)\]])(?P<after>:|[ \t]*(?:[;}{]|\.\w|->|=>))?"
)
NO_WORD = re.compile(r"[\w.$]")
COMMENT = re.compile(r"(?:#(?![ \t]*(?:define|if|elif|undef))|//|/\*|<!--|\"{3}|'{3})|^[ \t]*(?:\*|--|;|%)")
CALLED = re.compile(r"(?:[=>{(]|\breturn|\bdefine)[ \t]*$")
_HANDLE = r"@[A-Za-z\d](?:[A-Za-z\d]|-(?=[A-Za-z\d])){1,38}(?![\w(/\[=]|\.\w|-\w)"
_GIVES = (
    r"[Tt]hanks(?:[ ]to)?|[Kk]udos[ ]to|[Cc]redits?(?:[ ](?:to|goes[ ]to|go[ ]to))?|cc|"
    r"(?:[Rr]eported|[Ss]uggested|[Pp]roposed|[Ff]ound|[Ff]ixed|[Nn]oted|[Nn]oticed|[Dd]iscovered|[Ss]potted|"
    r"[Ww]ritten|[Cc]ontributed|[Ii]dentified|[Rr]eviewed|[Pp]ointed[ ]out|[Ff]ix|[Nn]ote|[Pp]atch|[Ii]dea|[Ww]ork|"
    r"[Ss]uggestions?)[ ]by|(?:[Ff]eedback|[Cc]omments?|[Ii]nput|[Ss]uggestions?|[Hh]elp)[ ](?:from|of)|TODO|FIXME|XXX"
)
GIVES = re.compile(rf"\b(?:{_GIVES})[:,]?$")
MOST_CHARS = 20  # of what leads up to a handle
HANDLES = re.compile(rf"{_HANDLE}(?:(?:,[ ]|,?[ ](?:and|&)[ ]){_HANDLE})*")
AT = re.compile(r"(?<![\w.])@([A-Za-z\d][A-Za-z\d-]+)")
PARTS = re.compile(r"[^,;|&+]+")
WORD = re.compile(r"\S+")
HANDLE = re.compile(r"@?(?P<handle>[A-Za-z][\w.-]{0,38})")
# A ticket, a version, a date, a number, an address.
NUMBER = re.compile(r"#?\d[\w./:-]*|v\d[\w.]*|[A-Za-z]+[-#]\d+|[A-Z]{2,}_\d+|\S*[/:#]\S*|[pP]\d|[qQ][1-4]|\S+\.\d\S*")
_TOPICS = (
    "a11y add ag ai all android another any anyone api api-v2 apis arch arm assignee async auth author authors "
    "backend blocked breaking bug bugs build c cache can ci clang clean-up cleanup cli client cmake code common "
    "compat compatibility component config content context core corp cpp critical css date db debug default delete "
    "dep deprecate deprecated deprecation deps design dev discuss doc docs documentation done easy else enhancement "
    "eol err error errors everyone experimental explain external feature features fix fixme flaky format foundation "
    "frontend future gc gcc generics git gmbh go gpu group grpc hack handle hard hard-code hardcoded help high html "
    "http i18n id idea if important improve improvement inc internal investigate ios issue java javascript js json "
    "kotlin l10n later leak legacy level link lint linux llc llvm locale log logging long-term low ltd mac macos "
    "maintainer major maybe me medium memory message method metrics migrate migration minor model module move msg "
    "msrv msvc multi-threading name naming network never next nice-to-have nightly nit no nobody node none note now "
    "npm null obsolete ok optimisation optimise optimization optimize option optional or os other override owner "
    "param parser path pending perf performance php pin plan platform plugin portability posix post prio priority "
    "prod project python qa question reason refactor regression release removal remove rename repo research return "
    "returns revert review rewrite rfc risc-v rust safety scan schema scope sdk security see server short-term "
    "simplify since size slow software somebody someday someone soon spec speed sql stable state std style swift "
    "sync syntax tbd team temp temporary test testing tests text them thread threading throws ticket time todo tool "
    "topic translation type types typescript typing ui unclear unix unsafe unsound unsure unused update upgrade "
    "upstream urgent us user username ux validate value various verify version warning wasm web windows wip "
    "workaround x86 xml xxx yaml you"
)
TOPICS = frozenset(_TOPICS.split())
NAME = re.compile(r"[A-Z][\w'’.-]*")


def find_handles(text: str) -> Iterator[tuple[int, int]]:
    """Yield the places of handles in marks and thanks; they may overlap."""
    for mark in (*STRONG, *WEAK, *LOWER):
        for start in _places(text, mark):
            match = MARK.match(text, start + len(mark))
            if match is not None and _speaks(mark, match, text[text.rfind("\n", 0, start) + 1 : start]):
                yield from _in_brackets(text, *match.span("said"))
    for start in _places(text, " @"):
        given = HANDLES.match(text, start + 1) if re.match(r"[a-zA-Z,:]", text[max(0, start - 1)]) else None
        if given is not None and GIVES.search(text, max(0, start - MOST_CHARS), start):
            yield from (each.span(1) for each in AT.finditer(text, *given.span()) if not _is_topic(each[1]))


def _places(text: str, sign: str) -> Iterator[int]:
    at = text.find(sign)
    while at >= 0:
        yield at
        at = text.find(sign, at + len(sign))


def _speaks(mark: str, match: re.Match[str], before: str) -> bool:
    """Tell a mark that somebody wrote for readers from a name in code; `before` is what stands on its line."""
    if NO_WORD.match(before[-1:]):
        return False
    if COMMENT.search(before):
        return match["after"] == ":" or not (match["gap"] or mark in LOWER)
    if mark in STRONG and match["end"] == ")" and not match["gap"]:
        return match["after"] in (None, ":") and CALLED.search(before) is None
    return match["after"] == ":" and not before.strip()


def _in_brackets(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    for part in PARTS.finditer(text, start, end):
        said = [each for each in WORD.finditer(text, *part.span()) if not NUMBER.fullmatch(each[0])]
        if len(said) == 1:
            found = HANDLE.fullmatch(said[0][0])
            if found is not None and not _is_topic(found["handle"]):
                yield said[0].start() + found.start("handle"), said[0].end()
        elif said and all(NAME.fullmatch(each[0]) for each in said) and not any(_is_topic(each[0]) for each in said):
            yield said[0].start(), said[-1].end()
        else:
            yield from (each.span(1) for each in AT.finditer(text, *part.span()) if not _is_topic(each[1]))


def _is_topic(word: str) -> bool:
    return word.lower().rstrip(".") in TOPICS
