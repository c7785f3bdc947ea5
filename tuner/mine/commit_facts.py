"""Find out what one commit teaches: drafts of pairs from before the cut, additions from after it.

In: a commit with its list of changed files. Out: `CommitFacts`, which depend on the commit, its side of the cut and the
settings alone, so that they can be found in any process and kept for the next run. Dropped, with reasons: the whole
commit (nothing textual, too many lines, format only, huge files), files that fail the gates, and what teaches nothing.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from tuner.errors import RepoError
from tuner.mine.additions import additions, removed_lines
from tuner.mine.commit_tree import CommitTree
from tuner.mine.definitions import definitions_of
from tuner.mine.drafts import ChangedFile, CommitChange, Draft, Dropped
from tuner.mine.gates.commits import format_only, patch_id
from tuner.mine.gates.paths import path_reason
from tuner.mine.history import SUBMODULE, SYMLINK, Commit, Patch, read_patches
from tuner.mine.kinds import CHANGE_KINDS
from tuner.mine.languages import Language, language_of
from tuner.mine.messages import is_fix, normalised_message
from tuner.mine.parsed import parsed
from tuner.mine.pathspecs import code_pathspecs
from tuner.mine.plumbing import Git, huge_blobs
from tuner.mine.redact import redact
from tuner.mine.search_replace import reproduces
from tuner.mine.sources import parse_reason
from tuner.mine.test_code import heads_of_tests
from tuner.mine.texts import Texts, texts_of
from tuner.recipe import MineSettings
from tuner.records import Addition, Neighbour, Span

# left_out: before the cut, and not drawn for pairs; passed_over: after it, and not drawn for additions
Side = Literal["before", "left_out", "after", "passed_over"]
MIN_LINE_CHARS = 8  # visible characters of a line that is telling enough to be followed through history


@dataclass(slots=True)
class CommitFacts:
    """What one commit gave. `touched` has, for each code file, the hashes of the telling lines it added and removed.

    `defined` and `removed` are the names that a commit before the cut defines anew, and those that it no longer does.
    """

    reason: str | None = None
    patch_id: str = ""
    is_fix: bool = False
    touched: list[tuple[str, list[int], list[int]]] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    additions: list[Addition] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)
    redactions: dict[str, int] = field(default_factory=dict)
    defined: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)

    def to_plain(self) -> dict[str, Any]:
        """Give the facts as JSON values."""
        return {
            "reason": self.reason,
            "patch_id": self.patch_id,
            "is_fix": self.is_fix,
            "touched": self.touched,
            "drafts": [draft_to_plain(draft) for draft in self.drafts],
            "additions": [addition_to_plain(each) for each in self.additions],
            "dropped": [[each.path, each.reason] for each in self.dropped],
            "redactions": self.redactions,
            "defined": self.defined,
            "removed": self.removed,
        }

    @staticmethod
    def from_plain(plain: dict[str, Any]) -> CommitFacts:
        """Build the facts that `to_plain` gave."""
        return CommitFacts(
            plain["reason"],
            plain["patch_id"],
            plain["is_fix"],
            [(path, added, removed) for path, added, removed in plain["touched"]],
            [draft_from_plain(each) for each in plain["drafts"]],
            [addition_from_plain(each) for each in plain["additions"]],
            [Dropped(path, reason) for path, reason in plain["dropped"]],
            plain["redactions"],
            plain["defined"],
            plain["removed"],
        )


ADDITION_FIELDS = tuple(name for name in Addition.__dataclass_fields__ if name != "spans")


@dataclass(frozen=True, slots=True)
class CommitMiner:
    """Find the facts of a batch of commits; goes to a worker process, so that it holds nothing but settings."""

    repo: str
    path: str
    settings: MineSettings

    def __call__(self, batch: list[tuple[Commit, Side]]) -> list[dict[str, Any]]:
        try:
            return list(self._facts(batch))
        except RepoError:
            if len(batch) == 1:
                return [CommitFacts("unreadable").to_plain()]
            return [plain for each in batch for plain in self([each])]  # only the damaged one is lost

    def _facts(self, batch: list[tuple[Commit, Side]]) -> Iterator[dict[str, Any]]:
        git, texts = Git(self.path), texts_of(self.path, self.settings.max_file_bytes, self.settings.scanner)
        # Git holds both sides of a file that it compares, also of one that it then calls binary.
        huge = huge_blobs(git, (sha for commit, _ in batch for sha in _code_blobs(commit)))
        found = {commit: CommitFacts("huge_file") for commit, _ in batch if not huge.isdisjoint(_code_blobs(commit))}
        sides = {commit: side for commit, side in batch if commit not in found}
        for commit, patches in read_patches(git, sides, code_pathspecs(sides)):
            facts = found[commit] = CommitFacts(_patch_reason(patches, self.settings), patch_id(patches))
            if sides[commit] in ("before", "left_out"):
                facts.defined, facts.removed = definitions_of(patches)
            if facts.reason is None and sides[commit] != "passed_over":
                reading = _Reading(self.repo, commit, patches, texts, self.settings, facts)
                {"before": reading.before, "left_out": reading.left_out, "after": reading.after}[sides[commit]]()
        return (found[commit].to_plain() for commit, _ in batch)


class _Reading:
    """One commit that is being read; everything found goes into `facts`."""

    def __init__(
        self, repo: str, commit: Commit, patches: list[Patch], texts: Texts, settings: MineSettings, facts: CommitFacts
    ) -> None:
        self.repo, self.commit, self.patches = repo, commit, patches
        self.texts, self.settings, self.facts = texts, settings, facts
        self.redactions: Counter[str] = Counter()

    def before(self) -> None:
        """Draft the pairs of a commit that training may see."""
        facts = self.facts
        message = normalised_message(self.commit.message)
        asked = redact(message) if message is not None else None
        facts.is_fix = is_fix(self.commit.message)
        for patch, _ in self._files():
            added = (line for hunk in patch.hunks for line in hunk.added())
            facts.touched.append((patch.change.path, _telling(added), _removed(patch)))
        if message is None and not self._may_add_tests():  # nothing is left to be learned from: no blob need be read
            facts.reason = "poor_message"
            for patch, _ in self._files(said=True):
                self._drop(patch, facts.reason)
            return
        sides = [each for patch, language in self._files(said=True) if (each := self._changed(patch, language))]
        files = [file for file, _ in sides]
        seen = {file.path for file in files}
        hidden = tuple(each.path for each in self.commit.changes if each.path not in seen)
        tree = CommitTree(self.texts, self.commit.sha, self.settings)
        change = CommitChange(asked.text if asked else None, facts.is_fix, files, self.settings, hidden, tree)
        raw = {file.path: both for file, both in sides if both is not None}
        for drafts in CHANGE_KINDS.values():
            for found in drafts(change):
                if isinstance(found, Dropped):
                    facts.dropped.append(found)
                elif found.kind == "edit" and found.path in raw and not reproduces(*raw[found.path], found.response):
                    facts.dropped.append(Dropped(found.path, "does_not_reproduce"))
                else:
                    facts.drafts.append(found)
        if asked and facts.drafts:
            self.redactions.update(asked.counts)
        facts.redactions = dict(sorted(self.redactions.items()))
        if not facts.drafts:
            facts.reason = "poor_message" if message is None else "no_usable_edit"

    def left_out(self) -> None:
        """Note what others are judged by: the lines that a fix took away. No blob is read."""
        self.facts.is_fix = is_fix(self.commit.message)
        if self.facts.is_fix:
            self.facts.touched += [(patch.change.path, [], _removed(patch)) for patch, _ in self._files()]

    def after(self) -> None:
        """Take what a commit after the cut added."""
        removed, limit = removed_lines(self.patches), self.settings.max_context_chars
        for patch, language in self._files(said=True):
            read, _ = self.texts.read(patch.change.new_sha or "", patch.change.path, language)
            is_parsed = read.reason is None and read.language.grammar is not None
            tree = parsed(read.text, read.language) if is_parsed else None
            if reason := read.reason or (parse_reason(tree) if tree is not None else None):
                self._drop(patch, reason)
                continue
            self.redactions.update(read.redactions)
            for found in additions(self.repo, self.commit, patch, read.language, read.text, tree, removed, limit):
                if isinstance(found, Addition):
                    self.facts.additions.append(found)
                else:
                    self._drop(patch, found)
        self.facts.redactions = dict(sorted(self.redactions.items()))
        if not self.facts.additions:
            self.facts.reason = "no_usable_addition"

    def _files(self, *, said: bool = False) -> Iterator[tuple[Patch, Language]]:
        """Yield the changed files that still exist after the commit and pass the gates on paths."""
        for patch in self.patches:
            change = patch.change
            language = language_of(change.path)
            if change.new_sha is None or not patch.hunks or language is None:
                continue
            reason = path_reason(change.path, change.mode, self.settings)
            if reason is None:
                yield patch, language
            elif said:
                self._drop(patch, reason)

    def _changed(self, patch: Patch, language: Language) -> tuple[ChangedFile, tuple[bytes, bytes] | None] | None:
        """Read both sides of a file, with the bytes of both where nothing was redacted."""
        change = patch.change
        before, (new, new_raw) = self.texts.read_sides(patch, language)
        old, old_raw = before or (None, b"")
        # Whether all of the file parses is not asked: it says nothing about a change, and takes longer than the rest.
        if reason := new.reason or (old.reason if old else None):
            self._drop(patch, reason)
            return None
        self.redactions.update(new.redactions)
        old_text = old.text if old else None
        file = ChangedFile(change.path, change.old_path, new.language, old_text, new.text, patch.hunks)
        is_as_it_was = old is not None and not old.redactions and not new.redactions
        return file, (old_raw, new_raw) if is_as_it_was else None

    def _may_add_tests(self) -> bool:
        return any(heads_of_tests(patch.change.path, language, patch.hunks) for patch, language in self._files())

    def _drop(self, patch: Patch, reason: str) -> None:
        self.facts.dropped.append(Dropped(patch.change.path, reason))


def addition_to_plain(addition: Addition) -> list[Any]:
    """Give an addition as JSON values."""
    own = [getattr(addition, name) for name in ADDITION_FIELDS]
    return [*own, [[each.kind, each.start, each.end] for each in addition.spans]]


def addition_from_plain(plain: list[Any]) -> Addition:
    """Build the addition that `addition_to_plain` gave."""
    own = dict(zip(ADDITION_FIELDS, plain, strict=False))  # the spans follow these
    return Addition(**own, spans=[Span(*each) for each in plain[-1]])


def draft_to_plain(draft: Draft) -> list[Any]:
    """Give a draft as JSON values."""
    beside = [[each.path, each.text] for each in draft.neighbours]
    own = (draft.kind, draft.path, draft.language, draft.response, draft.instruction, draft.context, draft.suffix)
    return [*own, beside]


def draft_from_plain(plain: list[Any]) -> Draft:
    """Build the draft that `draft_to_plain` gave."""
    kind, path, language, response, instruction, context, suffix, beside = plain
    neighbours = tuple(Neighbour(path, text) for path, text in beside)
    return Draft(kind, path, language, response, instruction, context, suffix, neighbours)


def _code_blobs(commit: Commit) -> Iterator[str]:
    for change in commit.changes:
        if language_of(change.path) is not None and change.mode not in (SYMLINK, SUBMODULE):
            yield from filter(None, (change.old_sha, change.new_sha))


def _telling(lines: Iterator[bytes]) -> list[int]:
    return sorted({line_hash(line) for line in lines if is_telling(line)})


def _removed(patch: Patch) -> list[int]:
    return _telling(line for hunk in patch.hunks for line in hunk.removed())


def is_telling(line: bytes) -> bool:
    """Tell a line that can be recognised again from one that stands everywhere."""
    return len(b"".join(line.split())) >= MIN_LINE_CHARS


def line_hash(line: bytes) -> int:
    """Hash a line without its indentation, to 52 bits, which JSON keeps exactly."""
    return int.from_bytes(hashlib.blake2b(line.strip(), digest_size=8).digest(), "big") >> 12


def _patch_reason(patches: list[Patch], settings: MineSettings) -> str | None:
    hunks = [hunk for patch in patches for hunk in patch.hunks]
    if not hunks:
        return "no_text_change"  # renames, modes, binary files
    if sum(len(hunk.added()) + len(hunk.removed()) for hunk in hunks) > settings.max_commit_lines:
        return "too_many_lines"
    return "format_only" if all(map(_is_format_only, patches)) else None


def _is_format_only(patch: Patch) -> bool:
    language = language_of(patch.change.path)
    return format_only(((hunk.old(), hunk.new()) for hunk in patch.hunks), language.name if language else "")
