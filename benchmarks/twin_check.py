"""Check that a twin is the same but for names.

In: a repository, the commit that its twin ends with, the twin. Out: `Checked`, counts for a table. History: the same
commits by date, author and number of parents, with the same numbers of changed files and lines. HEAD: the same number
of files with the same numbers of lines; every Python file that parsed parses, its syntax tree has the same shape, and
between the names of all files before and after there is one relation, one to one. Nothing is run: files are parsed
only.
"""

from __future__ import annotations

import ast
import itertools
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from benchmarks.twin_names import files_of
from tuner.mine.plumbing import Blobs, Git

MOST_BYTES = 1 << 22
_FACTS = (
    "log",
    "-O/dev/null",
    "--format=%x00%at %ct %an <%ae> %p",
    "--numstat",
    "--no-renames",
    "--diff-algorithm=myers",
)
# What is text rather than a name: the value of a constant may change, its kind may not.
_TEXTS = frozenset(["value", "kind", "type_comment"])


@dataclass(slots=True)
class Checked:
    """What a comparison of both histories and trees found."""

    commits: int = 0
    commits_alike: int = 0
    commits_of_same_lines: int = 0
    files: int = 0
    files_of_same_lines: int = 0
    parsed_before: int = 0
    parsed_after: int = 0
    trees_alike: int = 0
    names: int = 0
    names_changed: int = 0
    uses: int = 0
    uses_changed: int = 0
    broken: list[str] = field(default_factory=list)

    def is_twin(self) -> bool:
        """Tell whether nothing but names differs; lines of diffs do not count, since git may cut them otherwise."""
        return (
            self.commits == self.commits_alike
            and self.files == self.files_of_same_lines
            and self.parsed_before == self.parsed_after == self.trees_alike
            and not self.broken
        )


def check(old: Git, head: str, new: Git, path_of: Callable[[str], str]) -> Checked:
    """Compare a repository with its twin, whose paths `path_of` tells."""
    found = Checked()
    for before, after in itertools.zip_longest(_commits(old, head), _commits(new, "HEAD")):
        found.commits += 1
        if before is not None and after is not None:
            found.commits_alike += before[0] == after[0]
            found.commits_of_same_lines += before == after
    _compare_trees(found, old, head, new, path_of)
    return found


def _commits(git: Git, head: str) -> Iterator[tuple[object, ...]]:
    """Yield who, when and how many parents, and how many lines came and went in how many files."""
    with git.stream(*_FACTS, head, "--") as stream:
        facts: tuple[str, int] | None = None
        counts: list[bytes] = []
        for line in stream:
            if line.startswith(b"\0"):
                if facts:
                    yield facts, sorted(counts)
                who, _, parents = line[1:].decode("utf-8", "replace").rpartition("> ")
                facts, counts = (who, len(parents.split())), []
            elif line.strip():
                counts.append(line.rpartition(b"\t")[0])
        if facts:
            yield facts, sorted(counts)


def _compare_trees(found: Checked, old: Git, head: str, new: Git, path_of: Callable[[str], str]) -> None:
    there: dict[str, str] = {}
    back: dict[str, str] = {}
    twins = {path: sha for sha, path in files_of(new, "HEAD")}
    pairs = [(path, sha, twins.get(path_of(path))) for sha, path in files_of(old, head)]
    found.files = len(pairs)
    both = [(path, sha, twin) for path, sha, twin in pairs if twin is not None]
    with Blobs(old) as first, Blobs(new) as second:
        befores = first.read_many([sha for _, sha, _ in both], MOST_BYTES)
        afters = second.read_many([sha for _, _, sha in both], MOST_BYTES)
        for (path, _, _), (_, before, _), (_, after, _) in zip(both, befores, afters, strict=True):
            found.files_of_same_lines += (before or b"").count(b"\n") == (after or b"").count(b"\n")
            if path.endswith((".py", ".pyi")) and before is not None and after is not None:
                _compare_files(found, before, after, path, there, back)
    found.names, found.names_changed = len(there), sum(name != other for name, other in there.items())


def _compare_files(
    found: Checked, before: bytes, after: bytes, path: str, there: dict[str, str], back: dict[str, str]
) -> None:
    trees = _parsed(before), _parsed(after)
    found.parsed_before += trees[0] is not None
    found.parsed_after += trees[1] is not None
    if trees[0] is None or trees[1] is None:
        return
    try:
        for old, new in _name_pairs(trees[0], trees[1]):
            found.uses += 1
            found.uses_changed += old != new
            if there.setdefault(old, new) != new or back.setdefault(new, old) != old:
                found.broken.append(
                    f"{path}: {old} became {new}; elsewhere {there[old]}, and {new} was {back.get(new)}"
                )
        found.trees_alike += 1
    except ValueError as error:
        found.broken.append(f"{path}: {error}")


def _parsed(data: bytes) -> ast.AST | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(data)
        except (SyntaxError, ValueError):
            return None


def _name_pairs(first: ast.AST, second: ast.AST) -> Iterator[tuple[str, str]]:
    """Walk two trees together and yield the words of their names; raise where the shapes differ."""
    if type(first) is not type(second):
        raise ValueError(f"{type(first).__name__} became {type(second).__name__} in line {getattr(first, 'lineno', 0)}")
    for name, value in ast.iter_fields(first):
        other = getattr(second, name)
        values, others = (value, other) if isinstance(value, list) else ([value], [other])
        if len(values) != len(others):
            raise ValueError(f"{name} has {len(others)} elements rather than {len(values)}")
        for one, two in zip(values, others, strict=True):
            if isinstance(one, ast.AST):
                yield from _name_pairs(one, two)
            elif type(one) is not type(two):
                raise ValueError(f"{name} was {type(one).__name__} and became {type(two).__name__}")
            elif isinstance(one, str) and name not in _TEXTS:
                yield from zip(one.split("."), two.split("."), strict=True)
