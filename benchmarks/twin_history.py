"""Copy a branch's history into a new repository, with every text, path and message rewritten on the way.

In: a repository, a branch, its last commit and a `Rewriter`. Out: a new bare repository with the same commits in the
same order, by the same people at the same times; its one branch has the old name. It is one stream, `git fast-export`
into `git fast-import`: one blob at a time is in memory, nothing is checked out, nothing is run. Contents of more than
`MOST_BYTES` go through as they are. A message that names an earlier commit by its sha names the new one. Left out:
tags, notes, signatures, other branches.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import IO

from benchmarks.twin_text import Rewriter
from tuner.errors import RepoError
from tuner.mine.history import SYMLINK
from tuner.mine.plumbing import Git, safe_arguments, safe_environment

MOST_BYTES = 1 << 20
PIECE = 1 << 20
SHA_START = 7
_SHA = re.compile(rb"\b[0-9a-f]{7,40}\b")
_CHANGE = re.compile(rb"([MD])(?: (\d+) (\S+))? (.+)\n", re.DOTALL)
_ESCAPED = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_SIGNS = {b"n": b"\n", b"t": b"\t", b"r": b"\r", b"a": b"\a", b"b": b"\b", b"f": b"\f", b"v": b"\v"}


class TwinError(RepoError):
    """The twin cannot be made the same but for its names."""


@dataclass(slots=True)
class Copied:
    """How much was copied."""

    commits: int = 0
    blobs: int = 0
    blobs_as_they_are: int = 0
    shas_in_messages: int = 0


def copy_history(git: Git, branch: str, head: str, out: Path, rewriter: Rewriter) -> Copied:
    """Make the new repository; nothing is left in `out` where that fails."""
    paths = paths_of(git, head)
    check_paths({path for path, _ in paths.values()} | all_paths(git, head), rewriter)
    if out.exists():
        raise TwinError(
            f"{out} is there already; a folder that is not there was wanted", "remove it, or name another with --out"
        )
    subprocess.run(
        ["git", *safe_arguments(), "init", "-q", "--bare", "--template=", f"--initial-branch={branch}", str(out)],
        check=True,
        env=safe_environment(),
    )
    try:
        with Importer(out) as importer, git.stream(*_export(branch)) as stream:
            copied = _Copy(stream, importer, rewriter, paths).run()
        if git.run("rev-parse", f"refs/heads/{branch}", "--").split()[0].decode() != head:
            raise TwinError(f"{git.path}: {branch} moved on while it was copied", "repeat the command")
        return copied
    except BaseException:
        shutil.rmtree(out)
        raise


def paths_of(git: Git, head: str) -> dict[str, tuple[str, bool]]:
    """Give for every blob of a history the path under which it first stood, and whether it is a link's target."""
    found: dict[str, tuple[str, bool]] = {}
    for mode, sha, path in _changed(git, head):
        found[sha] = (path, mode == SYMLINK)
    return found


def all_paths(git: Git, head: str) -> set[str]:
    """Give every path of a history."""
    return {path for _, _, path in _changed(git, head)}


def check_paths(paths: set[str], rewriter: Rewriter) -> None:
    """Stop where two paths would become one."""
    taken: dict[str, str] = {}
    for path in sorted(paths):
        new = rewriter.path(path)
        if taken.setdefault(new, path) != path:
            raise TwinError(
                f"{path} and {taken[new]} would both be called {new}; one name for each was wanted",
                "try another --seed",
            )


class Importer:
    """`git fast-import` into a repository; tells the shas of commits that it has."""

    def __init__(self, out: Path) -> None:
        self._answers_at, answers = os.pipe()
        command = [
            "git",
            "-C",
            str(out),
            *safe_arguments(),
            "--git-dir=.",
            "fast-import",
            "--quiet",
            "--done",
            "--force",
        ]
        self._process = subprocess.Popen(
            [*command, "--date-format=raw-permissive", f"--cat-blob-fd={answers}"],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=[answers],
            env=safe_environment(),
        )
        os.close(answers)
        assert self._process.stdin is not None
        self.stream: IO[bytes] = self._process.stdin

    def __enter__(self) -> Importer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._process.kill()
        try:
            said = self._process.communicate()[1].decode("utf-8", "replace").strip()
        finally:
            os.close(self._answers_at)
        if kind is None and self._process.returncode:
            raise TwinError(f"git fast-import failed: {said.splitlines()[0]}", "look at the repository with `git fsck`")

    def sha_of(self, mark: bytes) -> bytes:
        """Ask for the new sha of a commit."""
        self.stream.write(b"get-mark :" + mark + b"\n")
        self.stream.flush()
        answer = b""
        while not answer.endswith(b"\n"):
            answer += os.read(self._answers_at, 64)
        return answer.strip()


