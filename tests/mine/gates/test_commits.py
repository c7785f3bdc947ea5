"""Each reason for a commit has something that it drops and something close by that it keeps."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tiny_repo import git
from tuner.mine.gates.commits import (
    author_reason,
    blame_ignored,
    commit_reason,
    format_only,
    patch_id,
    picked_from,
    reverted_shas,
)
from tuner.mine.history import Change, Commit, Hunk, Patch, read_commits, read_patches
from tuner.mine.plumbing import Git
from tuner.recipe import MineSettings

SETTINGS = MineSettings()


def change(path: str, status: str = "M", mode: str = "100644") -> Change:
    return Change(status, path, path, mode, "1" * 40, "2" * 40)


def commit(message: str = "Add totals", changes: tuple[Change, ...] = (change("a.py"),), **fields: object) -> Commit:
    values = {"parents": ("0" * 40,), "author": "Ada", "email": "ada@ledger.test"} | fields
    return Commit("f" * 40, committed_at=1, message=message, changes=changes, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("dropped", "reason"),
    [
        (commit(parents=("0" * 40, "1" * 40)), "merge"),
        (commit('Revert "Add totals"'), "revert"),
        (commit("Undo\n\nThis reverts commit 0123abcd."), "revert"),
        (commit("  \n"), "empty_message"),
        (commit("Bump lodash from 4.1 to 4.2"), "version_bump"),
        (commit("v1.2.3"), "version_bump"),
        (commit("deps: bump memmap2 to 0.5"), "version_bump"),
        (commit("Set Go version to 1.4.2"), "version_bump"),
        (commit("Update CHANGES.rst"), "version_bump"),
        (commit("Update changelog for Gson 2.6."), "version_bump"),
        (commit("Updated version numbers for various artifacts"), "version_bump"),
        (commit("Release version 2.0"), "version_bump"),
        (commit(changes=tuple(change(f"{n}.py", "R100") for n in range(5))), "mass_rename"),
        (commit(changes=(change("README.md"),)), "no_code"),
        (commit(changes=(change("vendor/a.py"),)), "no_code"),
        (commit(changes=(change("a.ipynb"), change("README.md"))), "notebook_diff"),
        (commit(changes=tuple(change(f"{n}.py") for n in range(11))), "too_many_files"),
    ],
)
def test_a_commit_is_dropped_with_its_reason(dropped: Commit, reason: str) -> None:
    assert commit_reason(dropped, SETTINGS) == reason


@pytest.mark.parametrize(
    "kept",
    [
        commit("Add totals"),
        commit("Update the totals to 2 digits"),
        commit("Revert to the older order of rows"),
        commit("fix: release the lock of a version row"),
        commit("Update `--version` output to show features"),
        commit("Update supported version list"),
        commit("Upgrade the handlers to coroutines"),
        commit("Bump the reference count to keep the row"),
        commit("Update changes of a row at once"),
        commit(f"Turn into replica (#12)\n\n* Add a flag\n\n* Revert it\n\nThis reverts commit {'a' * 40}.\n"),
        commit(email="leha-bot@users.noreply.github.com"),
        commit(changes=(change("a.ipynb"), change("a.py"))),
        commit(changes=(*(change(f"{n}.py", "R100") for n in range(3)), change("a.py"))),
    ],
)
def test_a_persons_commit_is_kept(kept: Commit) -> None:
    assert commit_reason(kept, SETTINGS) is None


BOTS = """
dependabot[bot], renovate, Renovate Bot, k8s-ci-robot, rust-bot, rustbot, bors, bors-servo, acme-ci,
acme-build, acme-deployer, acme-linter, teamcity-test-1, acme-teamcity, acme-automation, acme-benchmark,
Acme Service Account, github-actions, GitHub, Travis CI, Jenkins, Weblate, Hosted Weblate, pre-commit-ci,
mergebot, buildbot, SonarBot, DepBot, AcmeCI, Acme CI, semantic-release-bot, codecov-io, svc-deploy, bot,
ci, web-flow, cibot, acme.releasebot
"""
PEOPLE = """
Marie Talbot, talbot, Anne Abbott, Jean Cibot, Cibot, Cabot Lodge, Robert Builder-Smith, Ci Zhang, Lucia
Bots, botond, Travis Oliphant, Travis Smith, Renato Silva, Mergim, Jen Kinsley, Abbot, Kim Robotham, Lee
Cloudsley, Ada Test, Git Hubert, Li Testing-Wang, Nancy, Lucci, Rootes, Weber Flow, Marconi, Jane Cloud, Wei
Ci, Tom Builder, root
"""


@pytest.mark.parametrize("name", [name.strip() for name in BOTS.split(",")])
def test_a_bot_is_told_by_its_name(name: str) -> None:
    assert commit_reason(commit(author=name), SETTINGS) == "bot_author"


@pytest.mark.parametrize("name", [name.strip() for name in PEOPLE.split(",")])
def test_a_person_with_a_similar_name_is_no_bot(name: str) -> None:
    assert commit_reason(commit(author=name), SETTINGS) is None


@pytest.mark.parametrize(
    ("email", "reason"),
    [
        ("renovate@ledger.test", "bot_author"),
        ("49699333+dependabot[bot]@users.noreply.github.com", "bot_author"),
        ("noreply@ledger.test", "bot_author"),
        ("acme-bot@ledger.test", "bot_author"),
        ("12345+ada@users.noreply.github.com", None),
        ("ada@ci.ledger.test", None),
        ("talbot@ledger.test", None),
    ],
)
def test_a_bot_is_told_by_its_address(email: str, reason: str | None) -> None:
    assert commit_reason(commit(email=email), SETTINGS) == reason


def test_authors_are_chosen_by_name_or_address() -> None:
    only = MineSettings(only_authors=["*@ledger.test", "lin wei"])
    assert author_reason("Ada", "ADA@Ledger.test", only) is None
    assert author_reason("Lin Wei", "lin@home.test", only) is None
    assert author_reason("Lin Weiss", "lin@home.test", only) == "author_not_listed"
    assert author_reason("Eve", "eve@ledger.test.evil", only) == "author_not_listed"
    both = MineSettings(only_authors=["*@ledger.test"], except_authors=["Ada*"])
    assert author_reason("ada byron", "ada@ledger.test", both) == "author_excluded"
    assert commit_reason(commit(), both) == "author_excluded"
    assert author_reason("Ada", "ada@ledger.test", SETTINGS) is None


def test_a_revert_and_a_pick_name_the_other_commit() -> None:
    sha = "0123456789" * 4
    assert reverted_shas([commit(f"Undo\n\nThis reverts commit {sha}.\n")]) == {sha}
    assert picked_from(commit(f"Add totals\n\n(cherry picked from commit {sha})\n")) == [sha]
    assert picked_from(commit("Explain what (cherry picked from commit abc) means\n")) == []


def test_only_whole_shas_are_ignored_in_blame() -> None:
    whole, longer = "0123456789" * 4, "ab" * 32
    text = f"# the big reformatting\n  {whole}  # black\n{whole[:12]}\n\n{longer}\nnot a sha\n{whole}0\n"
    assert blame_ignored([text, ""]) == {whole, longer}


def both(old: str, new: str, language: str = "python") -> bool:
    return format_only([(old.encode().split(b"\n"), new.encode().split(b"\n"))], language)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a = 1", "a  =  1\n"),
        ("f(a,\n  b)", "f(\n    a,\n    b,\n)"),
        ("x = 'ab'", 'x = "ab"'),
        ("let a = 1", "let a = 1;"),
        ("import b\nimport a", "import a\nimport b"),
        ("from x import b, a", "from x import a, b"),
        ("import {b, a} from 'x'", "import { a, b } from 'x';"),
        ('#include "b.h"\n#include "a.h"', '#include "a.h"\n#include "b.h"'),
        ("use b::{d, c};\nuse a;", "use a;\nuse b::{c, d};"),
        ('\t"os"\n\t"fmt"', '\t"fmt"\n\t"os"'),
        ("import a\nx = [1,]", "x = [1]\nimport a"),
        ("if x:\n\ty = 1\n\tz = 2", "if x:\n    y = 1\n    z = 2"),
    ],
)
def test_what_a_formatter_does_is_no_change(old: str, new: str) -> None:
    assert both(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a = 1", "a = 2"),
        ("a - b", "b - a"),
        ("import a", "import b"),
        ("from a import b", "from b import a"),
        ("import a", "import a\nimport b"),
        ("import a\ndef f():\n    pass", "def f():\n    import a\n    pass"),
        ("f(a, b)\nf(c, d)", "f(c, d)\nf(a, b)"),
        ("x = a,b", "x = ab"),
        ("['a'\n'b']", "['a',\n'b']"),
        ("", "x = 1"),
        ("x = 1\nimport a", "import a\nx = 2"),
        ("print('a b')", "print('ab')"),
        ("for x in y:\n    a(x)\n    b()", "for x in y:\n    a(x)\nb()"),
    ],
)
def test_an_edit_is_a_change(old: str, new: str) -> None:
    assert not both(old, new)


def test_quotes_and_indentation_mean_what_they_mean_in_the_language() -> None:
    assert both("f('#')", 'f("#")') and not both("f('#')", 'f("#")', "java")
    assert both("if (x)\n  a();\n  b();", "if (x)\n  a();\nb();", "c")


def test_an_import_may_move_from_one_hunk_to_another() -> None:
    assert format_only([([b"import b"], []), ([], [b"import b"])])
    assert not format_only([([b"import b"], []), ([], [b"import c"])])


def test_what_was_reverted_twice_is_there_again() -> None:
    first, second, third = ("1" * 40, "2" * 40, "3" * 40)
    undo = Commit(second, (), 2, "", "", f"Revert a\n\nThis reverts commit {first}.", ())
    redo = Commit(third, (), 3, "", "", f"Revert b\n\nThis reverts commit {second[:9]}.", ())
    assert reverted_shas([undo]) == {first}
    assert reverted_shas([redo, undo]) == {second[:9]}


def patch(path: str, *lines: bytes, start: int = 1) -> Patch:
    return Patch(change(path), [Hunk(start, start, list(lines))])


def test_twins_have_one_name_and_other_changes_another() -> None:
    old, new = (
        b"-total_of_account = sum(row.cents for row in rows)",
        b"+total = ledger.balance_of(account, rows, at=today)",
    )
    one = [patch("a.py", b" x", old, new), patch("b.py", b"+b")]
    twin = [patch("b.py", b" y", b"+b", start=90), patch("a.py", old, new + b"  ", start=7)]
    assert patch_id(one) == patch_id(twin)
    others = [
        [patch("a.py", b"+" + old[1:], b"-" + new[1:]), patch("b.py", b"+b")],
        [patch("c.py", old, new), patch("b.py", b"+b")],
        [patch("a.py", old, new)],
    ]
    short = [[patch("a.py", context, b"+return None")] for context in (b" x", b" y")]
    assert patch_id(short[0]) != patch_id(short[1])
    assert len({patch_id(each) for each in [one, *others]}) == 4
    assert patch_id([Patch(change("a.py"), [])]) == "" == patch_id([patch("a.py", b"+  ")])


LINES = st.lists(st.sampled_from([b"+a" * 60, b"-a" * 60, b"+b c" * 30, b"-b" * 50]), min_size=1, max_size=4)


@given(st.dictionaries(st.sampled_from(["a.py", "b.py", "c.py"]), LINES), st.randoms())
def test_the_name_does_not_depend_on_order_or_place(files: dict[str, list[bytes]], chance: object) -> None:
    patches = [patch(path, *lines) for path, lines in files.items()]
    moved = [patch(path, b" context", *lines, start=50) for path, lines in reversed(files.items())]
    assert patch_id(patches) == patch_id(moved)


def test_git_calls_the_same_commits_twins(tmp_path: Path) -> None:
    """Where the context agrees, our name and git's tell the same commits apart."""
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    git(tmp_path, "config", "user.name", "ada")
    git(tmp_path, "config", "user.email", "ada@ledger.test")
    body = [f"line {number}" for number in range(30)]

    def save(text: list[str], message: str) -> None:
        (tmp_path / "a.py").write_text("\n".join(text) + "\n")
        git(tmp_path, "add", ".")
        git(tmp_path, "commit", "--quiet", "-m", message)

    save(body, "Start")
    git(tmp_path, "checkout", "--quiet", "-b", "release")
    save(["first", *body], "Add first")
    git(tmp_path, "checkout", "--quiet", "main")
    save([*body[:20], "fixed", *body[21:]], "Fix")
    fix = git(tmp_path, "rev-parse", "HEAD").strip()
    git(tmp_path, "checkout", "--quiet", "release")
    git(tmp_path, "cherry-pick", "-x", fix)
    git(tmp_path, "merge", "--quiet", "-s", "ours", "-m", "Merge", "main")
    commits = {each.sha: each for each in read_commits(Git(tmp_path), git(tmp_path, "rev-parse", "HEAD").strip(), 20)}
    single = [each for each in commits.values() if len(each.parents) < 2]
    ours = {each.sha: patch_id(patches) for each, patches in read_patches(Git(tmp_path), single, ["*.py"])}
    log = subprocess.run(
        ["git", "-C", str(tmp_path), "log", "-p", "--no-merges"], capture_output=True, check=True
    ).stdout
    said = subprocess.run(["git", "patch-id", "--stable"], input=log, capture_output=True, check=True).stdout.decode()
    gits = {sha: name for name, sha in (line.split() for line in said.splitlines())}
    assert {(a, b) for a in ours for b in ours if ours[a] == ours[b]} == {
        (a, b) for a in gits for b in gits if gits[a] == gits[b]
    }
    (pick,) = [each for each in commits.values() if picked_from(each) == [fix]]
    assert ours[pick.sha] == ours[fix] and len(set(ours.values())) == 3
