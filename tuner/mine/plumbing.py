"""Run git's plumbing on a repository that is not trusted.

In: a folder and the arguments of one git command. Out: its bytes, whole or streamed; blobs by sha.

A repository's own configuration can name programs that git would start (hooks, fsmonitor, external diffs, text
converters, pagers, transports). Every command here switches them off, so that reading a repository runs none of its
code. Nothing is checked out, and nothing is fetched while reading.
"""

from __future__ import annotations

import copy
import os
import select
import subprocess
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from itertools import chain, islice
from pathlib import Path

from tuner.errors import RepoError

# The first two keep programs from running. The others keep a configuration from changing what git prints, and git from
# holding or comparing what is far too large to be code.
SAFE_SETTINGS = (
    *("core.hooksPath=/dev/null", "core.fsmonitor=false", "core.quotePath=false", "core.attributesFile=/dev/null"),
    *("core.bigFileThreshold=16m", "diff.orderFile=", "diff.suppressBlankEmpty=false", "diff.indentHeuristic=true"),
    *("diff.relative=false", "diff.ignoreSubmodules=none", "log.showRoot=true"),
)
# Variables that a surrounding git command (a hook, a rebase) sets and that would redirect ours to its repository.
INHERITED = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_COMMON_DIR",
    "GIT_CEILING_DIRECTORIES",
    "GIT_EXTERNAL_DIFF",
    "GIT_DIFF_OPTS",
    "GIT_CONFIG",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_COUNT",
    "GIT_IMPLICIT_WORK_TREE",
    "GIT_REPLACE_REF_BASE",
    "GIT_SHALLOW_FILE",
    "GIT_ATTR_SOURCE",
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
)
NO_INDEX = os.path.join(os.sep, "nonexistent", "index")
READ_PIECE = 1 << 20
HUGE = 1 << 25  # bytes that take longer to skip than a new git takes to start
DELTA_CACHE = "core.deltaBaseCacheLimit=24m"  # a quarter of git's own, for each process; less would take longer
REQUESTS = select.PIPE_BUF // 65  # blobs that are asked for at once: so many lines of 64 digits are written whole


def safe_environment(*, network: bool = False) -> dict[str, str]:
    """Give the environment of a git command; only `network` commands may use a transport."""
    environment = {name: value for name, value in os.environ.items() if name not in INHERITED}
    environment.update(
        GIT_TERMINAL_PROMPT="0", GIT_OPTIONAL_LOCKS="0", GIT_NO_REPLACE_OBJECTS="1", GIT_PAGER="cat", LC_ALL="C",
        GIT_GRAFT_FILE=os.devnull,
    )  # fmt: skip
    if network:  # system settings stay, since firms set proxies and certificates there
        environment["GIT_ALLOW_PROTOCOL"] = "file:git:http:https:ssh"
    else:  # a partial clone would fetch a missing blob by a program that its own configuration names
        environment.update(GIT_ALLOW_PROTOCOL="none", GIT_NO_LAZY_FETCH="1", GIT_CONFIG_NOSYSTEM="1")
    return environment


def safe_arguments() -> list[str]:
    """Give the options that come before any git sub-command."""
    return ["--no-pager", *(part for setting in SAFE_SETTINGS for part in ("-c", setting))]


class Git:
    """One repository's plumbing commands. Construct it only after `open_repository` has accepted the folder."""

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        # From inside the git directory and without an index: the work tree's attributes, mail map and changed files say
        # nothing about a commit.
        place = str(_git_folder(Path(path)))
        self.command = ["git", "-C", place, *safe_arguments(), "-c", DELTA_CACHE, "--git-dir=.", "--work-tree=."]
        self.environment = safe_environment()
        # The user's own settings may change what plumbing prints (mail maps, colours, rename limits).
        self.environment.update(GIT_CONFIG_GLOBAL=os.devnull, GIT_INDEX_FILE=NO_INDEX)

    def configured(self, *settings: str) -> Git:
        """Give the same repository with more settings."""
        other = copy.copy(self)
        other.command = [*self.command, *(part for setting in settings for part in ("-c", setting))]
        return other

    def run(self, *arguments: str) -> bytes:
        """Run a command and give what it printed."""
        done = subprocess.run([*self.command, *arguments], capture_output=True, env=self.environment, check=False)
        if done.returncode != 0:
            raise self._error(arguments[0], done.stderr)
        return done.stdout

    @contextmanager
    def stream(self, *arguments: str, lines_in: Iterable[str] = ()) -> Iterator[BufferedReader]:
        """Run a command and give its output while it comes; `lines_in` go to its standard input through a file."""
        # Files for input and errors: pipes on all sides would block once two of them are full.
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as complaints:
            given.writelines(f"{line}\n".encode() for line in lines_in)
            given.seek(0)
            process = subprocess.Popen(
                [*self.command, *arguments],
                stdin=given,
                stdout=subprocess.PIPE,
                stderr=complaints,
                env=self.environment,
                bufsize=READ_PIECE,
            )
            assert isinstance(process.stdout, BufferedReader)
            finished = False
            try:
                yield process.stdout
                finished = not process.stdout.read(1)
            finally:
                process.stdout.close()
                if not finished:  # the reader stopped early
                    process.kill()
                code = process.wait()
            if finished and code != 0:
                complaints.seek(0)
                raise self._error(arguments[0], complaints.read())

    def _error(self, command: str, stderr: bytes) -> RepoError:
        said = last_line(stderr.decode("utf-8", "replace"))
        return RepoError(f"{self.path}: git {command} failed: {said}", f"`git -C {self.path} fsck` looks for damage")


