"""Choose the moment that separates training from evaluation.

In: the commits that were read and which of them are code commits. Out: a `Cut` on the branch's own line, so that at
least `future_share` of the code commits (at least `min_future_commits`, at most a third) are not reachable from it.

The cut goes by reachability first and by date second: side branches that were merged later lie after it whatever their
dates say, and commits with a date on the wrong side are dropped by the stage.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass

from tuner.errors import RepoError
from tuner.mine.history import Commit, first_parent_line, introduced_at
from tuner.mine.plumbing import Git
from tuner.recipe import MineSettings
from tuner.records import Cut, Repo


@dataclass(frozen=True, slots=True)
class Split:
    """The cut, the commits that were read, and the shas of those that are reachable from it."""

    cut: Cut
    before: frozenset[str]
    commits: dict[str, Commit]


def choose_cut(repo: Repo, git: Git, commits: dict[str, Commit], code: set[str], settings: MineSettings) -> Split:
    """Choose the cut by share, or take the one that the settings name."""
    line = first_parent_line(commits, repo.revision)
    place = introduced_at(commits, line)
    if len(line) < 2:
        raise RepoError(
            f"{repo.name}: {len(line)} commit on the branch was read, wanted at least 2",
            "raise mine.max_commits" if settings.max_commits < 100 else "choose a branch with history",
        )
    wanted = _wanted(len(code), settings)
    if settings.cut is not None:
        position, note = _named(repo, git, line, place, settings.cut), "named by mine.cut"
    else:
        after = _count_after(line, place, code)
        position = _position(after, wanted, len(code))
        note = f"{after[position]} of {len(code)} code commits lie after it; {wanted} were wanted"
    before = frozenset(sha for sha in commits if place.get(sha, len(line)) <= position)
    count_before = len(before & code)
    cut = Cut(line[position], _date(commits, line, position), count_before, len(code) - count_before, note)
    return Split(cut, before, commits)


def _wanted(total: int, settings: MineSettings) -> int:
    return max(1, min(max(math.ceil(settings.future_share * total), settings.min_future_commits), total // 3))


def _count_after(line: list[str], place: dict[str, int], code: set[str]) -> list[int]:
    """Count, for each position on the line, the code commits that are not reachable from it."""
    brought = Counter(place.get(sha, len(line)) for sha in code)
    left, after = len(code), []
    for position in range(len(line)):
        left -= brought[position]
        after.append(left)
    return after


def _position(after: list[int], wanted: int, total: int) -> int:
    """Take the newest position with enough after it; where one merge brings too much at once, the nearest to it."""
    enough = [position for position, count in enumerate(after[:-1]) if count >= wanted]
    if enough and after[enough[-1]] <= max(wanted, total // 3):
        return enough[-1]
    return min(
        range(len(after) - 1), key=lambda position: (after[position] < 1, abs(after[position] - wanted), -position)
    )


def _named(repo: Repo, git: Git, line: list[str], place: dict[str, int], name: str) -> int:
    try:
        sha = git.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").decode().strip()
    except RepoError:
        raise RepoError(
            f"mine.cut is {name!r}, which is no commit of {repo.name}", "`git log --oneline` lists the commits"
        ) from None
    if sha not in place:
        raise RepoError(
            f"mine.cut is {name!r}, which is not among the commits read from {repo.branch or 'HEAD'}",
            "name an ancestor of the branch, or raise mine.max_commits",
        )
    if sha not in line:
        raise RepoError(
            f"mine.cut is {name!r}, which lies on a side branch", "name a commit that `git log --first-parent` lists"
        )
    if sha == line[-1]:
        raise RepoError(
            f"mine.cut is {name!r}, the newest commit: nothing is left to evaluate on", "name an older commit"
        )
    return line.index(sha)


def _date(commits: dict[str, Commit], line: list[str], position: int) -> int:
    """Give the latest date up to the cut; one beyond the branch's newest commit is a wrong clock and does not count."""
    newest = commits[line[-1]].committed_at
    dates = [commits[sha].committed_at for sha in line[: position + 1]]
    return max((date for date in dates if date <= newest), default=commits[line[position]].committed_at)
