"""Mine the commits: edit, bugfix, test and message pairs from before the cut, additions from after it.

In: a repository's code commits, its split, and its files at the cut. Out: pairs and additions in the books; a commit
that gave none, and each file or region that was dropped, with its reason. Commits are worked on newest first, so that
of two commits with the same change (cherry-picks, rebased branches) the later one is kept.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from tuner.mine.books import Books, Provenance
from tuner.mine.commit_facts import CommitFacts, CommitMiner, Side
from tuner.mine.cut import Split
from tuner.mine.drafts import Draft
from tuner.mine.draw import Draw
from tuner.mine.history import Commit
from tuner.mine.kinds.test import title_of
from tuner.mine.labels import Fate, Fates, Lineage, Warmth, weight
from tuner.mine.ledger import Ledger
from tuner.mine.memo import Memo, is_whole, remembered
from tuner.mine.names import PastDefinitions
from tuner.mine.outlived import expects_otherwise
from tuner.mine.snapshot import Snapshot
from tuner.mine.workers import Workers
from tuner.progress import Progress
from tuner.recipe import MineSettings
from tuner.records import Addition, content_id

COMMITS_PER_BATCH, FEW_COMMITS = 64, 96
Job = tuple[Commit, Side]


@dataclass(slots=True)
class Touch:
    """The newest commit up to the cut that changed a file."""

    commit: str
    committed_at: int


class Changes:
    """The commits of one repository. After `mine`, `touched` says when each path of the cut was last changed.

    `warmth` says how often; mass changes do not count there, which say nothing of what is worked on. `after` are then
    the commits after the cut, newest first, without merges; `past` what earlier ones defined.
    """

    def __init__(
        self, ledger: Ledger, split: Split, draw: Draw, snapshot: Snapshot | None, settings: MineSettings, books: Books
    ) -> None:
        self.ledger, self.split, self.draw, self.settings, self.books = ledger, split, draw, settings, books
        self.touched: dict[str, Touch] = {}
        self.warmth = Warmth(split.cut.committed_at if split.cut is not None else 0, settings.file_half_life_days)
        self.after: list[Commit] = []
        self.past = PastDefinitions()
        self._lineage = Lineage()
        self._fates = Fates(settings.fixed_within_days, snapshot.lines if snapshot is not None else _gone)
        self._at_cut = snapshot.text if snapshot is not None else _gone
        # A revert after the cut must not decide what training sees: that would be knowledge of the future.
        before, after = (ledger.reverted(split.before, inside=inside) for inside in (True, False))
        self._reverted = {"before": before, "left_out": before, "after": after, "passed_over": after}
        self._paths_at_cut: dict[str, dict[str, str]] = {}  # of the commits that are under way
        self._spent: list[str] = []
        self._patches: set[str] = set()
        self._runs: set[str] = set()
        self._of_file: Counter[tuple[str, str]] = Counter()

    def mine(self, memo: Memo, workers: Workers, progress: Progress) -> None:
        """Write what each code commit gives."""
        repo, code = self.ledger.repo, self.ledger.code
        miner = CommitMiner(repo.name, repo.path, self.settings)
        there = memo.among(_key(sha, self._side(sha)) for sha in code - self.draw.spent)
        self.books.counts["commits_remembered"] += len(there)
        with progress.track(f"mining commits of {repo.name}", total=len(code), unit="commit") as track:
            for (commit, side), plain in remembered(
                memo, workers, miner, self._jobs(), lambda job: _key(job[0].sha, job[1]), there,
                size=COMMITS_PER_BATCH, few=FEW_COMMITS, lasts=is_whole,
            ):  # fmt: skip
                track.advance(1)
                self._take(commit, side, CommitFacts.from_plain(plain))
        for sha in self._spent:
            self.books.reject(sha, "enough_of_file")

    def _jobs(self) -> Iterator[Job]:
        """Yield the code commits newest first; on the way, follow renames and note when files were last changed."""
        for commit in self.ledger.log:
            side = self._side(commit.sha)
            later = commit.sha not in self.split.before
            if later and len(commit.parents) < 2:
                self.after.append(dataclasses.replace(commit, author="", email="", message=""))
            if not later:
                paths = {each.path: self._lineage.at_cut(each.path) for each in commit.changes}
                for path in paths.values():
                    self.touched.setdefault(path, Touch(commit.sha, commit.committed_at))
                if commit.sha in self.ledger.code and len(paths) <= self.settings.max_commit_files:
                    self.warmth.note(paths.values(), commit.committed_at)
                self._lineage.note(commit.changes)
                if commit.sha in self.draw.spent:
                    self._spent.append(commit.sha)
                    continue
                if commit.sha in self.ledger.code:
                    self._paths_at_cut[commit.sha] = paths
            if commit.sha in self.ledger.code:
                yield dataclasses.replace(commit, author="", email=""), side
        self.ledger.log.forget()

    def _side(self, sha: str) -> Side:
        if sha not in self.split.before:
            return "passed_over" if sha in self.draw.passed_over else "after"
        return "left_out" if sha in self.draw.left_out else "before"

    def _take(self, commit: Commit, side: Side, facts: CommitFacts) -> None:
        paths = self._paths_at_cut.pop(commit.sha, {})
        self.past.note(commit.sha, facts.defined, facts.removed)
        reason = self._revert_reason(commit, side) or self._date_reason(commit, side) or facts.reason
        if facts.patch_id in self._patches:
            reason = reason or "twin"  # a cherry-pick, or a rebased branch that was merged as well
        if facts.patch_id:
            self._patches.add(facts.patch_id)
        if reason is None and side == "left_out":
            reason = "poor_message" if commit.sha in self.draw.silent else "not_drawn"
        if reason is None and side == "passed_over":
            reason = "later_not_drawn"
        fates = self._judged(commit, side, facts, paths)
        kept = 0
        if reason is None and side == "before":
            kept = sum(self._keep(commit, draft, paths.get(draft.path, draft.path), fates) for draft in facts.drafts)
        elif reason is None:
            kept = sum(map(self._keep_addition, facts.additions))
        if reason is None:
            reason = None if kept else f"no_usable_{'edit' if side == 'before' else 'addition'}"
            self.books.count_redactions(facts.redactions)
        if reason is None:
            self.books.counts["commits_kept"] += 1
        else:
            self.books.reject(commit.sha, reason)
        if reason is None or reason.startswith(("no_usable", "poor_message")):
            for each in facts.dropped:
                self.books.reject(f"{commit.sha}:{each.path}", each.reason)

    def _judged(self, commit: Commit, side: Side, facts: CommitFacts, paths: dict[str, str]) -> dict[str, Fate]:
        """Judge what became of each file's added lines; then remember what this commit, if a fix, took away."""
        fates = {}
        for path, added, removed in facts.touched:
            at_cut = paths.get(path, path)
            if side == "before":
                fates[path] = self._fates.judge(at_cut, added, commit.committed_at)
            if facts.is_fix:
                self._fates.note_fix(at_cut, removed, commit.committed_at)
        return fates

    def _keep(self, commit: Commit, draft: Draft, at_cut: str, fates: dict[str, Fate]) -> bool:
        fate = fates.get(draft.path, Fate(False, 0.0))
        if draft.kind == "message":  # says what was done, not how: it stays true
            fate = Fate(False, 1.0)
        if fate.fixed_soon:
            self.books.reject(f"{commit.sha}:{draft.path}", "fixed_soon")
            return False
        if self._of_file[draft.kind, at_cut] >= self.settings.edits_per_file:
            self.books.reject(f"{commit.sha}:{draft.path}", "enough_of_file")
            return False
        if draft.kind == "test" and expects_otherwise(draft.response, title_of(draft), self._at_cut(at_cut) or ""):
            self.books.reject(f"{commit.sha}:{draft.path}", "test_changed_later")
            return False
        assert self.split.cut is not None
        weighed = weight(commit.committed_at, self.split.cut.committed_at, self.settings.half_life_days, fate.survival)
        origin = Provenance(self.ledger.repo.name, commit.sha, commit.committed_at, weighed)
        kept = self.books.keep(draft, origin)
        self._of_file[draft.kind, at_cut] += kept
        return kept

    def _keep_addition(self, addition: Addition) -> bool:
        run = content_id(addition.path, addition.added.strip())
        if run in self._runs:
            self.books.reject(f"{addition.commit}:{addition.path}", "duplicate_run")
            return False
        self._runs.add(run)
        return self.books.keep_addition(addition)

    def _revert_reason(self, commit: Commit, side: Side) -> str | None:
        return "reverted" if commit.sha.startswith(self._reverted[side] or ("-",)) else None

    def _date_reason(self, commit: Commit, side: Side) -> str | None:
        """Compare a commit's date with the cut's: a clock that runs wrong must not bring the future into training."""
        if self.split.cut is None:
            return "repository_after_cut"
        cut_at = self.split.cut.committed_at
        if side in ("after", "passed_over"):
            return "date_before_cut" if commit.committed_at <= cut_at else None
        return "date_after_cut" if commit.committed_at > cut_at else None


def _key(sha: str, side: Side) -> str:
    return f"commit {sha} {side}"


def _gone(path: str) -> None:
    """Stand for the files of a repository that has none at the cut."""
