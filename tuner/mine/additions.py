"""Find what was written after the cut: the runs of lines that a commit added, each with the file around it.

In: a commit with its patches, and the texts of its new files. Out: `Addition`s, or `Rejected` with a reason: runs that
say nothing (`too_little`), that were only moved within the commit (`moved`), or that stand there already (`duplicate`).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate, count
from operator import add

from tuner.mine.history import Commit, Patch
from tuner.mine.holes import head, tail
from tuner.mine.languages import Language
from tuner.mine.parsed import Parsed
from tuner.mine.spans import spans
from tuner.records import Addition, content_id

MIN_LINE_CHARS = 6
LINES_AT_ONCE = 256


def removed_lines(patches: Iterable[Patch]) -> set[bytes]:
    """Collect the lines that a commit takes away anywhere; indentation does not count."""
    return {line.strip() for patch in patches for hunk in patch.hunks for line in hunk.removed()} - {b""}


def additions(
    repo: str,
    commit: Commit,
    patch: Patch,
    language: Language,
    text: str,
    tree: Parsed | None,
    removed: set[bytes],
    max_context: int,
) -> Iterator[Addition | str]:
    """Yield the runs that one patch added to a file, or the reason for dropping a run; `tree` is that of `text`."""
    lines = text.split("\n")
    for hunk in patch.hunks:
        numbered = iter(hunk.added())
        for start, end in hunk.added_runs():
            raw = [next(numbered) for _ in range(end - start)]
            run = lines[start:end]
            reason = _reason(run, raw, removed)
            yield reason or _addition(repo, commit, patch.change.path, language, lines, tree, start, end, max_context)


def _reason(run: list[str], raw: list[bytes], removed: set[bytes]) -> str | None:
    if not any(sum(not character.isspace() for character in line) >= MIN_LINE_CHARS for line in run):
        return "too_little"
    if all(line.strip() in removed for line in raw if line.strip()):
        return "moved"
    return None


def _addition(
    repo: str,
    commit: Commit,
    path: str,
    language: Language,
    lines: list[str],
    tree: Parsed | None,
    start: int,
    end: int,
    max_context: int,
) -> Addition:
    # Only the lines that can fit are joined: a file of thousands of lines has a run in every tenth of them.
    prefix = tail("".join(line + "\n" for line in _last(lines, start, max_context)), max_context)
    suffix = head("\n".join(_first(lines, end, max_context)), max_context)
    added = "\n".join(lines[start:end]) + ("\n" if end < len(lines) else "")
    parent = commit.parents[0] if commit.parents else ""
    ident = content_id(repo, path, commit.sha, str(start), prefix, added, suffix)
    found = spans(tree, start, end) if tree is not None else []
    at = commit.committed_at
    return Addition(ident, repo, path, language.name, commit.sha, parent, at, prefix, added, suffix, found)


def _first(lines: list[str], start: int, limit: int) -> list[str]:
    """Give the lines from `start` on, up to the one that passes the limit."""
    some = lines[start : start + LINES_AT_ONCE]
    while len(some) < len(lines) - start and sum(map(len, some)) + len(some) <= limit:
        some = lines[start : start + 2 * len(some)]
    return some[: _count(some, limit)]


def _last(lines: list[str], end: int, limit: int) -> list[str]:
    """Give the lines before `end`, down to the one that passes the limit."""
    some = lines[max(0, end - LINES_AT_ONCE) : end]
    while len(some) < end and sum(map(len, some)) + len(some) <= limit:
        some = lines[max(0, end - 2 * len(some)) : end]
    return some[len(some) - _count(some[::-1], limit) :]


def _count(lines: list[str], limit: int) -> int:
    """Count the lines up to the one that passes the limit."""
    sums = list(map(add, accumulate(map(len, lines)), count(1)))
    return min(bisect_right(sums, limit) + 1, len(lines))
