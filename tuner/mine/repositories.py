"""Open every repository that REPO names: one path or URL, several, or a file with one in each line.

In: what the user typed. Out: checked `Repo`s in that order, each under a name of its own. Refused: a file that lists
none, a repository that stands there twice. In a file, empty lines and lines that begin with `#` say nothing, and a
relative path counts from the file's folder.

    tuner mine --repo "../api ../web"      tuner mine --repo repositories.txt
"""

from __future__ import annotations

import dataclasses
import os
import shlex
from collections import Counter
from pathlib import Path

from tuner.errors import RepoError
from tuner.mine.repository import URL, open_repository, without_credentials
from tuner.progress import Progress
from tuner.records import Repo, content_id

MOST_IN_NAME = 3


def open_repositories(source: str, clones: Path, progress: Progress) -> list[Repo]:
    """Open what `source` names; URLs are mirrored under `clones`."""
    repos = [open_repository(each, clones, progress) for each in _named(source)]
    by_path: dict[str, str] = {}
    for repo in repos:
        if repo.path in by_path:
            raise RepoError(f"{repo.name}: stands twice in REPO ({repo.path})", "name every repository once")
        by_path[repo.path] = repo.name
    counts = Counter(repo.name for repo in repos)
    return [repo if counts[repo.name] == 1 else dataclasses.replace(repo, name=_longer_name(repo)) for repo in repos]


def together(repos: list[Repo]) -> Repo:
    """Give the repository that stands for all of them in a run's name and id."""
    if len(repos) == 1:
        return repos[0]
    names = [repo.name for repo in repos]
    if len(names) > MOST_IN_NAME:
        names = [*names[: MOST_IN_NAME - 1], f"{len(names) - MOST_IN_NAME + 1}-more"]
    parts = [part for repo in repos for part in (repo.name, repo.revision)]
    return Repo("+".join(names), "", content_id(*parts), None)


def _named(source: str) -> list[str]:
    path = Path(source).expanduser()
    if URL.match(source) or os.path.isdir(path) or not source.strip():  # unlike Path's, silent about over-long names
        return [source]
    if os.path.isfile(path):
        return _listed(path)
    try:
        several = shlex.split(source)
    except ValueError:
        return [source]
    is_list = any(URL.match(each) or os.path.exists(Path(each).expanduser()) for each in several)
    return several if len(several) > 1 and is_list else [source]


def _listed(path: Path) -> list[str]:
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    except UnicodeDecodeError:
        raise RepoError(
            f"{path}: is a file, wanted a folder, or a text file with one repository in each line",
            "give REPO= the folder that holds the repository",
        ) from None
    named = []
    for number, line in enumerate(lines, 1):
        if not line or line.startswith("#"):
            continue
        folder = path.parent / Path(line).expanduser()
        if not URL.match(line) and not folder.is_dir():
            raise RepoError(
                f"{path}:{number}: {without_credentials(line)[:80]!r} is no folder and no git URL",
                "REPO= takes the folder of a repository, or a text file with one repository in each line",
            )
        named.append(line if URL.match(line) else str(folder))
    if not named:
        raise RepoError(f"{path}: lists no repository", "write one path or git URL in each line")
    return named


def _longer_name(repo: Repo) -> str:
    parent = Path(repo.path).parent.name
    return f"{parent}-{repo.name}" if parent else f"{repo.name}-{content_id(repo.path)[:6]}"
