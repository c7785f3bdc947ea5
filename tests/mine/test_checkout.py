"""A commit's files are written without running, following or leaving out what a checkout might."""

from __future__ import annotations

from pathlib import Path

from tests.tiny_repo import git
from tuner.mine.checkout import write_tree
from tuner.records import Repo


def test_files_are_written_as_committed_and_no_link_leads_out(tmp_path: Path) -> None:
    work = tmp_path / "repo"
    (work / "tests").mkdir(parents=True)
    git(work, "init", "--quiet", "--initial-branch=main")
    (work / ".gitattributes").write_text("tests export-ignore\n*.txt filter=harm text eol=crlf\n")
    (work / "tests/test_a.py").write_text("def test_a():\n    pass\n")
    (work / "run.sh").write_text("#!/bin/sh\n")
    (work / "run.sh").chmod(0o755)
    (work / "a.txt").write_text("one\n")
    for name, target in {"in": "tests", "out": "/etc/passwd", "up": "../secret", "tests/up": "../../secret"}.items():
        (work / name).symlink_to(target)
    git(work, "config", "filter.harm.smudge", f"touch {tmp_path}/harm; cat")
    git(work, "add", ".")
    git(work, "-c", "user.name=Ada", "-c", "user.email=ada@example.test", "commit", "--quiet", "-m", "Add all")
    hook = work / ".git/hooks/post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/harm\n")
    hook.chmod(0o755)
    revision = git(work, "rev-parse", "HEAD").strip()
    repo = Repo("repo", str(work), revision, "main")

    write_tree(repo, revision, tmp_path / "tip")
    found = {path.relative_to(tmp_path / "tip").as_posix() for path in (tmp_path / "tip").rglob("*")}
    assert found == {".gitattributes", "a.txt", "run.sh", "in", "tests", "tests/test_a.py"}
    assert (tmp_path / "tip/a.txt").read_bytes() == b"one\n"
    assert (tmp_path / "tip/run.sh").stat().st_mode & 0o111
    assert not (tmp_path / "harm").exists()

    write_tree(repo, revision, tmp_path / "python", ".py")
    assert [path.name for path in (tmp_path / "python").rglob("*") if path.is_file()] == ["test_a.py"]
