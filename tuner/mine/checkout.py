"""Write the files of a commit into a folder: a throw-away checkout that runs nothing and follows nothing.

In: a repository and a commit. Out: its regular files, and links that stay inside the folder. Left out: submodules,
links that lead out, paths that no checkout would make, and files above `MOST_BYTES`. Git's own checkout is not used:
its hooks and filters are programs, and `git archive` leaves out what `export-ignore` names, which often is the tests.
"""

from __future__ import annotations

import posixpath
from pathlib import Path, PurePosixPath

from tuner.mine.plumbing import Blobs, Git
from tuner.records import Repo

MOST_BYTES = 16 * 2**20
FORBIDDEN = {"", ".", "..", ".git"}


def write_tree(repo: Repo, revision: str, folder: Path, ending: str = "") -> None:
    """Write a commit's files, or those whose names have this ending, under `folder`."""
    git = Git(repo.path)
    wanted: list[tuple[str, str, str]] = []
    for line in git.run("ls-tree", "-r", "-z", "--full-tree", revision).split(b"\0"):
        about, _, name = line.partition(b"\t")
        path = name.decode("utf-8", "surrogateescape")
        if about and path.endswith(ending) and not FORBIDDEN & {*path.split("/")}:
            mode, _, sha = about.decode("ascii").split(" ")
            wanted.append((mode, sha, path))
    regular = [each for each in wanted if each[0] in ("100644", "100755")]
    links = [each for each in wanted if each[0] == "120000"]
    folder.mkdir(parents=True, exist_ok=True)
    with Blobs(git) as blobs:  # links last: a file is never written through one
        for each, (_, data, _) in zip(
            regular, blobs.read_many((sha for _, sha, _ in regular), MOST_BYTES), strict=True
        ):
            if data is not None:
                target = folder / each[2]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(data)
                target.chmod(0o755 if each[0] == "100755" else 0o644)
        for each, (_, data, _) in zip(links, blobs.read_many((sha for _, sha, _ in links), 4096), strict=True):
            if data is not None and _stays_inside(each[2], data.decode("utf-8", "surrogateescape")):
                target = folder / each[2]
                target.parent.mkdir(parents=True, exist_ok=True)
                target.symlink_to(data.decode("utf-8", "surrogateescape"))


def _stays_inside(path: str, link: str) -> bool:
    if not link or "\0" in link or PurePosixPath(link).is_absolute():
        return False
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), link)).split("/")[0] != ".."