class _Copy:
    """Goes through the stream once."""

    def __init__(
        self, stream: BufferedReader, importer: Importer, rewriter: Rewriter, paths: dict[str, tuple[str, bool]]
    ) -> None:
        self._in, self._importer, self._rewriter, self._paths = stream, importer, rewriter, paths
        self._out = importer.stream
        self._marks: dict[bytes, list[tuple[bytes, bytes]]] = defaultdict(list)
        self._copied = Copied()

    def run(self) -> Copied:
        kind = mark = original = b""
        for line in self._lines():
            word = line.split(b" ", 1)[0].rstrip()
            if word in (b"blob", b"commit"):
                kind = word
                self._copied.commits += kind == b"commit"
                header = [line]
                continue
            if word == b"mark":
                mark = line[len(b"mark :") :].strip()
            if word == b"original-oid":
                original = line.split()[1]
            elif word in (b"mark", b"author", b"committer", b"encoding"):
                header.append(line)
            elif word == b"data" and kind == b"blob":
                self._blob(b"".join(header), original.decode(), int(line.split()[1]))
            elif word == b"data":
                self._message(header, self._in.read(int(line.split()[1])))
                self._marks[original[:SHA_START]].append((original, mark))
                kind = b""
            elif change := _CHANGE.fullmatch(line):
                self._change(*change.groups())
            else:
                self._out.write(line)
        return self._copied

    def _lines(self) -> Iterator[bytes]:
        while line := self._in.readline():
            yield line

    def _blob(self, header: bytes, sha: str, size: int) -> None:
        self._copied.blobs += 1
        if size > MOST_BYTES:
            self._copied.blobs_as_they_are += 1
            self._out.write(b"%sdata %d\n" % (header, size))
            while size:
                piece = self._in.read(min(PIECE, size))
                self._out.write(piece)
                size -= len(piece)
            return
        data = self._in.read(size)
        path, is_link = self._paths.get(sha, ("", False))
        if is_link:
            new = self._rewriter.path(data.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        else:
            new = self._rewriter.blob(data, path)
        if new.count(b"\n") != data.count(b"\n"):
            raise TwinError(
                f"{path} of blob {sha} has other lines after renaming", "report the file; the rewriter is at fault"
            )
        self._out.write(b"%sdata %d\n%s" % (header, len(new), new))

    def _message(self, header: list[bytes], message: bytes) -> None:
        has_encoding = any(line.startswith(b"encoding ") for line in header)
        text = message.decode("latin-1" if has_encoding else "utf-8", "surrogateescape")
        new = self._rewriter.prose(text).encode("latin-1" if has_encoding else "utf-8", "surrogateescape")
        new = _SHA.sub(lambda found: self._new_sha(found[0]), new)
        self._out.write(b"%sdata %d\n%s" % (b"".join(header), len(new), new))

    def _new_sha(self, old: bytes) -> bytes:
        fitting = [mark for sha, mark in self._marks.get(old[:SHA_START], ()) if sha.startswith(old)]
        if len(fitting) != 1:
            return old
        self._copied.shas_in_messages += 1
        return self._importer.sha_of(fitting[0])[: len(old)]

    def _change(self, kind: bytes, mode: bytes | None, place: bytes | None, path: bytes) -> None:
        new = _quote(
            self._rewriter.path(_unquote(path).decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")
        )
        self._out.write(b"D %s\n" % new if mode is None else b"%s %s %s %s\n" % (kind, mode, place, new))


def _export(branch: str) -> list[str]:
    return [
        *(
            "fast-export",
            "-O/dev/null",
            "--show-original-ids",
            "--signed-tags=strip",
            "--reencode=no",
            "--use-done-feature",
        ),
        f"heads/{branch}",  # git would take refs/heads/... for a path too, since it runs inside the git directory
    ]


def _changed(git: Git, head: str) -> Iterator[tuple[str, str, str]]:
    """Yield mode, blob and path of what each commit put in place, newest first."""
    arguments = (
        "log",
        "-O/dev/null",
        "--raw",
        "-z",
        "-m",
        "--no-renames",
        "--no-abbrev",
        "--format=",
        head,
        "--",
    )
    with git.stream(*arguments) as stream:
        rest = b""
        about = None
        while piece := stream.read(PIECE):
            *fields, rest = (rest + piece).split(b"\0")
            for each in fields:
                if about is None:
                    about = each.split()
                    continue
                path = each.decode("utf-8", "surrogateescape")
                yield about[1].decode(), about[3].decode(), path
                about = None


def _unquote(path: bytes) -> bytes:
    if not path.startswith(b'"'):
        return path
    return _ESCAPED.sub(lambda found: _SIGNS.get(found[1]) or _one(found[1]), path[1:-1])


def _one(sign: bytes) -> bytes:
    return bytes([int(sign, 8)]) if len(sign) == 3 else sign


def _quote(path: bytes) -> bytes:
    if not re.search(rb'["\\\n]', path) and not path.startswith(b" "):
        return path
    return b'"' + path.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'
