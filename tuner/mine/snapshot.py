"""Mine the files of the cut commit: what each teaches by itself, and what it teaches beside the others.

In: the tree of the cut. Out: file, infilling, body and question pairs in the books; every file that gave none, with
its reason. Files are read in worker processes; what is found is kept in the memo, so that the text of any file can be
had again without holding it. Pairs are written in the order of the tree.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import pickle
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner.mine.books import Books, Provenance
from tuner.mine.commit_facts import draft_from_plain, draft_to_plain, is_telling, line_hash
from tuner.mine.drafts import Surroundings
from tuner.mine.draw import drawn_paths
from tuner.mine.file_facts import Blob, FileMiner, healthy_tree, source_file
from tuner.mine.gates.attributes import Attributes
from tuner.mine.gates.licences import Owners, is_licence_file, licence_folders, licence_reason, names_owners
from tuner.mine.gates.paths import path_reason
from tuner.mine.history import SUBMODULE, SYMLINK
from tuner.mine.kinds import REPOSITORY_KINDS
from tuner.mine.languages import Language, language_named, language_of
from tuner.mine.memo import Memo, is_whole, remembered
from tuner.mine.plumbing import Blobs, Git
from tuner.mine.symbol_index import SymbolIndex
from tuner.mine.symbols import FileSymbols
from tuner.mine.workers import Workers
from tuner.progress import Progress
from tuner.recipe import MineSettings
from tuner.records import Repo, content_id

FILES_PER_BATCH, FEW_FILES = 8, 96
MOST_REMEMBERED = 256
MAX_TEXT_BYTES = 1 << 20


class Snapshot:
    """The files of one repository's cut. `origin` gives a path's provenance."""

    def __init__(
        self, repo: Repo, commit: str, settings: MineSettings, seed: int, memo: Memo, books: Books, scratch: Path
    ) -> None:
        self.repo, self.commit, self.settings, self.seed = repo, commit, settings, seed
        self.memo, self.books, self.scratch = memo, books, scratch
        self.kept: dict[str, Blob] = {}
        self.lines = functools.lru_cache(MOST_REMEMBERED)(self._lines)

    def read(self, names: Iterable[str], workers: Workers, progress: Progress) -> None:
        """Read every file that passes the gates on paths, and decide which are kept; `names` are the authors."""
        git = Git(self.repo.path)
        blobs = list(_tree(git, self.commit))
        jobs, copies = _apart(self._jobs(git, blobs))
        self.books.counts["files_seen"] += len(blobs)
        heads: dict[str, str] = {}
        whole: dict[str, str] = {}
        reasons: dict[str, str] = {}
        with progress.track(f"reading files of {self.repo.name}", total=len(jobs), unit="file") as track:
            for blob, plain in self._facts(jobs, workers):
                track.advance(1)
                reason = plain["reason"]
                if reason is None and whole.setdefault(content_id(plain["text"]), blob.path) != blob.path:
                    reason = "duplicate_file"
                reasons[blob.path] = reason or "duplicate_file"
                if reason is not None:
                    self._reject(blob.path, reason)
                    continue
                self.kept[blob.path] = blob
                heads[blob.path] = plain["head"]
                self.books.count_redactions(plain["redactions"])
        for path, first in copies:
            self._reject(path, reasons[first])
        texts = self._texts(git, [each for each in blobs if is_licence_file(each.path) or names_owners(each.path)])
        of_owners = [text for path, text in texts.items() if names_owners(path)]
        owners = Owners.from_repository(of_owners, heads.values(), [*names, self.repo.name])
        folders = licence_folders({path: text for path, text in texts.items() if is_licence_file(path)}, owners)
        for path, head in heads.items():
            if reason := licence_reason(path, head, owners, folders, self.settings):
                del self.kept[path]
                self._reject(path, reason)
        self.books.counts["files_kept"] += len(self.kept)
        indexing = Indexing(self.repo.name, str(self.memo.path), self.memo.scope, str(self.scratch))
        self._indexed = workers.begin(indexing, {path: blob.key for path, blob in self.kept.items()})

    def write(self, origin: Callable[[str], Provenance], workers: Workers, progress: Progress) -> None:
        """Write the pairs of every kept file."""
        with progress.track(f"mining files of {self.repo.name}", total=len(self.kept), unit="file") as track:
            for path, plain in zip(self.kept, self.memo.stream([each.key for each in self.kept.values()]), strict=True):
                for draft in map(draft_from_plain, plain["drafts"]):
                    self.books.keep(draft, origin(path))
                track.advance(1)
        memo, place = self.memo, self._indexed()
        miner = RepositoryMiner(self.repo.name, place, str(memo.path), memo.scope, self.settings, self.seed)
        drawn = drawn_paths(
            {path: origin(path).weight for path in self.kept}, self.settings.repository_files, self.seed
        )
        beside = [path for path in self.kept if path in drawn]
        self.books.counts["files_alone"] += len(self.kept) - len(beside)
        with progress.track(f"mining names of {self.repo.name}", total=len(beside), unit="file") as track:
            for path, drafts in zip(beside, workers.map(miner, beside, FILES_PER_BATCH, few=FEW_FILES), strict=True):
                for draft in map(draft_from_plain, drafts):
                    self.books.keep(draft, origin(path))
                track.advance(1)

    def _facts(self, jobs: list[Blob], workers: Workers) -> Iterator[tuple[Blob, dict[str, Any]]]:
        miner = FileMiner(self.repo.path, self.settings, self.seed)
        there = self.memo.among(blob.key for blob in jobs)
        self.books.counts["files_remembered"] += len(there)
        return remembered(
            self.memo, workers, miner, jobs, lambda blob: blob.key, there,
            size=FILES_PER_BATCH, few=FEW_FILES, lasts=is_whole,
        )  # fmt: skip

    def _jobs(self, git: Git, blobs: list[Blob]) -> Iterator[Blob]:
        """Yield the files that pass the gates on paths, attributes and folders of others' code."""
        marks = self._read(git, [each for each in blobs if each.path.split("/")[-1] == ".gitattributes"])
        attributes = Attributes((path.removesuffix(".gitattributes"), data) for path, data in marks.items())
        for blob in blobs:
            reason = attributes.judge(blob.path, path_reason(blob.path, blob.mode, self.settings))
            if reason is None:
                yield blob
            else:
                self._reject(blob.path, reason)

    def _texts(self, git: Git, blobs: list[Blob]) -> dict[str, str]:
        return {path: data.decode("utf-8", "replace") for path, data in self._read(git, blobs).items()}

    def _read(self, git: Git, blobs: list[Blob]) -> dict[str, bytes]:
        with Blobs(git) as reader:
            files = (blob for blob in blobs if blob.mode not in (SYMLINK, SUBMODULE))
            read = {blob.path: reader.read(blob.sha, MAX_TEXT_BYTES)[0] for blob in files}
        return {path: data for path, data in read.items() if data is not None}

    def _lines(self, path: str) -> frozenset[int] | None:
        """Give the telling lines of a kept file, hashed."""
        if path not in self.kept:
            return None
        text = self.text(path) or ""
        return frozenset(line_hash(line) for line in text.encode().split(b"\n") if is_telling(line))

    def text(self, path: str) -> str | None:
        """Give the text of a kept file."""
        key = self.kept[path].key if path in self.kept else None
        return self.memo.get([key])[key]["text"] if key is not None else None

    def _reject(self, path: str, reason: str) -> None:
        self.books.reject(path, reason)


