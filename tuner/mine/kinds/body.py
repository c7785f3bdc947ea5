"""Kind `body`: a function's body from its signature and documentation.

Dropped without a count, since they are candidates: functions whose documentation says nothing, bodies of fewer than 3
or more than 60 lines and stubs; bodies far longer than so few words can tell, tests and examples first; those whose
documentation holds their own lines, or what redaction wrote in place of a secret or a name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tuner.mine import syntax
from tuner.mine.drafts import Draft, SourceFile
from tuner.mine.holes import head, tail
from tuner.mine.syntax import CODE_LINE, COMMENT_SIGN, NOT_SAID
from tuner.mine.telling import STAND_IN

MIN_BODY_LINES, MAX_BODY_LINES = 3, 60
FREE_LINES, LINES_A_WORD = 4, 1.0  # of a body, for each telling word of signature and documentation
MIN_COPIED_CHARS, STEM = 16, 4
MIN_ADDED_WORDS, MIN_WORDS_BESIDE_TICKET = 2, 5  # that the name does not have
DOCSTRING = re.compile(r"(\"\"\"|''').*?\1\s*$", re.DOTALL)
NAMED = re.compile(r"([A-Za-z_]\w*)\s*(?:<[^<>()]*>)?\(")  # what stands before a bracket: the name, or a test's title
PERSONAL_PAGE = re.compile(r"://[\w-]+\.github\.io|://gist\.|://(?:twitter|x)\.com/")
TICKET = re.compile(r"#\d{2,}|\bissues?/|[?&]id=\d|\bGH-\d|in response to")
HEADING = re.compile(r"[^.\n]*\b(?:functions|helpers|utilities|utils|types|methods|constants)\W*", re.IGNORECASE)
LIST_OF_NAMES = re.compile(r"(?:\w+ \| ){3}|^\w+\??: [\w.<>\[\]| ]+,$|^\w+ \w+\(")
# Numbers that nobody could know, and checks that cannot fail.
UNGUESSABLE = re.compile(r"0[xX][0-9a-fA-F']{9,}|\b(?:ASSERT|EXPECT)_TRUE\(true\)|\bassert True\b")
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
REMARK = re.compile(r"\s*(?:#|//|/\*|\*)")
FILLER_WORDS = (
    "the and for with that this from are was has have its into not but all any can will may must should when then "
    "which where what you your use used uses using function method class test tests return returns def self void int "
    "bool str string const auto param args see also note only does given example public private static final "
    "template typename inline override async await func pub fn let mut impl usize struct"
)
FILLERS = frozenset(FILLER_WORDS.split())
STUB = re.compile(
    r"^\W*(pass|\.\.\.|raise NotImplementedError.*|todo!.*|unimplemented!.*|throw new Error\(.not implemented.*)\W*$",
    re.IGNORECASE,
)


def drafts(file: SourceFile) -> Iterator[Draft]:
    """Yield up to `mine.body_per_file` functions, in the order of the file."""
    if file.tree is None:
        return
    data, count, limit = file.data, file.settings.body_per_file, file.settings.max_context_chars
    fit = [
        each
        for each in syntax.functions(file.tree, data, file.language)
        if is_fit_body(body := data[each.body_start : each.end].decode())
        and is_told(data[each.start : each.body_start].decode(), body)
    ]
    chosen = file.chance("body").sample(fit, count) if len(fit) > count else fit
    for each in sorted(chosen, key=lambda function: function.start):
        yield file.draft(
            "body",
            data[each.body_start : each.end].decode(),
            context=tail(data[: each.start].decode(), limit),
            instruction=data[each.start : each.body_start].decode(),
            suffix=head(data[each.end :].decode(), limit),
        )


def is_fit_body(body: str) -> bool:
    """Tell whether a body is long enough to teach something, short enough to be written at once, and no stub."""
    lines = [line for line in body.strip().strip("{}").split("\n") if line.strip()]
    return MIN_BODY_LINES <= len(lines) <= MAX_BODY_LINES and not all(map(STUB.match, lines))


def is_told(said: str, body: str) -> bool:
    """Tell whether a signature and its documentation say so much of a body that it can be attempted from them."""
    if STAND_IN.search(body):
        return False
    lines = [line for line in body.split("\n") if any(map(str.isalnum, line)) and not REMARK.match(line)]
    documentation = _documentation(said)
    if len(lines) > FREE_LINES + LINES_A_WORD * len(_words(f"{documentation} {_code(said)}")):
        return False
    named = {word[:STEM] for word in _words(" ".join(NAMED.findall(said)))}
    added = {word[:STEM] for word in _words(documentation)} - named
    if len(added) < (MIN_WORDS_BESIDE_TICKET if TICKET.search(said) else MIN_ADDED_WORDS):
        return False
    if PERSONAL_PAGE.search(said) or HEADING.fullmatch(documentation.strip()) or UNGUESSABLE.search(body):
        return False
    if sum(REMARK.match(line) is not None and CODE_LINE.search(line) is not None for line in body.split("\n")) > 1:
        return False  # code that was commented out
    known = _bare(said)
    return not any(len(bare := _bare(line)) >= MIN_COPIED_CHARS and bare in known for line in lines)


def _words(text: str) -> set[str]:
    return {word.lower() for word in WORD.findall(text) if len(word) > 2} - FILLERS


def _documentation(said: str) -> str:
    """Give what the remarks of a signature, or the docstring behind it, say in prose."""
    docstring = DOCSTRING.search(said)
    lines = docstring.group().split("\n") if docstring else [each for each in said.split("\n") if REMARK.match(each)]
    prose = [COMMENT_SIGN.sub("", line).strip() for line in lines]
    return NOT_SAID.sub(" ", "\n".join(line for line in prose if not _is_code(line)))


def _code(said: str) -> str:
    return "\n".join(line for line in said.split("\n") if not REMARK.match(line))


def _is_code(line: str) -> bool:
    return CODE_LINE.search(line) is not None or LIST_OF_NAMES.search(line) is not None


def _bare(text: str) -> str:
    return re.sub(r"\W+", "", text)
