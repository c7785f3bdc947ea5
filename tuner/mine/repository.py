"""Open the repository that a user names: the only module that knows gitpython.

In: a path (work tree, a folder inside one, bare repository) or a git URL. Out: a checked `Repo`.

Refused, each with what to do next: nothing there, a file, a folder without git, no commits, one commit, a shallow or
partial clone, an unreachable URL, a repository of another user. A URL is mirrored without a work tree, hooks or
submodules; a second call fetches. Try it: `tuner mine --repo PATH`.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import urllib.parse
from pathlib import Path
from typing import Any

from tuner.errors import RepoError
from tuner.mine.plumbing import Git, last_line, safe_arguments, safe_environment
from tuner.progress import Progress
from tuner.records import Repo

URL = re.compile(r"^(?:(?:https?|ssh|git|file)://|[\w.-]+@[\w.-]+:(?!/?$))")
# https://user:secret@host and ...?access_token=secret
CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
QUERY = re.compile(r"\?[^\s'\"]*")


def open_repository(source: str, clones: Path, progress: Progress) -> Repo:
    """Check the repository at `source` and describe it; a URL is mirrored under `clones` first."""
    if shutil.which("git") is None:
        raise RepoError("git: not installed, or not on PATH", "install git, then repeat the command")
    if not source.strip():
        raise RepoError("REPO is empty, wanted a path or a git URL", "make train REPO=path-or-url")
    if URL.match(source):
        return _describe(_mirror(source, clones, progress), shown=without_credentials(source), name=_name(source))
    path = Path(source).expanduser()
    if not path.exists():
        raise RepoError(f"{source}: no such folder", "give REPO= the path of a git repository, or its URL")
    if not path.is_dir():
        raise RepoError(f"{source}: is a file, wanted a folder", "give REPO= the folder that holds the repository")
    top = _top_level(path, source)
    return _describe(top, shown=source, name=_name(str(top)))


def without_credentials(text: str) -> str:
    """Hide user names, passwords and query strings of the URLs in `text`."""
    return QUERY.sub("?***", CREDENTIALS.sub("***@", text)) if "://" in text else text


def _name(source: str) -> str:
    path = urllib.parse.urlsplit(source).path if "://" in source else source.rsplit(":", 1)[-1]
    parts = [part for part in path.rstrip("/").split("/") if part]
    if len(parts) > 1 and parts[-1] == ".git":
        parts.pop()
    return (parts[-1].removesuffix(".git") if parts else "") or "repo"


def _top_level(path: Path, source: str) -> Path:
    """Find the work tree that `path` lies in, or the git directory of a bare repository."""
    done = _rev_parse(path, "--is-bare-repository", "--absolute-git-dir")
    if done.returncode != 0:
        said = done.stderr.strip()
        if "dubious ownership" in said:
            named = re.search(r"repository at '([^']+)'", said)
            folder = named.group(1) if named else str(path.resolve())
            raise RepoError(
                f"{source}: belongs to another user, so git refuses to read it (its safe.directory rule)",
                f"if you trust it: git config --global --add safe.directory {folder}",
            )
        if "not a git repository" in said:
            raise RepoError(
                f"{source}: not a git repository", "give REPO= a folder that `git status` accepts, or a git URL"
            )
        raise RepoError(f"{source}: git cannot read it: {last_line(said)}", f"`git -C {source} status` shows the same")
    is_bare, git_folder = done.stdout.split("\n")[:2]
    if is_bare == "true":
        return Path(git_folder)
    # Inside the `.git` folder of a work tree there is no top level; its git directory serves as well, as it does where
    # the configuration says that the work tree is some other folder.
    top = _rev_parse(path, "--show-toplevel").stdout.removesuffix("\n")
    owned = _rev_parse(Path(top), "--absolute-git-dir").stdout.removesuffix("\n") if Path(top).is_dir() else ""
    return Path(top if top and owned == git_folder else git_folder)


def _rev_parse(folder: Path, *questions: str) -> subprocess.CompletedProcess[str]:
    asked = ["git", "-C", str(folder), *safe_arguments(), "rev-parse", *questions]
    return subprocess.run(asked, capture_output=True, text=True, env=safe_environment(), check=False, errors="replace")


def _describe(folder: Path, *, shown: str, name: str) -> Repo:
    git = Git(folder)
    revision, branch = _head(git, shown)
    if git.run("rev-parse", "--is-shallow-repository").strip() == b"true":
        held = int(git.run("rev-list", "--count", "HEAD", "--"))
        raise RepoError(
            f"{shown}: a shallow clone, only the newest {held} commits are here, so most edits are lost",
            f"git -C {folder} fetch --unshallow",
        )
    if _is_partial(git):
        raise RepoError(
            f"{shown}: a partial clone, file contents of older commits are not here",
            "clone it again without --filter",
        )
    count = int(git.run("rev-list", "--count", "--max-count=2", "HEAD", "--"))
    if count < 2:
        raise RepoError(
            f"{shown}: the repository has 1 commit, wanted at least 2: older to learn from, newer to be judged by",
            "give REPO= a repository with history, or a clone made without --depth",
        )
    return Repo(name, str(folder), revision, branch)


def _head(git: Git, shown: str) -> tuple[str, str | None]:
    """Give the commit and the branch that HEAD names; the branch is None for a detached HEAD."""
    # GitPython asks git without the protection of `plumbing`: a missing commit would be fetched by a program that the
    # repository's configuration names.
    try:
        named = git.run("rev-parse", "--verify", "--quiet", "HEAD").decode().strip()
    except RepoError:
        raise RepoError(
            f"{shown}: the repository has no commits yet", "commit something first, or choose another branch"
        ) from None
    try:
        revision = git.run("rev-parse", "--verify", "--quiet", "HEAD^{commit}").decode().strip()
    except RepoError:
        raise RepoError(
            f"{shown}: the commit of HEAD is missing or damaged ({named})", f"`git -C {git.path} fsck` looks for damage"
        ) from None
    try:
        reference = git.run("symbolic-ref", "--quiet", "HEAD").decode("utf-8", "replace").strip()
    except RepoError:
        return revision, None
    return revision, reference.removeprefix("refs/heads/")


def _is_partial(git: Git) -> bool:
    settings = git.run("config", "--local", "--list").decode("utf-8", "replace").lower()
    return bool(re.search(r"^(remote\..*\.promisor=true|extensions\.partialclone=.+)$", settings, re.MULTILINE))


def _mirror(url: str, clones: Path, progress: Progress) -> Path:
    """Clone `url` without a work tree, or fetch into the clone that is there."""
    import git as gitpython

    ident = hashlib.sha256(without_credentials(url).encode()).hexdigest()[:10]
    folder = clones / f"{_name(url)}-{ident}"
    environment = {
        **safe_environment(network=True),
        "GIT_SSH_COMMAND": os.environ.get("GIT_SSH_COMMAND", "ssh -oBatchMode=yes"),
    }
    clones.mkdir(parents=True, exist_ok=True)
    runner: Any = gitpython.Git(str(clones))
    partial = folder.with_name(f".partial-{folder.name}")
    with progress.track(
        f"{'fetching' if folder.exists() else 'cloning'} {_name(url)}", total=None, unit="step"
    ) as track:
        if folder.exists():
            command = [
                "git",
                "-C",
                str(folder),
                *safe_arguments(),
                "fetch",
                "--prune",
                "--quiet",
                "--no-recurse-submodules",
            ]
            arguments = [url, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]
        else:
            shutil.rmtree(partial, ignore_errors=True)
            command = ["git", *safe_arguments(), "clone", "--bare", "--quiet", "--no-local", "--template="]
            arguments = [url, str(partial)]
        code, _, said = runner.execute(
            [*command, "--", *arguments], env=environment, with_extended_output=True, with_exceptions=False
        )
        track.advance(1)
    if code != 0:
        shutil.rmtree(partial, ignore_errors=True)
        raise RepoError(
            f"{without_credentials(url)}: cannot be reached: {without_credentials(last_line(str(said)))}",
            "check the address and your access; a path to a clone on this machine works without network",
        )
    if partial.exists():
        # The address may hold a password, and reading needs no remote.
        Git(partial).run("remote", "remove", "origin")
        partial.rename(folder)
    return folder
