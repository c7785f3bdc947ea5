"""The kinds of pairs, one module each. A new kind is one function here, one test, and one row in `recipe.Shares`.

`FILE_KINDS` see one file, `REPOSITORY_KINDS` a file and the repository around it, `CHANGE_KINDS` one commit's change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from tuner.mine.drafts import CommitChange, Draft, Dropped, SourceFile, Surroundings
from tuner.mine.kinds import (
    body,
    bugfix,
    edit,
    file,
    line_infilling,
    message,
    question,
    repository_infilling,
    syntax_infilling,
    test,
)
from tuner.records import PairKind

FILE_KINDS: dict[PairKind, Callable[[SourceFile], Iterator[Draft]]] = {
    "file": file.drafts,
    "syntax_infilling": syntax_infilling.drafts,
    "line_infilling": line_infilling.drafts,
    "body": body.drafts,
}
REPOSITORY_KINDS: dict[PairKind, Callable[[SourceFile, Surroundings], Iterator[Draft]]] = {
    "repository_infilling": repository_infilling.drafts,
    "question": question.drafts,
}
CHANGE_KINDS: dict[PairKind, Callable[[CommitChange], Iterator[Draft | Dropped]]] = {
    "edit": edit.drafts,
    "bugfix": bugfix.drafts,
    "test": test.drafts,
    "message": message.drafts,
}
