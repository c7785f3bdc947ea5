"""What a user may name as a repository, and the exact message for what they may not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.mine.conftest import mine
from tests.tiny_repo import build_tiny_repo, git
from tuner.errors import RepoError
from tuner.mine.repository import open_repository, without_credentials
from tuner.progress import Progress


def refused(source: str, clones: Path) -> tuple[str, str | None]:
    with pytest.raises(RepoError) as caught:
        open_repository(source, clones, Progress())
    return caught.value.message, caught.value.hint


def opened(source: object, clones: Path):
    return open_repository(str(source), clones, Progress())


def empty_repository(folder: Path) -> Path:
    folder.mkdir()
    git(folder, "init", "--quiet", "--initial-branch=main")
    return folder


def test_a_work_tree_a_folder_in_it_and_its_git_folder_are_the_same_repository(tiny: Path, tmp_path: Path) -> None:
    whole = opened(tiny, tmp_path)
    assert (whole.name, whole.path, whole.branch) == ("ledger", str(tiny), "main")
    assert whole.revision == git(tiny, "rev-parse", "HEAD").strip()
    assert opened(tiny / "ledger", tmp_path) == whole
    assert opened(tiny / ".git", tmp_path).revision == whole.revision
    assert opened(tiny / ".git", tmp_path).name == "ledger"


def test_the_tiny_repository_is_the_same_on_every_machine(tiny: Path) -> None:
    assert git(tiny, "rev-parse", "HEAD").strip() == "bb84a376f6b17a803685d1873052ff9ee672e333"


@pytest.mark.parametrize("name", ["ledger.git", "repo"])
def test_a_bare_repository_opens_under_any_name(name: str, tmp_path: Path, tiny: Path) -> None:
    bare = build_tiny_repo(tmp_path / name, bare=True)
    assert opened(bare, tmp_path).revision == git(tiny, "rev-parse", "HEAD").strip()
    assert opened(bare, tmp_path).name == name.removesuffix(".git")


def test_a_detached_head_has_no_branch(tmp_path: Path) -> None:
    folder = build_tiny_repo(tmp_path / "loose")
    git(folder, "checkout", "--quiet", "--detach", "HEAD~2")
    repo = opened(folder, tmp_path)
    assert repo.branch is None and repo.revision == git(folder, "rev-parse", "main~2").strip()


def test_a_url_is_mirrored_without_a_work_tree_and_fetched_the_second_time(tmp_path: Path) -> None:
    origin = build_tiny_repo(tmp_path / "origin" / "ledger", commits=20)
    url = f"file://{origin}"
    first = opened(url, tmp_path / "clones")
    assert first.name == "ledger" and first.path.startswith(str(tmp_path / "clones" / "ledger-"))
    assert not list(Path(first.path).glob("*.py")) and not list(Path(first.path).glob("hooks/*"))
    git(origin, "-c", "user.name=a", "-c", "user.email=a@b.test", "commit", "--quiet", "--allow-empty", "-m", "More")
    second = opened(url, tmp_path / "clones")
    assert second.path == first.path and second.revision == git(origin, "rev-parse", "HEAD").strip() != first.revision


def test_nothing_of_the_repositorys_own_configuration_runs(tmp_path: Path) -> None:
    folder = build_tiny_repo(tmp_path / "hostile")
    trap = tmp_path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    (folder / ".gitattributes").write_text("*.py diff=trap filter=trap\n")
    for key in ("core.fsmonitor", "diff.external", "diff.trap.textconv", "diff.trap.command", "filter.trap.smudge"):
        git(folder, "config", key, str(trap))
    git(folder, "config", "core.hooksPath", str(tmp_path))
    mine(folder, tmp_path / "out")
    assert not (tmp_path / "sprung").exists()
    git(folder, "log", "-p", "--ext-diff", "--textconv", "-1")  # the trap does work
    assert (tmp_path / "sprung").exists()


def test_each_thing_that_is_no_repository_has_its_own_message(tmp_path: Path) -> None:
    path = "give REPO= the path of a git repository, or its URL"
    assert refused("", tmp_path) == ("REPO is empty, wanted a path or a git URL", "make train REPO=path-or-url")
    assert refused(f"{tmp_path}/none", tmp_path) == (f"{tmp_path}/none: no such folder", path)
    (tmp_path / "file").write_text("x")
    assert refused(f"{tmp_path}/file", tmp_path) == (
        f"{tmp_path}/file: is a file, wanted a folder",
        "give REPO= the folder that holds the repository",
    )
    (tmp_path / "plain").mkdir()
    assert refused(f"{tmp_path}/plain", tmp_path) == (
        f"{tmp_path}/plain: not a git repository",
        "give REPO= a folder that `git status` accepts, or a git URL",
    )


def test_a_repository_without_history_is_refused(tmp_path: Path) -> None:
    folder = empty_repository(tmp_path / "young")
    assert refused(str(folder), tmp_path) == (
        f"{folder}: the repository has no commits yet",
        "commit something first, or choose another branch",
    )
    git(folder, "-c", "user.name=a", "-c", "user.email=a@b.test", "commit", "--quiet", "--allow-empty", "-m", "First")
    assert refused(str(folder), tmp_path) == (
        f"{folder}: the repository has 1 commit, wanted at least 2: older to learn from, newer to be judged by",
        "give REPO= a repository with history, or a clone made without --depth",
    )


def test_a_shallow_and_a_partial_clone_are_refused_with_the_way_out(tiny: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "--quiet", "--depth=3", f"file://{tiny}", "shallow")
    folder = tmp_path / "shallow"
    assert refused(str(folder), tmp_path) == (
        f"{folder}: a shallow clone, only the newest 3 commits are here, so most edits are lost",
        f"git -C {folder} fetch --unshallow",
    )
    git(tmp_path, "clone", "--quiet", str(tiny), "partial")
    git(tmp_path / "partial", "config", "remote.origin.promisor", "true")
    message, hint = refused(str(tmp_path / "partial"), tmp_path)
    assert message.endswith("a partial clone, file contents of older commits are not here")
    assert hint == "clone it again without --filter"


def test_an_unreachable_url_quotes_git_and_hides_the_password(tmp_path: Path) -> None:
    message, hint = refused(f"file://{tmp_path}/nothing.git", tmp_path / "clones")
    assert message.startswith(f"file://{tmp_path}/nothing.git: cannot be reached: fatal: ")
    assert hint == "check the address and your access; a path to a clone on this machine works without network"
    message, _ = refused("http://ada:hunter22@127.0.0.1:9/ledger.git", tmp_path / "clones")
    assert "hunter22" not in message and message.startswith("http://***@127.0.0.1:9/ledger.git: cannot be reached: ")
    assert not list((tmp_path / "clones").iterdir())


def test_credentials_are_hidden_in_any_part_of_a_url() -> None:
    assert without_credentials("https://a:b@host/x?access_token=1") == "https://***@host/x?***"
    assert without_credentials("git@host:team/x.git") == "git@host:team/x.git"
