"""Say in words that pairs were drafted from some commits of history only, and how to have all.

In: the reasons that mining counted. Out: a sentence; none where every commit was read for pairs.
"""

from __future__ import annotations

from collections.abc import Mapping

REASON = "not_drawn"


def not_drawn(rejected: Mapping[str, int]) -> str | None:
    """Say how many commits before the cut gave no pairs since others were drawn."""
    count = rejected.get(REASON, 0)
    if not count:
        return None
    commits = "commit was" if count == 1 else "commits were"
    return f'{count:,} {commits} not drawn for pairs; all are with SET="mine.history_commits=null"'
