"""Kind `body`: a function's body from its signature and documentation.

Dropped: functions without documentation of 20 characters, bodies of fewer than 3 or more than 60 lines, and stubs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from tuner.mine import syntax
from tuner.mine.drafts import Draft, SourceFile
from tuner.mine.holes import head, tail

MIN_BODY_LINES, MAX_BODY_LINES = 3, 60
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
        if is_fit_body(data[each.body_start : each.end].decode())
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
