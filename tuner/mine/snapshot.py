"""Mine the files of one commit: whole files, holes in them, and documented functions.

In: the tree of the cut commit. Out: file, infilling and body pairs in the books; every file that gave none, with its
reason. Files are worked on in parallel where there are many, and written in the order of the tree.
"""

from __future__ import annotations

import itertools
import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from tuner.mine import gates, pairs, syntax
from tuner.mine.books import Books
from tuner.mine.languages import Language, language_of
from tuner.mine.plumbing import Blobs, Git
from tuner.mine.sources import read_text
from tuner.progress import Progress
from tuner.recipe import MineSettings
from tuner.records import Cut, Pair

MAX_SYNTAX_ERRORS = 0.05
MAX_WORKERS = 8
MIN_FILES_FOR_WORKERS, FILES_PER_BATCH, FILES_PER_TASK = 400, 256, 16
MAX_ATTRIBUTES_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Job:
    """One file to mine, or one that is already known to be dropped."""

    path: str
    reason: str | None = None
    language: Language | None = None
    data: bytes | None = None
    size: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a file gave."""

    path: str
    reason: str | None
    pairs: list[Pair] = field(default_factory=list)
    redactions: dict[str, int] = field(default_factory=dict)


def mine_snapshot(
    git: Git, blobs: Blobs, cut: Cut, settings: MineSettings, seed: int, books: Books, progress: Progress
) -> None:
    """Write the pairs of every file of the cut commit that passes the gates."""
    listing = git.run("ls-tree", "-r", "-z", "--full-tree", cut.commit).split(b"\0")
    entries = [_entry(line) for line in listing if line]
    attributes = Attributes(blobs, [(path, sha) for _, sha, path in entries if path.split("/")[-1] == ".gitattributes"])
    jobs = _jobs(entries, attributes, blobs, settings)
    seen: set[str] = set()
    with progress.track("mining files", total=len(entries), unit="file") as track, _mapper(len(entries)) as mapped:
        for outcome in mapped(Miner(settings, seed, cut.commit, cut.committed_at), jobs):
            track.advance(1)
            books.counts["files_seen"] += 1
            reason = outcome.reason
            if reason is None and outcome.pairs[0].response in seen:
                reason = "duplicate_file"
            if reason is not None:
                books.reject(outcome.path, reason)
                continue
            seen.add(outcome.pairs[0].response)
            books.counts["files_kept"] += 1
            books.count_redactions(outcome.redactions)
            for pair in outcome.pairs:
                books.keep_pair(pair)


@dataclass(frozen=True, slots=True)
class Miner:
    """Mine one file; runs in a worker process, so that it holds nothing but settings."""

    settings: MineSettings
    seed: int
    commit: str
    committed_at: int

    def __call__(self, job: Job) -> Outcome:
        if job.reason is not None or job.language is None:
            return Outcome(job.path, job.reason or "not_code")
        read = read_text(job.data, job.size, job.language, self.settings.max_file_bytes)
        if read.reason is not None:
            return Outcome(job.path, read.reason)
        settings, source = (
            self.settings,
            pairs.Source(job.path, job.language, read.text, self.commit, self.committed_at),
        )
        tree = None
        if job.language.grammar is not None:
            data = read.text.encode()
            tree = syntax.parse(data, job.language)
            share = syntax.error_share(tree, data, job.language)
            if share > gates.MAX_ERROR_SHARE:
                return Outcome(job.path, "parse_errors")
            if share > MAX_SYNTAX_ERRORS:  # macros and templates: its lines still are code
                tree = None
        whole = pairs.file_pair(source)
        if not whole.response.strip():
            return Outcome(job.path, "licence_only")
        made = [whole]
        made += pairs.infilling_pairs(source, tree, self.seed, settings.infilling_per_file, settings.max_context_chars)
        if tree is not None:
            made += pairs.body_pairs(source, tree, self.seed, settings.body_per_file, settings.max_context_chars)
        return Outcome(job.path, None, made, read.redactions)


class Attributes:
    """What the repository's own `.gitattributes` say of a path; deeper files and later lines win."""

    def __init__(self, blobs: Blobs, files: Iterable[tuple[str, str]]) -> None:
        self.rules: list[gates.AttributeRule] = []
        for path, sha in sorted(files, key=lambda each: (each[0].count("/"), each[0])):
            data, _ = blobs.read(sha, MAX_ATTRIBUTES_BYTES)
            if data is not None:
                folder = path.removesuffix(".gitattributes")
                self.rules += gates.attribute_rules(folder, data.decode("utf-8", "replace"))

    def reason(self, path: str) -> str | None:
        return next((reason for pattern, reason in reversed(self.rules) if pattern.search(path)), None)


def _entry(line: bytes) -> tuple[str, str, str]:
    header, path = line.split(b"\t", 1)
    mode, _, sha = header.decode().split()
    return mode, sha, path.decode("utf-8", "surrogateescape")


def _jobs(
    entries: list[tuple[str, str, str]], attributes: Attributes, blobs: Blobs, settings: MineSettings
) -> Iterator[Job]:
    for mode, sha, path in entries:
        if reason := gates.path_reason(path, mode, settings) or attributes.reason(path):
            yield Job(path, reason)
        else:
            yield Job(path, None, language_of(path), *blobs.read(sha, settings.max_file_bytes))


@contextmanager
def _mapper(files: int) -> Iterator[Callable[[Miner, Iterable[Job]], Iterable[Outcome]]]:
    """Give a `map` that keeps order: in this process for few files, in workers for many."""
    workers = min(os.cpu_count() or 1, MAX_WORKERS)
    if files < MIN_FILES_FOR_WORKERS or workers < 2:
        yield map
        return
    with multiprocessing.get_context("forkserver").Pool(workers) as pool:
        # In batches: `imap` would read the whole tree ahead of the workers, and hold it.
        yield lambda function, jobs: (
            outcome for batch in _batches(jobs) for outcome in pool.map(function, batch, FILES_PER_TASK)
        )


def _batches(jobs: Iterable[Job]) -> Iterator[list[Job]]:
    remaining = iter(jobs)
    while batch := list(itertools.islice(remaining, FILES_PER_BATCH)):
        yield batch
