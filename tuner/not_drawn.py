"""Say in words that mining took some commits and files only, and how to have all.

In: what mining counted, kept and dropped. Out: sentences; none where nothing was passed over.
"""

from __future__ import annotations

from collections.abc import Mapping


def not_drawn(counts: Mapping[str, int], rejected: Mapping[str, int]) -> list[str]:
    """Say how many commits on each side of the cut, and files, give less than they could since others were drawn."""
    said = (
        (rejected.get("not_drawn", 0), "commit", "not drawn for pairs", "history_commits"),
        (rejected.get("later_not_drawn", 0), "later commit", "not drawn for items", "later_commits"),
        (counts.get("files_alone", 0), "file", "not drawn for pairs with other files", "repository_files"),
    )
    return [
        f"{count:,} {what} was {rest}" if count == 1 else f"{count:,} {what}s were {rest}"
        for count, what, dropped, setting in said
        if count
        for rest in [f'{dropped}; all are with SET="mine.{setting}=null"']
    ]
