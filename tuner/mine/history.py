"""Read a repository's history as a stream of commits, and the patches of chosen ones.

In: a `Git`. Out: `Commit`s newest first with their changed files; for chosen commits, `Patch`es of hunks. The dates are
max(author, committer), since author dates survive a rebase and lie. Merges carry no changes: what they bring stands in
the commits that they merge. Nothing is dropped here; the gates decide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from io import BufferedReader
from itertools import islice
from typing import IO

from tuner.mine.plumbing import Git

FIELDS = ("%x01%H", "%P", "%at", "%ct", "%aN", "%aE", "%B")
RENAME_LIMIT = "-l400"
DIFF_OPTIONS = ("-M", RENAME_LIMIT, "--no-ext-diff", "--no-textconv", "--no-color")
HUNK = re.compile(rb"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
NO_BLOB = frozenset({"0" * 40, "0" * 64})
LOG_PIECE = 1 << 16  # as much as a pipe holds: we parse while git goes on
SYMLINK, SUBMODULE = "120000", "160000"
LAST_SECOND = 253_402_300_799  # of the year 9999, where calendars end


@dataclass(frozen=True, slots=True)
class Change:
    """One file of a commit; `old_sha` is None for an added file, `new_sha` for a deleted one.

    `old_path` differs from `path` where git found a rename.
    """

    status: str
    path: str
    old_path: str
    mode: str
    old_sha: str | None
    new_sha: str | None


@dataclass(frozen=True, slots=True)
class Commit:
    """One commit. The author, as the mail map names them, serves only the gates and goes into no record."""

    sha: str
    parents: tuple[str, ...]
    committed_at: int
    author: str
    email: str
    message: str
    changes: tuple[Change, ...]

    @property
    def subject(self) -> str:
        return self.message.strip().split("\n", 1)[0].strip()


@dataclass(slots=True, eq=False)
class Hunk:
    """One changed region with its context. Line numbers count from 1; each line keeps its leading ' ', '-' or '+'.

    As in git's own headers, a side without lines starts at the line after which it stands (0 for an empty file).
    """

    old_start: int
    new_start: int
    lines: list[bytes] = field(default_factory=list)

    def old(self) -> list[bytes]:
        return [line[1:] for line in self.lines if line[:1] != b"+"]

    def new(self) -> list[bytes]:
        return [line[1:] for line in self.lines if line[:1] != b"-"]

    def added(self) -> list[bytes]:
        return [line[1:] for line in self.lines if line[:1] == b"+"]

    def removed(self) -> list[bytes]:
        return [line[1:] for line in self.lines if line[:1] == b"-"]

    def added_runs(self) -> Iterator[tuple[int, int]]:
        """Yield the runs of added lines as half-open ranges of lines of the new file, from 0."""
        number, start = self.new_start - 1, None
        for line in self.lines:
            if line[:1] == b"+":
                start = number if start is None else start
                number += 1
                continue
            if start is not None:
                yield start, number
                start = None
            number += line[:1] == b" "
        if start is not None:
            yield start, number


@dataclass(slots=True)
class Patch:
    """The hunks of one changed file; binary files have none."""

    change: Change
    hunks: list[Hunk]


def read_commits(git: Git, revision: str, max_commits: int) -> Iterator[Commit]:
    """Yield the newest commits reachable from `revision`, newest first, authors by the `.mailmap` of `revision`."""
    configured, arguments = log_of(git, revision, max_commits)
    with configured.stream(*arguments) as stream:
        tokens = _split(stream)
        header: list[str] | None = None
        changes: list[Change] = []
        for token in tokens:
            if token[:1] == "\x01":
                if header is not None:
                    yield _commit(header, changes)
                header, changes = [token[1:], *islice(tokens, len(FIELDS) - 1)], []
            elif token[:1] == ":" or token[:2] == "\n:":
                changes.append(_change(token, tokens))
        if header is not None and len(header) == len(FIELDS):  # fewer where git failed half-way, which `stream` reports
            yield _commit(header, changes)


def log_of(git: Git, revision: str, max_commits: int) -> tuple[Git, list[str]]:
    """Give the command that `read_commits` reads from, for whoever wants to know what git alone needs for it."""
    # Named as a blob, the map is the committed one, bare or not; git passes over a missing or broken one. A map that
    # the repository's own configuration names could be any file of this machine.
    configured = git.configured(f"mailmap.blob={revision}:.mailmap", "mailmap.file=")
    form = "--format=format:" + "%x00".join(FIELDS) + "%x00"
    return configured, [
        "log", "-z", "--raw", "--no-abbrev", "--no-show-signature", "--encoding=UTF-8", "-O/dev/null",
        f"--max-count={max_commits}", *DIFF_OPTIONS, form, revision, "--",
    ]  # fmt: skip


def read_patches(git: Git, commits: Iterable[Commit], globs: Iterable[str]) -> Iterator[tuple[Commit, list[Patch]]]:
    """Yield each commit with the patches of its files that match `globs`, in the order given."""
    wanted = list(commits)
    with git.stream(
        "diff-tree", "--stdin", "-r", "--root", "-p", "-U3", "--full-index", "-O/dev/null", *DIFF_OPTIONS, "--", *globs,
        lines_in=(commit.sha for commit in wanted),
    ) as stream:  # fmt: skip
        line = stream.readline()
        for commit in wanted:
            if line.strip() != commit.sha.encode():  # git leaves out commits where no path matches
                yield commit, []
                continue
            patches, line = _patches(stream, commit)
            yield commit, patches
        assert not line, f"git gave a patch that was not asked for: {line!r}"


def introduced_at(commits: dict[str, Commit], first_parents: list[str]) -> dict[str, int]:
    """Give, for each commit, the position on the first-parent line (oldest first) from which it is reachable."""
    place: dict[str, int] = {}
    for position, sha in enumerate(first_parents):
        open_ends = [sha]
        while open_ends:
            each = open_ends.pop()
            if each not in place and each in commits:
                place[each] = position
                open_ends.extend(commits[each].parents)
    return place


def first_parent_line(commits: dict[str, Commit], head: str) -> list[str]:
    """Give the branch's own commits, oldest first, as far back as they were read."""
    line = []
    while head in commits:
        line.append(head)
        parents = commits[head].parents
        if not parents:
            break
        head = parents[0]
    return line[::-1]


