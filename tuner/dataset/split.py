"""Decide on which side of the split everything stands, and refuse input in which the sides touch.

In: the cut, the pairs and the additions. Out: the later commits that are kept for validation, and `data/split.json`.
Nothing is dropped: a pair that is later than the cut, an addition that is not, or a commit on both sides stops with its
file and line, since an evaluation over leaked commits would be worthless.

Validation is of later commits, as evaluation is: what a file at the cut says about another one at the cut is no measure
of how well the next months are foretold. It takes whole commits, since the lines of one commit are not independent.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path

from tuner.dataset.order import rank
from tuner.errors import DataError
from tuner.records import Addition, Cut, Pair, sha256_file

Source = tuple[str, str]  # a repository's name, and a path in it
HINT = "the split leaks; run `tuner mine` again, and report it if this comes back"
FEWEST_COMMITS = 5  # a choice by fewer commits would be a choice by what one of them happens to be about


def check_addition(addition: Addition, cut: Cut, where: str) -> None:
    """Stop unless the addition is later than the cut."""
    if addition.committed_at <= cut.committed_at:
        raise DataError(
            f"{where}: addition {addition.id} is from {addition.committed_at}, wanted later than the cut "
            f"{cut.committed_at}",
            HINT,
        )


def check_pair(pair: Pair, cut: Cut, future_commits: set[str], where: str) -> None:
    """Stop unless the pair is from the cut or before it, and from no commit that gives evaluation items."""
    if pair.committed_at > cut.committed_at:
        raise DataError(
            f"{where}: pair {pair.id} is from {pair.committed_at}, wanted at most the cut {cut.committed_at}", HINT
        )
    if pair.commit in future_commits:
        raise DataError(f"{where}: commit {pair.commit} stands on both sides of the cut {cut.commit}", HINT)


def choose_valid_commits(commits: Iterable[tuple[str, str]], share: float, seed: int) -> list[str]:
    """Choose `share` of the later commits, of each repository as far as it goes; none where they are too few.

    `commits` are pairs of a repository's name and a commit; one that stands in two repositories counts once.
    """
    owners: dict[str, str] = {}
    for repo, commit in sorted(set(commits)):
        owners.setdefault(commit, repo)
    wanted = math.floor(len(owners) * share + 0.5)
    if wanted < FEWEST_COMMITS:
        return []
    by_repo: dict[str, list[str]] = {}
    for commit in sorted(owners, key=lambda each: (rank(seed, "valid commit", each), each)):
        by_repo.setdefault(owners[commit], []).append(commit)
    # each commit's place among its repository's own, from 0 to 1: the first ones of all are the same share of each
    places = {each: (at + 0.5) / len(own) for own in by_repo.values() for at, each in enumerate(own)}
    return sorted(sorted(places, key=lambda each: (places[each], rank(seed, "valid commit", each), each))[:wanted])


def missing_note(commits: int, share: float) -> str:
    """Say why no commit is kept for validation, and what would keep some."""
    if share == 0:
        return "no validation: dataset.valid_share is 0; training keeps its last step"
    found = f"{100 * share:.3g} % of {commits} later commits are {math.floor(commits * share + 0.5)}"
    enough = math.ceil(100 * (FEWEST_COMMITS - 0.5) / commits) / 100 if commits else 1.0
    more = f"; dataset.valid_share={enough:g} would keep as many" if enough < 0.5 else ""
    return f"no validation: {found}, wanted {FEWEST_COMMITS}; training keeps its last step{more}"


def write_split(
    path: Path, cut: Cut, seed: int, valid_commits: list[str], counts: dict[str, int], files: dict[str, Path]
) -> None:
    """Write the split with the hashes of the files it was made from and of those it made."""
    split = {
        "schema": 2,
        "seed": seed,
        "cut": {
            "commit": cut.commit,
            "committed_at": cut.committed_at,
            "commits_before": cut.commits_before,
            "commits_after": cut.commits_after,
            "note": cut.note,
        },
        "rule": "pairs: committed at the cut or before; items: lines added by later commits, but for valid_commits;"
        " valid: lines added by valid_commits",
        "valid_commits": valid_commits,
        "counts": counts,
        "sha256": {name: sha256_file(file) for name, file in files.items()},
    }
    path.write_text(json.dumps(split, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
