"""Git is asked for files by their names, and gives the patches that it gives when asked by endings."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mine.histories import History, code
from tuner.mine.history import Change, Commit, read_commits, read_patches
from tuner.mine.languages import code_globs, is_globbed
from tuner.mine.pathspecs import MOST_NAMES, code_pathspecs
from tuner.mine.plumbing import Git


def changing(*paths: str) -> Commit:
    return Commit("a" * 40, (), 1, "", "", "", tuple(Change("M", each, each, "100644", "1", "2") for each in paths))


def test_only_code_is_asked_for_and_signs_of_globs_stand_for_themselves() -> None:
    assert code_pathspecs([changing("a/b.py", "notes.md", "[x]*.go", "Makefile")]) == [
        ":(literal)Makefile",
        ":(literal)[x]*.go",
        ":(literal)a/b.py",
    ]
    assert is_globbed("A/B.PY") and is_globbed("x/makefile") and not is_globbed("b.pyx") and not is_globbed("a.py/b")


@pytest.mark.parametrize(
    "paths",
    [("notes.md",), ("a.py", "a.py/b.txt"), ("a/../b.py",), tuple(f"{n}.py" for n in range(MOST_NAMES + 1))],
)
def test_where_names_are_none_too_many_or_could_match_more_endings_are_asked_for(paths: tuple[str, ...]) -> None:
    assert code_pathspecs([changing(*paths)]) == code_globs()


def test_the_patches_are_the_same(tmp_path: Path) -> None:
    odd = History()
    odd.commit("Begin", {"a*.py": code("till"), "b.py": code("cart"), "t\u00e4\u00df.py": code("stock"), "n.md": "x\n"})
    odd.commit("Move", {"b.py": None, "c/b.py": code("cart"), "a1.py": code("till", ["refund"]), "n.md": "y\n"})
    odd.commit("Change", {"a*.py": code("crate"), "t\u00e4\u00df.py": code("locker"), "n.md": code("pallet")})
    git = Git(odd.write(tmp_path / "odd"))
    commits = list(read_commits(git, "main", 9))
    by_name, by_ending = (
        [
            (commit.sha, [(each.change, [hunk.lines for hunk in each.hunks]) for each in patches])
            for commit, patches in read_patches(git, commits, asked)
        ]
        for asked in (code_pathspecs(commits), code_globs())
    )
    assert by_name == by_ending
    assert [len(patches) for _, patches in by_name] == [2, 1, 3]  # what was only moved has none
