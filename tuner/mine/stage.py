"""Turn a repository into training pairs from before a cut, and additions from after it.

In: a checked `Repo`, `recipe.mine`, a seed. Out: `mined/pairs.jsonl`, `mined/additions.jsonl`, `mined/rejected.jsonl`.
Every commit that was read and every file of the snapshot ends in a pair, an addition or, with a reason, among the
rejected. The same repository, settings and seed give the same bytes. No text leaves this room unredacted.

    tuner mine --repo PATH
"""

from __future__ import annotations

import time

from tuner.errors import RepoError
from tuner.mine import gates
from tuner.mine.books import ADDITIONS, PAIRS, REJECTED, Books, open_books
from tuner.mine.changes import mine_commits
from tuner.mine.cut import choose_cut
from tuner.mine.history import Commit, read_commits
from tuner.mine.plumbing import Blobs, Git
from tuner.mine.snapshot import mine_snapshot
from tuner.progress import Progress
from tuner.recipe import MineSettings
from tuner.records import PAIR_KINDS, Mined, Repo
from tuner.rundir import Workspace


def run(repo: Repo, settings: MineSettings, seed: int, work: Workspace) -> Mined:
    """Mine `repo` into `work.out`."""
    started = time.monotonic()
    git = Git(repo.path)
    with open_books(work.out) as books, Blobs(git) as blobs:
        commits, code = _read_history(git, repo, settings, books, work.progress)
        split = choose_cut(repo, git, commits, {commit.sha for commit in code}, settings)
        mine_snapshot(git, blobs, split.cut, settings, seed, books, work.progress)
        if not books.counts["files_kept"]:
            raise RepoError(
                f"{repo.name}: holds no code that passes the gates (commit {split.cut.commit[:12]}, {_leading(books)})",
                "is this the right REPO=? mine.include and mine.exclude choose the files, mine.cut the commit",
            )
        mine_commits(git, blobs, code, split, settings, books, work.progress)
    seconds = time.monotonic() - started
    metrics = {
        "mine.seconds": round(seconds, 3),
        "mine.commits": float(len(commits)),
        "mine.commits_per_second": round(len(commits) / max(seconds, 1e-9), 1),
        "mine.files": float(books.counts["files_kept"]),
        "mine.pairs": float(sum(books.counts[kind] for kind in PAIR_KINDS)),
        "mine.additions": float(books.counts["additions"]),
    }
    counts, reasons = dict(sorted(books.counts.items())), dict(sorted(books.reasons.items()))
    return Mined(PAIRS, ADDITIONS, REJECTED, split.cut, repo.revision, counts, reasons, metrics)


def _read_history(
    git: Git, repo: Repo, settings: MineSettings, books: Books, progress: Progress
) -> tuple[dict[str, Commit], list[Commit]]:
    """Read all commits by sha, newest first, and the code commits among them."""
    commits: dict[str, Commit] = {}
    code: list[Commit] = []
    with progress.track("reading commits", total=None, unit="commit") as track:
        for commit in read_commits(git, repo.revision, settings.max_commits):
            commits[commit.sha] = commit
            if reason := gates.commit_reason(commit, settings):
                books.reject(commit.sha, reason)
            else:
                code.append(commit)
            track.advance(1)
    books.counts["commits_read"] = len(commits)
    return commits, code


def _leading(books: Books) -> str:
    reasons = ", ".join(f"{count} {reason}" for reason, count in books.reasons.most_common(3))
    return f"dropped: {reasons}" if reasons else "it is empty"
