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
from tuner.mine.telling import STAND_IN

MIN_BODY_LINES, MAX_BODY_LINES = 3, 60
FREE_LINES, LINES_A_WORD = 4, 1.0  # of a body, for each telling word of signature and documentation
MIN_COPIED_CHARS = 16
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
    known = _bare(said)
    words = {word.lower() for word in WORD.findall(said) if len(word) > 2} - FILLERS
    lines = [line for line in body.split("\n") if any(map(str.isalnum, line)) and not REMARK.match(line)]
    if len(lines) > FREE_LINES + LINES_A_WORD * len(words):
        return False
    return not any(len(bare := _bare(line)) >= MIN_COPIED_CHARS and bare in known for line in lines)


def _bare(text: str) -> str:
    return re.sub(r"\W+", "", text)
