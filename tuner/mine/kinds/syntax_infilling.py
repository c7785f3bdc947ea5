"""Kind `syntax_infilling`: a hole of one whole syntax node, so that it begins and ends where code does.

After AST-FIM (arXiv 2506.00204) and aiXcoder (arXiv 2410.13187); the weights of the node types are ExecRepoBench's.
"""

from __future__ import annotations

from collections.abc import Iterator

from tuner.mine.drafts import Draft, SourceFile
from tuner.mine.holes import choose_nodes, cut
from tuner.records import PairKind


def drafts(file: SourceFile) -> Iterator[Draft]:
    """Yield up to `mine.syntax_infilling_per_file` holes in the order of the file."""
    kind: PairKind = "syntax_infilling"
    for start, end in choose_nodes(file, file.chance(kind), file.settings.syntax_infilling_per_file):
        yield file.draft(kind, **cut(file, start, end))