class Blobs:
    """Read blobs through one git process. Use as a context manager."""

    def __init__(self, git: Git) -> None:
        self.git = git
        self._asked: deque[str] = deque()  # sent to git, and not read yet

    def __enter__(self) -> Blobs:
        self._start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop()

    def read(self, sha: str, max_bytes: int) -> tuple[bytes | None, int]:
        """Give a blob's bytes and size. The bytes are None when it is larger; the size is -1 when it is unreadable."""
        ((_, data, size),) = self.read_many([sha], max_bytes)
        return data, size

    def read_many(self, shas: Iterable[str], max_bytes: int) -> Iterator[tuple[str, bytes | None, int]]:
        """Yield each sha with what `read` gives, in the order given; no other reading may begin before the last.

        Git reads ahead while we work. No request waits for room in its pipe: git may be waiting for us to read its
        answers, and then neither would go on.
        """
        assert not self._asked, "what was asked for earlier is not read yet"
        remaining = iter(shas)
        following = list(islice(remaining, REQUESTS))
        try:
            while following or self._asked:
                if following and len(self._asked) <= REQUESTS // 2 and self._ask(following):
                    following = list(islice(remaining, REQUESTS))
                sha = self._asked[0]
                answer = self._answer(max_bytes)
                # Git ends at an object that is damaged, and is ended at one that is huge; another goes on behind it.
                if answer is None or answer[1] >= HUGE:
                    remaining = chain(list(self._asked), following, remaining)
                    following = list(islice(remaining, REQUESTS))
                    self._stop()
                    self._start()
                yield sha, *(answer or (None, -1))
        finally:
            if self._asked:  # the reader stopped early: answers that are under way must not meet the next reading
                self._stop()
                self._start()

    def _ask(self, shas: list[str]) -> bool:
        """Send requests: all or, where the pipe is full, none, as POSIX promises for writes of up to PIPE_BUF."""
        assert self.process.stdin is not None
        request = "".join(f"{sha}\n" for sha in shas).encode()
        assert len(request) <= select.PIPE_BUF
        try:
            os.write(self.process.stdin.fileno(), request)
        except BlockingIOError:
            return False
        except BrokenPipeError:
            pass  # git has ended; its missing answer says so
        self._asked.extend(shas)
        return True

    def _answer(self, max_bytes: int) -> tuple[bytes | None, int] | None:
        """Read git's next answer; None where it ended instead."""
        assert self.process.stdout is not None
        self._asked.popleft()
        line = self.process.stdout.readline()
        header = line.split()
        if len(header) != 3 or not header[2].isdigit():
            return (None, -1) if line else None
        size = int(header[2])
        if header[1] == b"blob" and size <= max_bytes and size < HUGE:
            data, end = self.process.stdout.read(size), self.process.stdout.read(1)
            return (data, size) if end else None
        if size < HUGE and not self._skip(size + 1):
            return None
        return None, size if header[1] == b"blob" else -1

    def _skip(self, size: int) -> bool:
        assert self.process.stdout is not None
        while size > 0:
            piece = self.process.stdout.read(min(size, READ_PIECE))
            if not piece:
                return False
            size -= len(piece)
        return True

    def _start(self) -> None:
        self.process = subprocess.Popen(
            [*self.git.command, "cat-file", "--batch"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self.git.environment,
            bufsize=READ_PIECE,
        )
        assert self.process.stdin is not None
        os.set_blocking(self.process.stdin.fileno(), False)

    def _stop(self) -> None:
        self._asked.clear()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()
        self.process.wait()


def huge_blobs(git: Git, shas: Iterable[str]) -> set[str]:
    """Tell which blobs are so large that no git command should be asked to look into them."""
    with git.stream("cat-file", "--batch-check=%(objectname) %(objectsize)", lines_in=shas) as stream:
        answers = [line.split() for line in stream]  # a missing object has a word for its size
    return {sha.decode() for sha, size in answers if size.isdigit() and int(size) >= HUGE}


def _git_folder(path: Path) -> Path:
    """Find the git directory of a work tree, which may be a linked one or a submodule's; else it is `path` itself."""
    inner = path / ".git"
    if inner.is_file():
        return path / os.fsdecode(inner.read_bytes().removeprefix(b"gitdir:").strip())
    return inner if inner.is_dir() else path


def last_line(text: str) -> str:
    """Give git's own last complaint, or else its last line, for quoting in a message."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    lines = [line for line in lines if line.startswith(("fatal:", "error:", "ERROR:"))] or lines
    return lines[-1] if lines else "no reason given"
