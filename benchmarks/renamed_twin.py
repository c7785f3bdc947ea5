"""Make a repository's renamed twin: the same history under names that no base can have seen.

In: a public Python repository and a seed. Out: a new bare repository whose commits, authors, dates, files and lines are
the same, but in which every name that the repository defines has another, everywhere and at all times; and a table that
shows it. A base that was trained on the public code cannot recall the twin's names, so that what a system gains on the
twin it did not gain from having read the repository. What stays the same: names of the language, its library and of
dependencies, the words of strings and most English words, and how the code is built.

    make bench ROOM=renamed_twin REPO=../click BENCH="--out ../snap --seed 1"
    make train REPO=../snap
"""

from __future__ import annotations

import argparse
import builtins
import keyword
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.twin_check import Checked, check
from benchmarks.twin_history import Copied, TwinError, copy_history, paths_of
from benchmarks.twin_names import MOST_BYTES, PYTHON_ENDINGS, Own, own_names
from benchmarks.twin_text import Rewriter, names_in, pieces_of
from benchmarks.twin_words import Words, parts_of, vocabulary
from tuner.errors import TunerError
from tuner.mine.plumbing import Blobs, Git
from tuner.mine.repository import open_repository
from tuner.progress import Progress


@dataclass(frozen=True, slots=True)
class Plan:
    """The new names, the project's own among them, and how many names could not go part by part."""

    names: dict[str, str]
    project: tuple[str, str] | None
    otherwise: int


def main(arguments: Sequence[str] | None = None) -> int:
    """Make and check a twin; exit status 1 where more than names differs."""
    parser = argparse.ArgumentParser(prog="benchmarks.renamed_twin", description=str(__doc__).splitlines()[0])
    parser.add_argument("--repo", required=True, type=Path, help="a local Python repository")
    parser.add_argument("--out", required=True, type=Path, help="the new repository, a folder that is not there yet")
    parser.add_argument("--seed", type=int, default=1, help="which of the possible twins")
    parser.add_argument("--project", help="the project's own name, renamed in any case; else the folder's")
    options = parser.parse_args(arguments)
    try:
        old, branch, head = _open(options.repo)
        own = own_names(old, head)
        plan = plan_names(own, code_names(old, head), options.seed, options.project or options.repo.resolve().name)
        rewriter = Rewriter(plan.names, plan.project)
        copied = copy_history(old, branch, head, options.out, rewriter)
        found = check(old, head, Git(options.out), rewriter.path)
    except TunerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(table(own, plan, copied, found))
    return 0 if found.is_twin() else 1


def plan_names(own: Own, in_code: set[str], seed: int, project: str) -> Plan:
    """Give each name of the repository another that nothing in its code has."""
    words = Words(vocabulary(own.names), seed)
    new = {name: words.of_name(name) for name in sorted(own.names)}
    changed = {name: other for name, other in new.items() if name != other}
    taken = (in_code - set(changed)) | {project, *dir(builtins), *keyword.kwlist}
    names = {name: other for name, other in changed.items() if other not in taken}
    taken |= set(names.values())
    otherwise = sorted(set(changed) - set(names))
    for name in otherwise:
        names[name] = words.otherwise(name, taken)
        taken.add(names[name])
    return Plan(
        names, (project, names[project]) if project in own.modules and project in names else None, len(otherwise)
    )


def code_names(git: Git, head: str) -> set[str]:
    """Collect every name in the Python code of a whole history."""
    shas = [sha for sha, (path, _) in paths_of(git, head).items() if path.endswith(PYTHON_ENDINGS)]
    if not shas:
        raise TwinError(f"{git.path}: no Python file in its history; Python code was wanted", "name another repository")
    names: set[str] = set()
    seen: set[int] = set()
    with Blobs(git) as blobs:
        for _, data, _ in blobs.read_many(shas, MOST_BYTES):
            for piece in pieces_of((data or b"").decode("utf-8", "surrogateescape")):
                if hash(piece) not in seen:
                    seen.add(hash(piece))
                    names |= names_in(piece)
    return names


def table(own: Own, plan: Plan, copied: Copied, found: Checked) -> str:
    """Write what was renamed and what the check found."""
    kept = ", ".join(f"{len(names)} {reason}" for reason, names in own.kept.items() if names)
    parts = sum(len([part for part in parts_of(name) if part.isalpha()]) for name in plan.names)
    lines = {
        "renamed": f"{len(plan.names):,} of {len(own.names):,} own names, {parts:,} words; "
        f"{plan.otherwise} not word by word",
        "stay": kept,
        "project": " is ".join(plan.project) if plan.project else "stays: no module has that name; see --project",
        "copied": f"{copied.commits:,} commits, {copied.blobs:,} contents, {copied.blobs_as_they_are} too large and as "
        f"they were, {copied.shas_in_messages} commits named in messages",
        "history": f"{found.commits_alike:,} of {found.commits:,} commits alike in people, times and parents, "
        f"{found.commits_of_same_lines:,} also in files and lines",
        "HEAD": f"{found.files_of_same_lines:,} of {found.files:,} files with as many lines; Python: "
        f"{found.parsed_before} parsed, {found.parsed_after} do, {found.trees_alike} trees of the same shape",
        "names at HEAD": f"{found.names_changed:,} of {found.names:,} differ, "
        f"{found.uses_changed:,} of {found.uses:,} uses",
        **{f"broken {number}": each for number, each in enumerate(found.broken[:10], 1)},
    }
    return "\n".join(f"{name:<14}{text}" for name, text in lines.items())


def _open(place: Path) -> tuple[Git, str, str]:
    repo = open_repository(str(place), place, Progress())
    git = Git(repo.path)
    if not repo.branch:
        raise TwinError(f"{place}: HEAD is on no branch; a branch was wanted", f"`git -C {place} switch <branch>`")
    return git, repo.branch, repo.revision


if __name__ == "__main__":
    raise SystemExit(main())
