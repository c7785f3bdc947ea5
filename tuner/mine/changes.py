"""Mine the commits: edit pairs from before the cut, additions from after it.

In: the code commits with their patches. Out: pairs and additions in the books; a commit that gave none, and each file
or region that was dropped, with its reason.
"""

from __future__ import annotations

from collections.abc import Iterator

from tuner.mine import gates, pairs
from tuner.mine.additions import additions, removed_lines
from tuner.mine.books import Books
from tuner.mine.cut import Split
from tuner.mine.history import Commit, Hunk, Patch, read_patches
from tuner.mine.languages import Language, code_globs, language_of
from tuner.mine.plumbing import Blobs, Git
from tuner.mine.redact import redact
from tuner.mine.sources import decode, parse_reason, read_text
from tuner.progress import Progress
from tuner.recipe import MineSettings
from tuner.records import Addition


def mine_commits(
    git: Git, blobs: Blobs, chosen: list[Commit], split: Split, settings: MineSettings, books: Books, progress: Progress
) -> None:
    """Write what each of the chosen commits gives."""
    # A revert after the cut must not decide what training sees: that would be knowledge of the future.
    reverted_before = gates.reverted_shas(each for each in split.commits.values() if each.sha in split.before)
    reverted_after = gates.reverted_shas(each for each in split.commits.values() if each.sha not in split.before)
    miner = _Miner(blobs, settings, books)
    with progress.track("mining commits", total=len(chosen), unit="commit") as track:
        for commit, patches in read_patches(git, chosen, code_globs()):
            track.advance(1)
            is_before = commit.sha in split.before
            reason = (
                _reverted(commit, reverted_before if is_before else reverted_after)
                or _date_reason(commit, split, is_before)
                or _patch_reason(patches, settings)
                or (miner.edits(commit, patches) if is_before else miner.additions(commit, patches))
            )
            if reason is not None:
                books.reject(commit.sha, reason)
            else:
                books.counts["commits_kept"] += 1


class _Miner:
    """Both ways to learn from a commit; each gives the reason when it found nothing."""

    def __init__(self, blobs: Blobs, settings: MineSettings, books: Books) -> None:
        self.blobs = blobs
        self.settings = settings
        self.books = books
        self.seen_runs: set[str] = set()
        self.seen_edits: set[tuple[str, str]] = set()

    def edits(self, commit: Commit, patches: list[Patch]) -> str | None:
        """Write the edit pairs of a commit."""
        message = pairs.normalised_message(commit.message)
        if message is None:
            return "poor_message"
        asked = redact(message)
        self.books.count_redactions(asked.counts)
        kept = 0
        for patch, language in self._files(commit, patches):
            if reason := self._blob_reason(patch, language):
                self._reject(commit, patch, reason)
                continue
            for hunk in patch.hunks:
                kept += self._edit(commit, patch, language, hunk, asked.text)
        return None if kept else "no_usable_edit"

    def additions(self, commit: Commit, patches: list[Patch]) -> str | None:
        """Write the additions of a commit."""
        removed = removed_lines(patches)
        kept = 0
        for patch, language in self._files(commit, patches):
            data, size = self.blobs.read(patch.change.new_sha or "", self.settings.max_file_bytes)
            read = read_text(data, size, language, self.settings.max_file_bytes)
            if reason := read.reason or parse_reason(read.text.encode(), language):
                self._reject(commit, patch, reason)
                continue
            self.books.count_redactions(read.redactions)
            limit = self.settings.max_context_chars
            for found in additions(commit, patch, language, read.text, removed, self.seen_runs, limit):
                if isinstance(found, Addition):
                    kept += self.books.keep_addition(found)
                else:
                    self._reject(commit, patch, found)
        return None if kept else "no_usable_addition"

    def _files(self, commit: Commit, patches: list[Patch]) -> Iterator[tuple[Patch, Language]]:
        """Yield the changed files that still exist after the commit and pass the gates on paths."""
        for patch in patches:
            change = patch.change
            language = language_of(change.path)
            if change.new_sha is None or not patch.hunks or language is None:
                continue
            if reason := gates.path_reason(change.path, change.mode, self.settings):
                self._reject(commit, patch, reason)
            else:
                yield patch, language

    def _blob_reason(self, patch: Patch, language: Language) -> str | None:
        """Gate both sides of an edit: a part of a private key in a region would not be recognised as one."""
        for sha in (patch.change.old_sha, patch.change.new_sha):
            if sha is not None:
                data, size = self.blobs.read(sha, self.settings.max_file_bytes)
                if reason := gates.content_reason(data, size, language, self.settings.max_file_bytes):
                    return reason
        return None

    def _edit(self, commit: Commit, patch: Patch, language: Language, hunk: Hunk, message: str) -> bool:
        try:
            old, new = redact(_text(hunk.old())), redact(_text(hunk.new()))
        except UnicodeDecodeError:
            self._reject(commit, patch, "not_utf8")
            return False
        reason = pairs.edit_reason(old.text, new.text, self.settings.max_edit_lines)
        if reason is None and patch.change.old_sha is None:
            reason = "whole_file_edit"
        if reason is None and (old.text, new.text) in self.seen_edits:
            reason = "duplicate_edit"  # a cherry-pick, or a rebased branch that was merged as well
        if reason is not None:
            self._reject(commit, patch, reason)
            return False
        self.seen_edits.add((old.text, new.text))
        self.books.count_redactions(old.counts)
        self.books.count_redactions(new.counts)
        source = pairs.Source(patch.change.path, language, new.text, commit.sha, commit.committed_at)
        return self.books.keep_pair(pairs.edit_pair(source, message, old.text, new.text))

    def _reject(self, commit: Commit, patch: Patch, reason: str) -> None:
        self.books.reject(f"{commit.sha}:{patch.change.path}", reason)


def _text(lines: list[bytes]) -> str:
    return decode(b"".join(line + b"\n" for line in lines))


def _reverted(commit: Commit, reverted: set[str]) -> str | None:
    return "reverted" if any(commit.sha.startswith(sha) for sha in reverted) else None


def _date_reason(commit: Commit, split: Split, is_before: bool) -> str | None:
    """Compare a commit's date with the cut's: a clock that runs wrong must not bring the future into training."""
    if is_before:
        return "date_after_cut" if commit.committed_at > split.cut.committed_at else None
    return "date_before_cut" if commit.committed_at <= split.cut.committed_at else None


def _patch_reason(patches: list[Patch], settings: MineSettings) -> str | None:
    hunks = [hunk for patch in patches for hunk in patch.hunks]
    if not hunks:
        return "no_text_change"  # renames, modes, binary files
    if sum(len(hunk.added()) + len(hunk.removed()) for hunk in hunks) > settings.max_commit_lines:
        return "too_many_lines"
    return "format_only" if gates.format_only((hunk.removed(), hunk.added()) for hunk in hunks) else None