@dataclass(frozen=True, slots=True)
class Indexing:
    """Write the index over all kept files; goes to a worker, which has it ready when the commits are mined."""

    repo: str
    memo: str
    scope: str
    scratch: str

    def __call__(self, keys: dict[str, str]) -> str:
        index = SymbolIndex(self.repo)
        with contextlib.closing(Memo.of_scope(Path(self.memo), self.scope)) as facts:
            for path, plain in zip(keys, facts.stream(list(keys.values())), strict=True):
                symbols = plain["symbols"]  # also a file without names has text to be found
                index.add(path, FileSymbols.from_plain(symbols) if symbols else FileSymbols())
            index.chunks(lambda path: facts.get([keys[path]])[keys[path]]["text"])
        data = pickle.dumps((index, keys))
        place = Path(self.scratch) / f"{hashlib.sha256(data).hexdigest()[:16]}.index"  # `_opened` goes by the name
        place.write_bytes(data)
        return str(place)


@dataclass(frozen=True, slots=True)
class RepositoryMiner:
    """Draft what a batch of files teaches beside the others; goes to a worker, which reads the index from `place`."""

    repo: str
    place: str
    memo: str
    scope: str
    settings: MineSettings
    seed: int

    def __call__(self, paths: list[str]) -> list[list[list[Any]]]:
        index, read = _opened(self.place, self.memo, self.scope)
        around = Surroundings(self.repo, index, lambda path: (read(path) or (None,))[0])
        found = []
        for path in paths:
            known = read(path)
            assert known is not None, f"{path} was kept"
            text, language = known[0], language_named(known[1])
            tree, _ = healthy_tree(text.encode(), language)
            file = source_file(path, language, text, tree, self.seed, self.settings)
            drafts = (draft for kind in REPOSITORY_KINDS.values() for draft in kind(file, around))
            found.append([draft_to_plain(draft) for draft in drafts])
        return found


@functools.lru_cache(maxsize=2)
def _opened(place: str, memo: str, scope: str) -> tuple[SymbolIndex, Callable[[str], tuple[str, str] | None]]:
    """Load the index that `Snapshot.write` left for the workers, our own file; also give texts with their languages."""
    index, keys = pickle.loads(Path(place).read_bytes())
    facts = Memo.of_scope(Path(memo), scope)

    @functools.lru_cache(MOST_REMEMBERED)
    def read(path: str) -> tuple[str, str] | None:
        if path not in keys:
            return None
        found = facts.get([keys[path]])[keys[path]]
        return found["text"], found["language"]

    return index, read


def _apart(blobs: Iterable[Blob]) -> tuple[list[Blob], list[tuple[str, str]]]:
    """Tell the first file of each content and language from the others; those with the path of their first."""
    firsts: dict[tuple[str, Language | None], Blob] = {}
    copies = []
    for blob in blobs:
        first = firsts.setdefault((blob.sha, language_of(blob.path)), blob)
        if first is not blob:
            copies.append((blob.path, first.path))
    return list(firsts.values()), copies


def _tree(git: Git, commit: str) -> Iterator[Blob]:
    for line in git.run("ls-tree", "-r", "-z", "--full-tree", commit).split(b"\0"):
        if line:
            header, path = line.split(b"\t", 1)
            mode, _, sha = header.decode().split()
            yield Blob(mode, sha, path.decode("utf-8", "surrogateescape"))