def _split(stream: BufferedReader) -> Iterator[str]:
    """Yield what ends in a NUL. Text is decoded by the piece; bytes that are no UTF-8 survive as surrogates."""
    rest = b""
    while piece := stream.read1(LOG_PIECE):
        whole, found, rest = (rest + piece).rpartition(b"\0")
        if found:
            yield from whole.decode("utf-8", "surrogateescape").split("\0")


def _commit(header: list[str], changes: list[Change]) -> Commit:
    sha, parents, authored, committed, author, email, message = header
    date = max(_seconds(authored), _seconds(committed))
    return Commit(sha, tuple(parents.split()), date, _text(author), _text(email), _text(message), tuple(changes))


def _text(field: str) -> str:
    """Replace what is no UTF-8; paths keep it, since git wants them back as they are."""
    return field if field.isascii() else field.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _seconds(text: str) -> int:
    seconds = int(text) if text.isdecimal() else 0  # git prints nothing for a malformed date
    return seconds if seconds <= LAST_SECOND else 0


def _change(entry: str, tokens: Iterator[str]) -> Change:
    old_mode, mode, old, new, status = entry.split(" ")
    old_path = path = next(tokens, "")
    if status[0] in "RC":
        path = next(tokens, "")
    elif status == "D":
        mode = old_mode.lstrip("\n:")
    return Change(status, path, old_path, mode, None if old in NO_BLOB else old, None if new in NO_BLOB else new)


def _patches(stream: IO[bytes], commit: Commit) -> tuple[list[Patch], bytes]:
    """Parse one commit's patches; also give the line after them. Hunk headers count lines: content cannot mislead."""
    by_shas: dict[tuple[str | None, str | None], list[Change]] = {}
    for change in reversed(commit.changes):
        by_shas.setdefault((change.old_sha, change.new_sha), []).append(change)
    patches: list[Patch] = []
    hunks: list[Hunk] = []
    while line := stream.readline():
        if line.startswith(b"diff --git "):
            hunks = []
        elif line.startswith(b"index "):
            old, new = (None if sha in NO_BLOB else sha for sha in line.split()[1].decode().split(".."))
            if candidates := by_shas.get((old, new)):
                patches.append(Patch(candidates.pop(), hunks))
        elif match := HUNK.match(line):
            old_left, new_left = int(match[2] or 1), int(match[4] or 1)
            hunk = Hunk(int(match[1]), int(match[3]))
            hunks.append(hunk)
            while old_left > 0 or new_left > 0:
                body = stream.readline()
                if not body:
                    break
                if body[:1] == b"\\":  # "\ No newline at end of file"
                    continue
                old_left -= body[:1] != b"+"
                new_left -= body[:1] != b"-"
                hunk.lines.append(body.rstrip(b"\n"))
        elif len(line) in (41, 65) and line.strip().isalnum():  # the next commit's sha; header lines hold spaces
            return patches, line
    return patches, b""
