"""REPO names one repository, several, or a file of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tuner.errors import RepoError
from tuner.mine.repositories import open_repositories, together
from tuner.progress import Progress
from tuner.records import Repo


def repository(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for command in (
        ["init", "-q", "-b", "main"],
        ["commit", "-q", "--allow-empty", "-m", "one"],
        ["commit", "-q", "--allow-empty", "-m", "two"],
    ):
        subprocess.run(
            ["git", "-c", "user.name=Ada Byron", "-c", "user.email=ada@ledger.dev", *command], cwd=folder, check=True
        )
    return folder


def opened(source: str, tmp_path: Path) -> list[Repo]:
    return open_repositories(source, tmp_path / "clones", Progress())


def test_one_path_is_one_repository_even_with_a_space_in_it(tmp_path: Path) -> None:
    folder = repository(tmp_path / "my ledger")
    assert [repo.name for repo in opened(str(folder), tmp_path)] == ["my ledger"]


def test_several_paths_are_several_repositories_in_their_order(tmp_path: Path) -> None:
    web, api = repository(tmp_path / "web"), repository(tmp_path / "api")
    assert [repo.name for repo in opened(f"{web} {api}", tmp_path)] == ["web", "api"]


def test_more_paths_than_a_file_name_may_have_characters_are_several(tmp_path: Path) -> None:
    folders = [repository(tmp_path / f"{number:03}-{'x' * 200}") for number in range(24)]
    assert len(opened(" ".join(map(str, folders)), tmp_path)) == 24


def test_a_path_with_a_space_that_is_not_there_is_named_whole(tmp_path: Path) -> None:
    with pytest.raises(RepoError, match=f"^{tmp_path}/my ledger: no such folder"):
        opened(f"{tmp_path}/my ledger", tmp_path)


def test_a_file_lists_repositories_relative_to_itself(tmp_path: Path) -> None:
    repository(tmp_path / "web")
    repository(tmp_path / "team" / "api")
    listed = tmp_path / "repositories.txt"
    listed.write_text("# ours\nweb\n\n  team/api  \n", encoding="utf-8")
    assert [repo.name for repo in opened(str(listed), tmp_path)] == ["web", "api"]


def test_repositories_of_one_name_are_told_apart_by_their_folder(tmp_path: Path) -> None:
    one, other = repository(tmp_path / "shop" / "api"), repository(tmp_path / "bank" / "api")
    assert [repo.name for repo in opened(f"{one} {other}", tmp_path)] == ["shop-api", "bank-api"]


def test_several_have_one_name_and_one_revision_together(tmp_path: Path) -> None:
    repos = [Repo(name, f"/{name}", name * 40, "main") for name in "abcd"]
    assert together(repos[:1]) == repos[0]
    assert together(repos[:3]).name == "a+b+c"
    assert together(repos).name == "a+b+2-more"
    assert together(repos).revision != together(repos[::-1]).revision


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "{file}: lists no repository\nhint: write one path or git URL in each line"),
        (
            "\nnowhere\n",
            "{file}:2: 'nowhere' is no folder and no git URL\n"
            "hint: REPO= takes the folder of a repository, or a text file with one repository in each line",
        ),
        (
            "https://ada:hunter2@host/x y\nbad://ada:hunter2@host\n",
            "{file}:2: 'bad://***@host' is no folder and no git URL\n"
            "hint: REPO= takes the folder of a repository, or a text file with one repository in each line",
        ),
    ],
)
def test_a_file_that_lists_no_repositories_is_refused_with_its_line(tmp_path: Path, text: str, fault: str) -> None:
    listed = tmp_path / "repositories.txt"
    listed.write_text(text, encoding="utf-8")
    with pytest.raises(RepoError) as stopped:
        opened(str(listed), tmp_path)
    assert str(stopped.value) == fault.format(file=listed)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF\xff\xfe\x00")
    with pytest.raises(RepoError, match="is a file, wanted a folder, or a text file with one repository in each line"):
        opened(str(tmp_path / "model.gguf"), tmp_path)


def test_a_repository_that_stands_twice_is_refused(tmp_path: Path) -> None:
    folder = repository(tmp_path / "web")
    with pytest.raises(RepoError, match="web: stands twice in REPO"):
        opened(f"{folder} {folder}/.", tmp_path)
