"""The contestants of the mining benchmark; each call of this module is one of them, in a process of its own.

In, as JSON on standard input: which one, the repository, its newest commits, the list of blobs. Out, as JSON: seconds,
commits and what else it counted. All read the same commits that are no merges, with the same changed code files:

    floor      bare git: `git log --raw`, then `git cat-file --batch` over the blobs, both into /dev/null
    reading    what the mine room reads by: `history.read_commits`, `plumbing.Blobs.read_many`
    pydriller  `Repository.traverse_commits`, and of each code file `source_code` and `source_code_before`
    gitpython  `commit.diff(parent)`, and of each code file `data_stream.read()` of both sides
    mine       the whole stage, into an empty folder, with what an earlier run remembered in `memory`, or `forget`s, and
               pairs from as many commits of history as by default, or from `all_history`
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tuner.mine.history import Commit, log_of, read_commits
from tuner.mine.languages import language_of
from tuner.mine.plumbing import Blobs, Git

Job = dict[str, Any]
LARGEST = 1 << 30
DAY_SECONDS = 86_400


def floor(job: Job) -> dict[str, float]:
    """Let git write what is needed, and read none of it."""
    git = Git(job["path"])
    log, arguments = log_of(git, job["revision"], job["newest"])
    quiet: Any = {"stdout": subprocess.DEVNULL, "env": git.environment, "check": True}
    with _clock() as counted, Path(job["blobs"]).open() as shas:
        subprocess.run([*log.command, *arguments], **quiet)
        subprocess.run([*git.command, "cat-file", "--batch", "--buffer"], stdin=shas, **quiet)
    return counted


def reading(job: Job) -> dict[str, float]:
    """Read the commits and, while they come, their blobs; each blob once, as the floor does."""
    git, commits, blobs, size = Git(job["path"]), 0, 0, 0

    def counting() -> Iterator[Commit]:
        nonlocal commits
        for commit in read_commits(git, job["revision"], job["newest"]):
            commits += len(commit.parents) < 2
            yield commit

    with _clock() as counted, Blobs(git) as reader:
        for _, data, _ in reader.read_many(code_blobs(counting()), LARGEST):
            if data is not None:
                blobs += 1
                size += len(data)
    return counted | {"commits": commits, "blobs": blobs, "bytes": size}


def pydriller(job: Job) -> dict[str, float]:
    """Read the same by PyDriller. It looks at no older commits than these: it would list the whole history first."""
    from pydriller import Repository

    wanted = set(Path(job["commits"]).read_text().split())
    since = datetime.fromtimestamp(job["oldest_at"] - DAY_SECONDS, UTC)
    commits = sides = size = 0
    with _clock() as counted:
        driller = Repository(job["path"], order="reverse", only_no_merge=True, since=since, only_commits=wanted)
        for commit in driller.traverse_commits():
            commits += 1
            for file in commit.modified_files:
                if language_of(file.new_path or file.old_path or "") is not None:
                    both = [text for text in (file.source_code_before, file.source_code) if text is not None]
                    sides += len(both)
                    size += sum(map(len, both))
    return counted | {"commits": commits, "blobs": sides, "bytes": size}


def gitpython(job: Job) -> dict[str, float]:
    """Read the same by GitPython's diffs."""
    from git import NULL_TREE, Repo

    commits = sides = size = 0
    with _clock() as counted, Repo(job["path"]) as repo:
        for sha in Path(job["commits"]).read_text().split():
            commit = repo.commit(sha)
            commits += 1
            diffs = commit.parents[0].diff(commit) if commit.parents else commit.diff(NULL_TREE, R=True)
            for diff in diffs:
                if language_of(diff.b_path or diff.a_path or "") is not None:
                    both = [blob.data_stream.read() for blob in (diff.a_blob, diff.b_blob) if blob is not None]
                    sides += len(both)
                    size += sum(map(len, both))
    return counted | {"commits": commits, "blobs": sides, "bytes": size}


def mine(job: Job) -> dict[str, float]:
    """Run the whole stage: commits, files, gates, redaction, pairs, their check and the files."""
    from tuner.mine.repository import open_repository
    from tuner.mine.stage import run
    from tuner.progress import Progress
    from tuner.recipe import MineSettings
    from tuner.rundir import Workspace

    if job["forget"]:
        shutil.rmtree(job["memory"], ignore_errors=True)
    settings = MineSettings(max_commits=max(2, job["newest"]))
    if job["all_history"]:
        settings = settings.model_copy(update=dict.fromkeys(("history_commits", "later_commits", "repository_files")))
    with tempfile.TemporaryDirectory() as folder, _clock() as counted:
        out = Path(folder)
        repo = open_repository(job["path"], out / "clones", Progress())
        mined = run([repo], settings, 0, Path(job["memory"]), Workspace(out, out, out, Progress()))
    found = {name.removeprefix("mine."): mined.metrics[name] for name in ("mine.pairs", "mine.additions")}
    del counted["cpu_seconds"]  # the workers are no children of this process: who watches it counts them
    return counted | found | {"commits": job["count"], "remembered": mined.metrics["mine.remembered"]}


CONTESTANTS: dict[str, Callable[[Job], dict[str, float]]] = {
    each.__name__: each for each in (floor, reading, pydriller, gitpython, mine)
}


def code_blobs(commits: Iterable[Commit]) -> Iterator[str]:
    """Yield both sides of every changed code file, each blob once, in the order of the commits."""
    seen: set[str] = set()
    for commit in commits:
        for change in commit.changes:
            if language_of(change.path) is not None:
                for sha in (change.old_sha, change.new_sha):
                    if sha is not None and sha not in seen:
                        seen.add(sha)
                        yield sha


@contextmanager
def _clock() -> Iterator[dict[str, float]]:
    """Time a block: its seconds, and the processor's, of this process and of those that it waited for."""
    counted: dict[str, float] = {}
    before, started = os.times(), time.perf_counter()
    yield counted
    counted["seconds"] = time.perf_counter() - started
    counted["cpu_seconds"] = sum(os.times()[:4]) - sum(before[:4])


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    print(json.dumps(CONTESTANTS[asked["contestant"]](asked)))
