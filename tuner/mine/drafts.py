"""What the kinds see and what they give: a file, the repository around it, or a commit's change; and drafts of pairs.

All text in here is redacted, is `\n`-ended and may be written to disk. A `Draft` says nothing of commit or date: the
stage adds those, so that what a file gives depends on its content alone and can be kept from one run to the next.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tree_sitter import Tree

from tuner.mine.history import Hunk
from tuner.mine.languages import Language
from tuner.recipe import MineSettings
from tuner.records import Neighbour, PairKind, content_id

if TYPE_CHECKING:
    from tuner.mine.commit_tree import CommitTree
    from tuner.mine.symbol_index import SymbolIndex


@dataclass(frozen=True, slots=True)
class Draft:
    """A pair before it has a commit and a date. The fields mean what they mean in `records.Pair`."""

    kind: PairKind
    path: str
    language: str
    response: str
    instruction: str = ""
    context: str = ""
    suffix: str = ""
    neighbours: tuple[Neighbour, ...] = ()


@dataclass(frozen=True, slots=True)
class Dropped:
    """A candidate that gave no pair: the path that it is about, and the counted reason."""

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file at the cut. `data` is `text` in UTF-8, in which the tree counts; no tree where the file hardly parses."""

    path: str
    language: Language
    text: str
    data: bytes
    tree: Tree | None
    seed: int
    settings: MineSettings

    def draft(self, kind: PairKind, response: str, **fields: Any) -> Draft:
        """Give a pair of this file."""
        return Draft(kind, self.path, self.language.name, response, **fields)

    def chance(self, kind: PairKind) -> random.Random:
        """Give the kind's own source of chance: it depends on path and seed only, not on the order of work."""
        return random.Random(content_id(kind, self.path, str(self.seed)))


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The repository at the cut: who defines, calls and imports what; and the text of any kept file, else None."""

    repo: str
    index: SymbolIndex
    read: Callable[[str], str | None]


@dataclass(frozen=True, slots=True)
class ChangedFile:
    """One file of a commit. `old` is None for an added file; `old_path` differs from `path` where it was renamed.

    Hunk lines are raw bytes of the patch, not redacted: use them for line numbers only, and take text from `old`/`new`.
    """

    path: str
    old_path: str
    language: Language
    old: str | None
    new: str
    hunks: list[Hunk]

    def draft(self, kind: PairKind, response: str, **fields: Any) -> Draft:
        """Give a pair of this file."""
        return Draft(kind, self.path, self.language.name, response, **fields)


@dataclass(frozen=True, slots=True)
class CommitChange:
    """A commit that passed the gates, with its code files. `message` is normalised, None when it says too little.

    `hidden` are the paths that the commit changed and that are not among `files`: documentation, data, dropped files.
    `tree` is the repository at that commit; None where there is no more than the files.
    """

    message: str | None
    is_fix: bool
    files: list[ChangedFile]
    settings: MineSettings
    hidden: tuple[str, ...] = ()
    tree: CommitTree | None = None
