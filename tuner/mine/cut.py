"""Choose the moment that separates training from evaluation.

In: the commits that were read and which of them are code commits. Out: for each repository a `Cut` on the branch's own
line, so that at least `future_share` of the code commits (at least `min_future_commits`, at most a third) are not
reachable from it. Several repositories are cut at one moment, since code travels between them.

The cut goes by reachability first and by date second: side branches that were merged later lie after it whatever their
dates say, and commits with a date on the wrong side are dropped by the stage.
"""

from __future__ import annotations

import bisect
import math
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

from tuner.errors import RepoError
from tuner.mine.history import Commit, first_parent_line, introduced_at
from tuner.mine.ledger import Ledger
from tuner.recipe import MineSettings
from tuner.records import Cut

CLOCKS = 9  # commits that follow on the line; where most of them are earlier than a date, that date is wrong
DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True)
class Split:
    """One repository's cut, and the shas that are reachable from it; `cut` None where it begins after the moment."""

    cut: Cut | None
    before: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Line:
    """A branch's own commits, oldest first, and what each position on it has behind it."""

    ledger: Ledger
    shas: list[str]
    place: dict[str, int]
    after: list[int]  # code commits that are not reachable from each position
    dates: list[int]  # the latest date up to each position

    def split(self, position: int, note: str, at: int | None = None) -> Split:
        """Cut at a position, or at a later moment up to which nothing more came; at -1 nothing lies before it."""
        if position < 0:
            return Split(None, frozenset())
        commits, code = self.ledger.commits, self.ledger.code
        before = frozenset(sha for sha in commits if self.place.get(sha, len(self.shas)) <= position)
        count = len(before & code)
        date = self.dates[position] if at is None else at
        return Split(Cut(self.shas[position], date, count, len(code) - count, note), before)


def choose_cuts(ledgers: list[Ledger], settings: MineSettings) -> list[Split]:
    """Choose the cut by share, or take the commit or the day that the settings name; one `Split` a repository."""
    lines = [_line(ledger, settings) for ledger in ledgers]
    total = sum(len(ledger.code) for ledger in ledgers)
    wanted = _wanted(total, settings)
    if settings.cut is not None and DAY.fullmatch(settings.cut):
        return _at_moment(lines, _end_of(settings.cut), "named by mine.cut")
    if settings.cut is not None and len(lines) > 1:
        raise RepoError(
            f"mine.cut is {settings.cut!r}, wanted a day such as 2026-01-31: {len(lines)} repositories share one cut",
            "a commit of one of them says nothing about the others",
        )
    if settings.cut is not None:
        return [lines[0].split(_named(lines[0], settings.cut), "named by mine.cut")]
    if len(lines) == 1:
        position = _position(lines[0].after, wanted, total)
        note = f"{lines[0].after[position]} of {total} code commits lie after it; {wanted} were wanted"
        return [lines[0].split(position, note)]
    moment, after = _common_moment(lines, wanted)
    return _at_moment(lines, moment, f"{after} of {total} code commits lie after it; {wanted} were wanted")


def _line(ledger: Ledger, settings: MineSettings) -> _Line:
    shas = first_parent_line(ledger.commits, ledger.repo.revision)
    if len(shas) < 2:
        raise RepoError(
            f"{ledger.repo.name}: {len(shas)} commit on the branch was read, wanted at least 2",
            "raise mine.max_commits" if settings.max_commits < 100 else "choose a branch with history",
        )
    place = introduced_at(ledger.commits, shas)
    return _Line(ledger, shas, place, _count_after(shas, place, ledger.code), _dates(ledger.commits, shas))


def _common_moment(lines: list[_Line], wanted: int) -> tuple[int, int]:
    """Give the latest moment with enough code commits after it over all repositories, and their number."""
    moments = sorted({date for line in lines for date in line.dates[:-1]})
    counted = [(moment, sum(_after_moment(line, moment) for line in lines)) for moment in moments]
    enough = [each for each in counted if each[1] >= wanted]
    return enough[-1] if enough else counted[0]


def _after_moment(line: _Line, moment: int) -> int:
    position = bisect.bisect_right(line.dates, moment) - 1
    return line.after[position] if position >= 0 else len(line.ledger.code)


def _at_moment(lines: list[_Line], moment: int, note: str) -> list[Split]:
    splits = [line.split(bisect.bisect_right(line.dates, moment) - 1, note, at=moment) for line in lines]
    if all(split.cut is None for split in splits):
        raise RepoError("mine.cut: no repository has a commit up to that day", "name a later day")
    if all(split.cut is None or split.cut.commits_after == 0 for split in splits):
        raise RepoError(
            "mine.cut: no code commit lies after that day, nothing is left to evaluate on", "name an earlier day"
        )
    return splits


def _end_of(day: str) -> int:
    try:
        return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) + 86_399
    except ValueError:
        raise RepoError(f"mine.cut is {day!r}, which is no day", "write it as 2026-01-31") from None


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


def _named(line: _Line, name: str) -> int:
    repo, git = line.ledger.repo, line.ledger.git
    try:
        sha = git.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").decode().strip()
    except RepoError:
        raise RepoError(
            f"mine.cut is {name!r}, which is no commit of {repo.name}", "`git log --oneline` lists the commits"
        ) from None
    if sha not in line.place:
        raise RepoError(
            f"mine.cut is {name!r}, which is not among the commits read from {repo.branch or 'HEAD'}",
            "name an ancestor of the branch, or raise mine.max_commits",
        )
    if sha not in line.shas:
        raise RepoError(
            f"mine.cut is {name!r}, which lies on a side branch", "name a commit that `git log --first-parent` lists"
        )
    if sha == line.shas[-1]:
        raise RepoError(
            f"mine.cut is {name!r}, the newest commit: nothing is left to evaluate on", "name an older commit"
        )
    return line.shas.index(sha)


def _dates(commits: dict[str, Commit], line: list[str]) -> list[int]:
    """Give the latest date up to each position on the line; a clock that the next commits contradict does not count."""
    told = [commits[sha].committed_at for sha in line]
    dates: list[int] = []
    for place, date in enumerate(told):
        following = told[place + 1 : place + 1 + CLOCKS]
        is_agreed = 2 * sum(later >= date for later in following) >= len(following)
        known = dates[-1] if dates else (date if is_agreed else min(following))
        dates.append(max(known, date) if is_agreed else known)
    return dates
