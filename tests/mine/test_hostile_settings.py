"""Settings, variables, work trees and names of branches that would change what git says: they change nothing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.mine.conftest import Outcome, assert_same, mine
from tests.mine.histories import History, shop
from tests.tiny_repo import git
from tuner.errors import RepoError


def test_a_linked_work_tree_is_read_through_its_repository(plain: Outcome, tmp_path: Path) -> None:
    main = shop(History()).write(tmp_path / "main", bare=False)
    git(main, "worktree", "add", "--quiet", "--detach", str(tmp_path / "linked/shop"))
    assert (tmp_path / "linked/shop/.git").is_file()
    assert_same(mine(tmp_path / "linked/shop", tmp_path / "out"), plain)


def test_what_stands_in_the_work_tree_and_its_settings_change_nothing(plain: Outcome, tmp_path: Path) -> None:
    folder = shop(History()).write(tmp_path / "shop", bare=False)
    (folder / ".gitattributes").write_text("*.py -diff binary\n")
    (folder / ".mailmap").write_text("Nobody <no@shop.test> Ada Byron <ada@shop.test>\n")
    (folder / "shop/till.py").write_text("raise SystemExit\n")
    (folder / ".git/index").write_bytes(b"no index")
    for name, value in {
        "core.bigFileThreshold": "1",
        "core.attributesFile": str(folder / ".gitattributes"),
        "core.abbrev": "4",
        "diff.suppressBlankEmpty": "true",
        "diff.indentHeuristic": "false",
        "diff.noprefix": "true",
        "diff.context": "0",
        "diff.interHunkContext": "90",
        "diff.algorithm": "patience",
        "diff.renames": "copies",
        "diff.renameLimit": "1",
        "diff.relative": "true",
        "diff.orderFile": str(folder / "shop/cart.py"),
        "diff.ignoreSubmodules": "all",
        "color.ui": "always",
        "color.diff": "always",
        "log.showRoot": "false",
        "log.diffMerges": "first-parent",
        "log.mailmap": "true",
        "log.date": "relative",
        "log.decorate": "full",
        "log.follow": "true",
        "format.pretty": "%H",
        "format.notes": "*",
        "i18n.logOutputEncoding": "UTF-16",
    }.items():
        git(folder, "config", name, value)
    assert_same(mine(folder, tmp_path / "out"), plain)


def test_a_work_tree_that_the_configuration_puts_elsewhere_is_not_gone_to(plain: Outcome, tmp_path: Path) -> None:
    folder = shop(History()).write(tmp_path / "shop", bare=False)
    History().write(tmp_path / "elsewhere", bare=False)
    git(folder, "config", "core.worktree", str(tmp_path / "elsewhere"))
    assert_same(mine(folder, tmp_path / "out"), plain)
    git(folder, "config", "core.worktree", str(tmp_path / "nowhere"))
    assert_same(mine(folder, tmp_path / "again"), plain)


def test_variables_of_a_surrounding_git_command_change_nothing(
    plain: Outcome, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = shop(History()).write(tmp_path / "shop")
    for name in (
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_COMMON_DIR",
        "GIT_SHALLOW_FILE",
        "GIT_GRAFT_FILE",
        "GIT_NAMESPACE",
    ):
        monkeypatch.setenv(name, str(tmp_path / "nowhere"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "/bin/false")
    monkeypatch.setenv("GIT_CONFIG_PARAMETERS", "'log.showRoot=false'")
    monkeypatch.setenv("GIT_LITERAL_PATHSPECS", "1")
    assert_same(mine(folder, tmp_path / "out"), plain)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[core\n", "git cannot read it: fatal: bad config line"),
        ("[core]\n\trepositoryformatversion = 99\n", "git cannot read it: fatal: Expected git repo version"),
        ("[core]\n\trepositoryformatversion = 1\n[extensions]\n\tmagic = true\n", "git cannot read it: "),
    ],
)
def test_a_configuration_that_git_refuses_is_quoted(line: str, message: str, tmp_path: Path) -> None:
    folder = shop(History()).write(tmp_path / "shop")
    with (folder / "config").open("a") as config:
        config.write(line)
    with pytest.raises(RepoError) as caught:
        mine(folder, tmp_path / "out")
    assert message in caught.value.message and caught.value.hint


def test_a_repository_with_sha256_is_mined(tmp_path: Path) -> None:
    outcome = mine(shop(History()).write(tmp_path / "shop", form="sha256"), tmp_path / "out")
    assert {"file", "edit"} <= {pair.kind for pair in outcome.pairs} and outcome.additions
    assert {len(pair.commit) for pair in outcome.pairs} == {64}


@pytest.mark.parametrize("branch", ["--upload-pack=x", "-n", "caf\udce9", "main\u00a0", "a/b/-c"])
def test_a_branch_may_have_any_name(branch: str, plain: Outcome, tmp_path: Path) -> None:
    folder = shop(History()).write(tmp_path / "shop")
    place = os.fsencode(folder / "refs/heads" / branch)
    os.makedirs(os.path.dirname(place), exist_ok=True)
    with open(place, "w") as reference:
        reference.write(git(folder, "rev-parse", "main"))
    (folder / "HEAD").write_bytes(b"ref: refs/heads/" + os.fsencode(branch) + b"\n")
    (folder / "refs/heads/main").unlink()
    assert_same(mine(folder, tmp_path / "out"), plain)


def test_a_tag_of_the_branchs_name_does_not_stand_in_for_it(plain: Outcome, tmp_path: Path) -> None:
    folder = shop(History()).write(tmp_path / "shop")
    git(folder, "tag", "main", "main~3")
    git(folder, "tag", "HEAD", "main~2")
    assert_same(mine(folder, tmp_path / "out"), plain)
