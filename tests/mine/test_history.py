"""History is read as git tells it, whatever its messages and files contain."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tiny_repo import git
from tuner.errors import RepoError
from tuner.mine.history import Commit, Hunk, first_parent_line, introduced_at, read_commits, read_patches
from tuner.mine.plumbing import Blobs, Git
from tuner.records import Repo


def test_commits_agree_with_git_log(tiny: Path, tiny_opened: Repo) -> None:
    read = list(read_commits(Git(tiny), tiny_opened.revision, 100))
    assert [each.sha for each in read] == git(tiny, "log", "--format=%H").split()
    assert [each.subject for each in read] == git(tiny, "log", "--format=%s").splitlines()
    assert sum(len(each.parents) == 2 for each in read) == 1
    (move,) = [each for each in read if each.subject == "Move amounts to money"]
    assert [(change.status, change.path) for change in move.changes] == [("R100", "ledger/money.py")]
    assert len(list(read_commits(Git(tiny), tiny_opened.revision, 5))) == 5


def test_patches_agree_with_the_blobs(tiny: Path, tiny_opened: Repo) -> None:
    commits = [each for each in read_commits(Git(tiny), tiny_opened.revision, 100) if len(each.parents) < 2]
    seen = 0
    with Blobs(Git(tiny)) as blobs:
        for commit, patches in read_patches(Git(tiny), commits, ["*.py", "*.go"]):
            matching = [each.path for each in commit.changes if each.path.endswith((".py", ".go"))]
            assert {patch.change.path for patch in patches} <= set(matching)
            assert bool(patches) == bool(
                [each for each in commit.changes if each.path in matching and each.status != "R100"]
            )
            for patch in patches:
                data, _ = blobs.read(patch.change.new_sha or "", 1 << 20)
                assert data is not None
                lines = data.split(b"\n")
                for hunk in patch.hunks:
                    added = [lines[number] for start, end in hunk.added_runs() for number in range(start, end)]
                    assert added == hunk.added()
                    seen += len(added)
    assert seen > 200


def test_content_that_looks_like_git_output_does_not_mislead(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    traps = f"{'a' * 40}\ndiff --git a/x b/x\n@@ -1,9 +1,9 @@\n--- a\n+++ b\n\\ no newline"
    for number in range(3):
        (tmp_path / "trap ü.py").write_text(f"{number}\n{traps * (number + 1)}")
        git(tmp_path, "add", ".")
        message = f"{number} \x01{'b' * 40}\n\n:100644 100644 {'c' * 40} {'d' * 40} M\n"
        git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@b.test", "commit", "--quiet", "-m", message)
    head = git(tmp_path, "rev-parse", "HEAD").strip()
    commits = list(read_commits(Git(tmp_path), head, 10))
    assert [[change.path for change in each.changes] for each in commits] == [["trap ü.py"]] * 3
    read = list(read_patches(Git(tmp_path), commits, ["*.py"]))
    assert [commit.sha for commit, _ in read] == [each.sha for each in commits]
    assert all(len(patches) == 1 for _, patches in read)


def one_commit(folder: Path, mailmap: bytes | None) -> Commit:
    git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "a.py").write_text("a = 1\n")
    if mailmap is not None:
        (folder / ".mailmap").write_bytes(mailmap)
    git(folder, "add", ".")
    git(folder, "-c", "user.name=ada", "-c", "user.email=ada@old.test", "commit", "--quiet", "-m", "Add a")
    (commit,) = read_commits(Git(folder), git(folder, "rev-parse", "HEAD").strip(), 10)
    return commit


def test_the_mail_map_names_the_author(tmp_path: Path) -> None:
    mailmap = b"Ada Byron <ada@new.test> <ada@old.test>\n"
    (tmp_path / "with").mkdir()
    mapped = one_commit(tmp_path / "with", mailmap)
    assert (mapped.author, mapped.email) == ("Ada Byron", "ada@new.test")
    git(tmp_path, "clone", "--quiet", "--bare", "with", "bare")
    assert list(read_commits(Git(tmp_path / "bare"), mapped.sha, 10)) == [mapped]
    (tmp_path / "without").mkdir()
    assert one_commit(tmp_path / "without", None).author == "ada"


@pytest.mark.parametrize(
    "mailmap",
    [
        b"",
        b"\xff\xfe<<<>>>\0\n<" + b"x" * 100_000,
        b"# only a comment\nno address\n",
        b"<>\n<> <>\n< < > >\n",
        b"\x01" + b"a" * 40 + b" <ada@old.test>\n",
    ],
)
def test_a_broken_mail_map_stops_nothing(tmp_path: Path, mailmap: bytes) -> None:
    read = one_commit(tmp_path, mailmap)
    assert [change.path for change in read.changes] == [".mailmap", "a.py"] and read.message == "Add a\n"


def test_a_map_outside_of_the_repository_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_text("Eve <eve@x.test> <ada@old.test>\n")
    (tmp_path / "repository").mkdir()
    sha = one_commit(tmp_path / "repository", None).sha
    git(tmp_path / "repository", "config", "mailmap.file", str(tmp_path / "elsewhere"))
    assert git(tmp_path / "repository", "log", "--format=%aN").strip() == "Eve"
    assert [each.author for each in read_commits(Git(tmp_path / "repository"), sha, 10)] == ["ada"]


def test_runs_are_counted_from_the_hunk() -> None:
    hunk = Hunk(10, 10, [b" a", b"-b", b"+c", b"+d", b" e", b"+f"])
    assert list(hunk.added_runs()) == [(10, 12), (13, 14)]
    assert (hunk.old(), hunk.new()) == ([b"a", b"b", b"e"], [b"a", b"c", b"d", b"e", b"f"])


def test_a_side_branch_belongs_to_the_merge_that_brought_it(tiny: Path, tiny_opened: Repo) -> None:
    commits = {each.sha: each for each in read_commits(Git(tiny), tiny_opened.revision, 100)}
    line = first_parent_line(commits, tiny_opened.revision)
    assert line == git(tiny, "rev-list", "--first-parent", "--reverse", "HEAD").split()
    place = introduced_at(commits, line)
    (merge,) = [each for each in commits.values() if len(each.parents) == 2]
    assert place[merge.parents[1]] == place[merge.sha] == line.index(merge.sha)


def test_a_large_blob_is_passed_over_and_the_next_one_read(tiny: Path) -> None:
    sha = git(tiny, "rev-parse", "HEAD:ledger/book.py").strip()
    with Blobs(Git(tiny)) as blobs:
        assert blobs.read(sha, 10)[0] is None
        assert blobs.read("0" * 40, 10) == (None, -1)
        data, size = blobs.read(sha, 1 << 20)
    assert data == (tiny / "ledger/book.py").read_bytes() and size == len(data)


def test_bytes_that_are_no_utf8_stay_in_paths_and_are_replaced_in_messages(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    path = b"caf\xe9.py".decode("utf-8", "surrogateescape")
    (tmp_path / path).write_text("x = 1\n")
    git(tmp_path, "add", ".")
    tree = git(tmp_path, "write-tree").strip()
    who = "a <a@b.test> 1700000000 +0000"
    raw = f"tree {tree}\nauthor {who}\ncommitter {who}\n\n".encode() + b"caf\xe9 \xc3\xbc\n"
    (tmp_path / "commit").write_bytes(raw)
    head = git(tmp_path, "hash-object", "-t", "commit", "-w", "commit").strip()
    (commit,) = read_commits(Git(tmp_path), head, 10)
    assert commit.message.strip() == "caf\N{REPLACEMENT CHARACTER} ü"
    assert [change.path for change in commit.changes] == [path]


def test_a_history_with_a_hole_is_an_error_and_not_a_shorter_history(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    for number in range(4):
        (tmp_path / f"{number}.py").write_text(f"x = {number}\n")
        git(tmp_path, "add", ".")
        git(tmp_path, "-c", "user.name=a", "-c", "user.email=a@b.test", "commit", "--quiet", "-m", f"Add {number}")
    tree = git(tmp_path, "rev-parse", "HEAD~2^{tree}").strip()
    (tmp_path / ".git" / "objects" / tree[:2] / tree[2:]).unlink()
    with pytest.raises(RepoError, match="git log failed"):
        list(read_commits(Git(tmp_path), "HEAD", 10))
