"""History is read as git tells it, whatever its messages and files contain."""

from __future__ import annotations

from pathlib import Path

from tests.tiny_repo import git
from tuner.mine.history import Hunk, first_parent_line, introduced_at, read_commits, read_patches
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


def test_runs_are_counted_from_the_hunk() -> None:
    hunk = Hunk(10, [b" a", b"-b", b"+c", b"+d", b" e", b"+f"])
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
