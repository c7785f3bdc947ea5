"""Random histories, mined and sampled: nothing of the future is in training, whatever was moved or brought back."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.dataset.examples import renderer
from tests.leaks import (
    Made,
    commits_and_files_that_got_lost,
    commits_on_both_sides,
    copies_of_answers,
    dates_on_the_wrong_side,
    faults_of,
    texts_from_after_the_cut,
)
from tests.mine.conftest import assert_same, mine
from tests.mine.random_histories import random_history
from tests.tiny_repo import git
from tuner.dataset import stage as dataset
from tuner.dataset.future_copies import Cleaned, FutureCopies
from tuner.mine.books import Books
from tuner.mine.changes import Changes
from tuner.mine.snapshot import Snapshot
from tuner.progress import Progress
from tuner.recipe import DatasetSettings
from tuner.rundir import Workspace

SEEDS, FEW = range(12), range(5)


def made_from(seed: int, folder: Path, *, sampled: bool = True) -> Made:
    """Write, mine and sample one random history; where it is not sampled, it has no rows and no items."""
    repo = random_history(folder / "shop", seed)
    outcome = mine(repo, folder / "out", history_commits=(None, 4)[seed % 2])  # of half, few commits are drawn
    if sampled:
        work = Workspace(outcome.folder, outcome.folder, folder, Progress())
        dataset.run(outcome.mined, renderer(), DatasetSettings(max_train_tokens=None), 17, work, 256, _read)
    else:
        (outcome.folder / "data").mkdir()
        for name in ("train", "valid", "eval_items"):
            (outcome.folder / f"data/{name}.jsonl").touch()
    return Made(repo, outcome.folder, outcome.mined, renderer().decode)


def _read(texts: Iterable[tuple[str, str]]) -> None:
    """Stand for the search for secrets, which has its own tests."""


@pytest.mark.parametrize("seed", SEEDS)
def test_nothing_of_the_future_is_in_training_and_nothing_gets_lost(seed: int, tmp_path: Path) -> None:
    assert faults_of(made_from(seed, tmp_path)) == []


def found_without(
    protection: Callable[[], object], check: Callable[[Made], Iterator[str]], folder: Path, *, sampled: bool = False
) -> list[str]:
    """Take a protection away, and give what a check then finds in the first history in which it finds anything."""
    protection()
    for seed in SEEDS:
        if faults := list(check(made_from(seed, folder / str(seed), sampled=sampled))):
            return faults
    return []


def test_copies_are_found_where_they_are_not_taken_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def keep_all() -> None:
        monkeypatch.setattr(FutureCopies, "clean", lambda self, pair: Cleaned([pair], 0, 0))
        monkeypatch.setattr(FutureCopies, "holds_copy", lambda self, text: False)

    assert found_without(keep_all, copies_of_answers, tmp_path, sampled=True)


def test_wrong_dates_are_found_where_no_date_is_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def compare_nothing() -> None:
        monkeypatch.setattr(Changes, "_date_reason", lambda self, commit, side: None)

    assert found_without(compare_nothing, dates_on_the_wrong_side, tmp_path)


def test_later_texts_are_found_where_files_are_read_at_the_newest_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_the_newest() -> None:
        def newest(repo: Any, commit: str, *rest: Any) -> Snapshot:
            return Snapshot(repo, repo.revision, *rest)

        monkeypatch.setattr("tuner.mine.stage.Snapshot", newest)

    assert found_without(read_the_newest, texts_from_after_the_cut, tmp_path)


def test_commits_on_both_sides_are_found_where_all_count_as_earlier(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call_all_earlier() -> None:
        monkeypatch.setattr(Changes, "_side", lambda self, sha: "before")

    assert found_without(call_all_earlier, commits_on_both_sides, tmp_path)


def test_what_got_lost_is_found_where_a_reason_is_not_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forget_merges() -> None:
        reject = Books.reject
        monkeypatch.setattr(
            Books, "reject", lambda self, source, reason: None if reason == "merge" else reject(self, source, reason)
        )

    assert found_without(forget_merges, commits_and_files_that_got_lost, tmp_path)


@pytest.mark.parametrize("seed", FEW)
def test_what_is_remembered_of_an_older_revision_changes_nothing(seed: int, tmp_path: Path) -> None:
    folder = random_history(tmp_path / "shop", seed, secrets=0.15 * (seed % 3))
    newest, memory = git(folder, "rev-parse", "main").strip(), tmp_path / "memory"
    wanted = (300, 4, 2)[seed % 3]  # of most, other commits are drawn once there are newer ones
    drawn = {"history_commits": wanted, "later_commits": wanted, "repository_files": wanted}
    for back in (12, 5):
        git(folder, "update-ref", "refs/heads/main", f"{newest}~{back}")
        mine(folder, tmp_path / str(back), memory=memory, **drawn)
    git(folder, "update-ref", "refs/heads/main", newest)
    fresh = mine(folder, tmp_path / "fresh", **drawn)
    again = mine(folder, tmp_path / "again", memory=memory, **drawn)
    assert ("not_drawn" in fresh.mined.rejected_counts) == (wanted < 300)
    assert fresh.mined.metrics["mine.remembered"] == 0 < again.mined.metrics["mine.remembered"]
    assert_same(again, fresh)
    assert again.mined.counts == fresh.mined.counts
    other = mine(folder, tmp_path / "other", max_edit_lines=5)
    assert_same(mine(folder, tmp_path / "other again", memory=memory, max_edit_lines=5), other)
