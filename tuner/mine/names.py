"""Note what names a repository knew at the cut, and which came and went with each commit after it.

In: the trees of the cut and of HEAD, the commits after the cut, what the commits before it defined and removed. Out:
one `RepoNames`. Read is every code file up to 1 MiB, also what teaches nothing (vendored, generated, huge commits): a
name that stands anywhere is not invented. Dropped: comments and prose in strings, and words that look like a secret or
name a person. Beyond `MOST_BYTES` of code the rest is not read, and the record says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from tuner.dependencies import declared, is_manifest
from tuner.errors import RepoError
from tuner.identifiers import LONGEST, identifiers_of, imports_of_text, words_of_path
from tuner.mine.file_facts import Blob
from tuner.mine.history import SUBMODULE, SYMLINK, Commit, read_patches
from tuner.mine.languages import language_of
from tuner.mine.pathspecs import code_pathspecs
from tuner.mine.people import People
from tuner.mine.plumbing import Blobs, Git, huge_blobs
from tuner.mine.redact import find_secrets
from tuner.mine.scan import APART
from tuner.mine.workers import Workers
from tuner.records import Repo
from tuner.repo_names import SHA_CHARS, RepoNames
from tuner.standard_names import is_standard_import

MAX_FILE_BYTES, MOST_BYTES = 1 << 20, 1 << 28
FILES_PER_BATCH, FEW_FILES, COMMITS_PER_BATCH, FEW_COMMITS = 32, 64, 32, 32
MOST_MANIFESTS = 200


@dataclass(slots=True)
class PastDefinitions:
    """What the commits before the cut defined and took away; the newest removal of a name counts."""

    defined: set[str] = field(default_factory=set)
    removed: dict[str, str] = field(default_factory=dict)

    def note(self, sha: str, defined: Iterable[str], removed: Iterable[str]) -> None:
        """Note one commit; they come newest first."""
        self.defined.update(defined)
        for name in removed:
            self.removed.setdefault(name, sha)


@dataclass(frozen=True, slots=True)
class FileNames:
    """Read the names of a batch of blobs; goes to a worker process."""

    path: str

    def __call__(self, batch: list[tuple[str, str]]) -> list[tuple[int, list[str], list[str]]]:
        found: list[tuple[int, list[str], list[str]]] = []
        with Blobs(Git(self.path)) as blobs:
            for (_, language), (_, data, _) in zip(
                batch, blobs.read_many([sha for sha, _ in batch], MAX_FILE_BYTES), strict=True
            ):
                text = (data or b"").decode("utf-8", "replace")
                modules = (
                    each
                    for each in imports_of_text(text, language)
                    if not each.startswith(".") and not is_standard_import(each, language)
                )
                found.append((len(text), sorted(identifiers_of(text, language)), sorted(modules)))
        return found


@dataclass(frozen=True, slots=True)
class ChangedNames:
    """Read which names the lines of a batch of commits hold, added and removed; goes to a worker process."""

    path: str

    def __call__(self, batch: list[Commit]) -> list[tuple[list[str], list[str]]]:
        git = Git(self.path)
        huge = huge_blobs(git, (sha for commit in batch for sha in _blobs(commit)))
        whole = [commit for commit in batch if huge.isdisjoint(_blobs(commit))]
        found = {}
        try:
            for commit, patches in read_patches(git, whole, code_pathspecs(whole)):
                sides: tuple[set[str], set[str]] = (set(), set())
                for patch in patches:
                    language = language_of(patch.change.path)
                    for hunk in patch.hunks:
                        for names, lines in zip(sides, (hunk.added(), hunk.removed()), strict=True):
                            text = b"\n".join(lines).decode("utf-8", "replace")
                            names |= identifiers_of(text, language.name if language else "")
                found[commit.sha] = sorted(sides[0]), sorted(sides[1])
        except RepoError:
            if len(batch) > 1:
                return [each for commit in batch for each in self([commit])]  # only the damaged one is lost
        return [found.get(commit.sha, ([], [])) for commit in batch]


def names_of(
    repo: Repo,
    cut: str | None,
    after: Sequence[Commit],
    past: PastDefinitions,
    people: People,
    workers: Workers,
) -> RepoNames:
    """Collect the names of one repository; `after` are the commits after the cut, newest first."""
    git = Git(repo.path)
    at_cut = list(_code_files(git, cut)) if cut is not None else []
    at_head = list(_code_files(git, repo.revision))
    trees = _Trees(git, at_cut, at_head, workers)
    modules = {word for blob in at_cut for word in words_of_path(blob.path)}
    known = trees.cut | modules
    added: dict[str, int] = {}
    added_modules: dict[str, int] = {}
    last_removed: dict[str, int] = {}
    oldest_first = list(reversed(after))
    changes = workers.map(ChangedNames(repo.path), oldest_first, COMMITS_PER_BATCH, few=FEW_COMMITS)
    for number, (commit, (new, old)) in enumerate(zip(oldest_first, changes, strict=True), 1):
        for word in (word for each in commit.changes for word in words_of_path(each.path)):
            if word not in modules:
                added_modules.setdefault(word, number)
            if word not in known:
                added.setdefault(word, number)
        for name in new:
            if name not in known:
                added.setdefault(name, number)
        last_removed.update(dict.fromkeys(old, number))
    left = trees.head | {word for blob in at_head for word in words_of_path(blob.path)}
    gone = {name: number for name, number in last_removed.items() if name not in left}
    stale = {name: past.removed.get(name, "")[:SHA_CHARS] for name in past.defined | set(past.removed)}
    clean = Clean(people, {*known, *added, *stale, *trees.foreign_roots()})
    return RepoNames(
        repo=repo.name,
        commits=[commit.sha[:SHA_CHARS] for commit in oldest_first],
        names=sorted(clean.of(known)),
        modules=sorted(clean.of(modules)),
        added={name: added[name] for name in sorted(clean.of(added))},
        added_modules={name: added_modules[name] for name in sorted(clean.of(added_modules))},
        gone={name: gone[name] for name in sorted(clean.of(gone)) if name in known or name in added},
        stale={name: stale[name] for name in sorted(clean.of(stale)) if name not in known},
        dependencies=sorted(clean.of(declared(_manifests(git, [tree for tree in (cut, repo.revision) if tree])))),
        foreign={path: roots for path, each in sorted(trees.foreign.items()) if (roots := sorted(clean.of(each)))},
        is_whole=trees.is_whole,
    )


class _Trees:
    """The names in the trees of the cut and of HEAD; blobs that stand in both are read once."""

    def __init__(self, git: Git, at_cut: list[Blob], at_head: list[Blob], workers: Workers) -> None:
        self.cut: set[str] = set()
        self.head: set[str] = set()
        self.foreign: dict[str, list[str]] = {}
        self.is_whole = True
        places: dict[tuple[str, str], list[tuple[set[str], str]]] = {}
        for side, blobs in ((self.cut, at_cut), (self.head, at_head)):
            for blob in blobs:
                language = language_of(blob.path)
                places.setdefault((blob.sha, language.name if language else ""), []).append((side, blob.path))
        size = 0
        found = workers.map(FileNames(git.path), places, FILES_PER_BATCH, few=FEW_FILES)
        for held, (count, names, modules) in zip(places.values(), found, strict=False):
            size += count
            for side, path in held:
                side.update(names)
                if modules:
                    self.foreign[path] = modules
            if size > MOST_BYTES:
                self.is_whole = False
                break

    def foreign_roots(self) -> set[str]:
        """Give the modules of all files together."""
        return {each for modules in self.foreign.values() for each in modules}


class Clean:
    """Tell names from what looks like a secret or names a person."""

    def __init__(self, people: People, names: set[str]) -> None:
        ordered = sorted(names)
        text, starts = APART.join(ordered), []
        at = 0
        for name in ordered:
            starts.append(at)
            at += len(name) + len(APART)
        findings = iter(find_secrets(text, people))
        finding = next(findings, None)
        self._dropped = set()
        for name, start in zip(ordered, starts, strict=True):
            while finding is not None and finding.end <= start:
                finding = next(findings, None)
            if finding is not None and finding.start < start + len(name):
                self._dropped.add(name)

    def of(self, names: Iterable[str]) -> set[str]:
        """Give the names without those."""
        return {name for name in names if len(name) <= 2 * LONGEST} - self._dropped


def _code_files(git: Git, commit: str) -> Iterator[Blob]:
    for line in git.run("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
        if line:
            header, path = line.split(b"\t", 1)
            mode, _, sha = header.decode().split()
            blob = Blob(mode, sha, path.decode("utf-8", "replace"))
            language = language_of(blob.path)
            if language is not None and language.is_code and mode not in (SYMLINK, SUBMODULE):
                yield blob


def _manifests(git: Git, trees: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    with Blobs(git) as reader:
        for tree in trees:
            names = git.run("ls-tree", "-r", "-z", "--full-tree", tree).split(b"\0")
            wanted = [line for line in names if is_manifest(line.partition(b"\t")[2].decode("utf-8", "replace"))]
            for line in sorted(wanted, key=lambda line: (line.count(b"/"), line))[:MOST_MANIFESTS]:
                header, path = line.split(b"\t", 1)
                mode, _, sha = header.decode().split()
                data = reader.read(sha, MAX_FILE_BYTES)[0] if mode not in (SYMLINK, SUBMODULE) else None
                if data is not None:
                    found[f"{tree}/{path.decode('utf-8', 'replace')}"] = data.decode("utf-8", "replace")
    return found


def _blobs(commit: Commit) -> Iterator[str]:
    for change in commit.changes:
        if language_of(change.path) is not None and change.mode not in (SYMLINK, SUBMODULE):
            yield from filter(None, (change.old_sha, change.new_sha))
