"""Decide on which side of the split everything stands, and refuse input in which the sides touch.

In: the cut, the pairs and the additions. Out: `train` or `valid` for each pair, and `data/split.json`.
Nothing is dropped: a pair that is later than the cut, an addition that is not, or a commit on both sides stops with its
file and line, since an evaluation over leaked commits would be worthless.

Validation holds out whole files, because windows of one file are too alike to say anything about each other. What is
taken from a commit has no file of its own, so that it is held out by commit.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from tuner.dataset.order import rank, unit
from tuner.errors import DataError
from tuner.records import COMMIT_KINDS, Addition, Cut, Pair, RowKind, sha256_file

Side = Literal["train", "valid"]
Source = tuple[str, str]  # a repository's name, and a path in it
HINT = "the split leaks; run `tuner mine` again, and report it if this comes back"
FEWEST_FILES = 5  # with fewer files, every one of them is needed for training


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


def choose_valid_files(files: Iterable[Source], share: float, seed: int) -> set[Source]:
    """Hold out `share` of the files, at least one where there are a few."""
    ranked = sorted(set(files), key=lambda file: (rank(seed, "valid", *file), file))
    wanted = math.floor(len(ranked) * share + 0.5)
    if share > 0 and len(ranked) >= FEWEST_FILES:
        wanted = max(wanted, 1)
    return set(ranked[:wanted])


def side_of(kind: RowKind, file: Source, commit: str, valid_files: set[Source], share: float, seed: int) -> Side:
    """Say where a pair goes: what is from a commit's change by its commit, every other kind by its file."""
    if kind in COMMIT_KINDS:
        return "valid" if unit(seed, "valid-commit", commit) < share else "train"
    return "valid" if file in valid_files else "train"


def write_split(
    path: Path, cut: Cut, seed: int, valid_files: set[Source], counts: dict[str, int], files: dict[str, Path]
) -> None:
    """Write the split with the hashes of the files it was made from and of those it made."""
    split = {
        "schema": 1,
        "seed": seed,
        "cut": {
            "commit": cut.commit,
            "committed_at": cut.committed_at,
            "commits_before": cut.commits_before,
            "commits_after": cut.commits_after,
            "note": cut.note,
        },
        "rule": "pairs: committed at the cut or before; items: lines added by later commits; valid: whole files",
        "valid_files": [{"repo": repo, "path": path} for repo, path in sorted(valid_files)],
        "counts": counts,
        "sha256": {name: sha256_file(file) for name, file in files.items()},
    }
    path.write_text(json.dumps(split, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
