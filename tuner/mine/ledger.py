"""Go through the list of commits: keep a line for each, and what must be known of all before any is mined.

In: a repository's history, newest first. Out: a `Ledger`. Changed files and authors are looked at while they stream by;
its `log` has them for whoever comes next, held only where they are few. Every commit that a gate drops is written down.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from tuner.errors import RepoError
from tuner.mine.books import Books
from tuner.mine.gates.commits import blame_ignored, commit_reason, picked_from, reverted_shas
from tuner.mine.held_log import MOST_HELD, HeldLog
from tuner.mine.history import Commit
from tuner.mine.plumbing import Git
from tuner.progress import Progress
from tuner.recipe import MineSettings
from tuner.records import Repo

IGNORE_LISTS = (".git-blame-ignore-revs", ".git-ignore-revs", ".gitblameignore", ".git_blame_ignore_revs")


@dataclass(slots=True)
class Ledger:
    """One repository's commits. `commits` are without authors and changes; `names` are the authors of all of them.

    `reverts` are the commits that take others back, newest first, with their messages.
    """

    repo: Repo
    git: Git
    log: HeldLog
    commits: dict[str, Commit] = field(default_factory=dict)
    code: set[str] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    reverts: list[Commit] = field(default_factory=list)

    def reverted(self, shas: frozenset[str] | set[str], *, inside: bool) -> tuple[str, ...]:
        """Give the commits, perhaps abbreviated, that are reverted by a commit inside (or outside) of `shas`."""
        return tuple(sorted(reverted_shas(commit for commit in self.reverts if (commit.sha in shas) == inside)))


def read_ledger(repo: Repo, settings: MineSettings, books: Books, progress: Progress, room: int = MOST_HELD) -> Ledger:
    """Read all commits up to `mine.max_commits`, newest first; `room` is what may be held of their log."""
    git = Git(repo.path)
    ledger = Ledger(repo, git, HeldLog(git, repo.revision, settings.max_commits, room))
    ignored = blame_ignored(_ignore_lists(git, repo.revision))
    picks: dict[str, list[str]] = {}
    with progress.track(f"reading commits of {repo.name}", total=None, unit="commit") as track:
        for commit in ledger.log:
            track.advance(1)
            ledger.names.add(commit.author)
            if reverted_shas([commit]):
                ledger.reverts.append(dataclasses.replace(commit, author="", email="", changes=()))
            reason = "blame_ignored" if commit.sha in ignored else commit_reason(commit, settings)
            if reason is None and (sources := picked_from(commit)):
                picks[commit.sha] = sources
            if reason is None:
                ledger.code.add(commit.sha)
            else:
                books.reject(commit.sha, reason)
            ledger.commits[commit.sha] = dataclasses.replace(commit, author="", email="", message="", changes=())
    for sha, sources in picks.items():
        if any(source in ledger.commits for source in sources):
            ledger.code.discard(sha)
            books.reject(sha, "cherry_pick")
    books.counts["commits_read"] += len(ledger.commits)
    return ledger


def _ignore_lists(git: Git, revision: str) -> list[str]:
    texts = []
    for name in IGNORE_LISTS:
        try:
            texts.append(git.run("cat-file", "blob", f"{revision}:{name}").decode("utf-8", "replace"))
        except RepoError:
            continue  # most repositories have none
    return texts
