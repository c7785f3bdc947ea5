"""The names that a repository knew at each moment after the cut, as they lie on disk.

In: what the mine room found, one `RepoNames` a repository. Out: `mined/names.json.gz`, one line of JSON a repository,
with the same bytes for the same names. Whether a name is known is asked for one commit and means: before that commit.

Commits after the cut are numbered from 1, oldest first; 0 is the cut. History is taken as one line, so that a name of
a branch that was not merged yet counts as known.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from tuner.errors import DataError
from tuner.records import from_json, to_json

PLACE = "mined/names.json.gz"
SHA_CHARS = 12


@dataclass(frozen=True, slots=True)
class RepoNames:
    """What one repository calls things.

    `commits` are those after the cut, oldest first, abbreviated. `names` and `modules` (words of paths) stood in the
    tree of the cut; `added` and `added_modules` came later, with the commit's number; `gone` are those of both that
    HEAD no longer has, with the number of the commit that took them last. `stale` were defined before the cut and stood
    nowhere in its tree, with the commit that removed the definition, empty where it was not among those read.
    `dependencies` are declared in manifests. `foreign` lists, for each file, the roots of its imports from outside the
    repository and the standard library. `is_whole` is false where the tree was too large to be read to its end.
    """

    repo: str
    commits: list[str]
    names: list[str]
    modules: list[str]
    added: dict[str, int]
    added_modules: dict[str, int]
    gone: dict[str, int]
    stale: dict[str, str]
    dependencies: list[str]
    foreign: dict[str, list[str]]
    is_whole: bool = True


@dataclass(frozen=True, slots=True)
class NamesAt:
    """The names as they stood right before one commit."""

    all: RepoNames
    number: int
    _at_cut: frozenset[str] = field(repr=False)
    _modules: frozenset[str] = field(repr=False)

    def knows(self, name: str) -> bool:
        """Tell whether a name stood somewhere in the repository."""
        since = 0 if name in self._at_cut else self.all.added.get(name, self.number)
        until = self.all.gone.get(name, self.number)
        return since < self.number <= until

    def is_stale(self, name: str) -> bool:
        """Tell whether a name stood in the repository once and no longer does."""
        return not self.knows(name) and (name in self.all.stale or self.all.gone.get(name, self.number) < self.number)

    def has_module(self, name: str) -> bool:
        """Tell whether a file or folder has this name."""
        return name in self._modules or self.all.added_modules.get(name, self.number) < self.number

    def declares(self, root: str) -> bool:
        """Tell whether a manifest declares what an import names."""
        wanted = root.lower().replace("-", "_")
        return any(wanted == each or wanted.startswith(f"{each}/") for each in self.all.dependencies)


class Timeline:
    """One repository's names; gives the view of any commit."""

    def __init__(self, names: RepoNames) -> None:
        self.names = names
        self._numbers = {sha: number for number, sha in enumerate(names.commits, 1)}
        self._at_cut, self._modules = frozenset(names.names), frozenset(names.modules)

    def before(self, commit: str) -> NamesAt:
        """Give the names as they stood before a commit; one that is not listed counts as the newest."""
        number = self._numbers.get(commit[:SHA_CHARS], len(self._numbers) + 1)
        return NamesAt(self.names, number, self._at_cut, self._modules)


def write_names(path: Path, repos: Iterable[RepoNames]) -> None:
    """Write one line a repository, without a date, so that the same names give the same bytes."""
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 6, raw, mtime=0) as stream:
        for each in repos:
            stream.write(to_json(each).encode() + b"\n")


def read_names(path: Path) -> dict[str, Timeline]:
    """Read the names of all repositories, by the repository's name."""
    found = {}
    try:
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            for number, line in enumerate(stream, 1):
                found_names = from_json(RepoNames, json.loads(line), f"{path}:{number}")
                found[found_names.repo] = Timeline(found_names)
    except (OSError, EOFError, ValueError) as error:
        raise DataError(
            f"{path}: cannot be read as names: {error}",
            "run the stage that writes it again; `make verify RUN=...` says which",
        ) from None
    return found
