"""Repositories that bring programs: whatever their configuration names, reading them starts nothing but git."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mine.conftest import Outcome, mine
from tests.mine.histories import History, shop
from tests.tiny_repo import git
from tuner.errors import RepoError

HOOKS = (
    "post-index-change",
    "reference-transaction",
    "post-checkout",
    "pre-auto-gc",
    "post-rewrite",
    "fsmonitor-watchman",
)
# Every setting of git-config(1) that names a program which reading, fetching or cloning could start.
SETTINGS = (
    *("core.fsmonitor", "core.pager", "core.sshCommand", "core.gitProxy", "core.askPass", "core.editor"),
    *("core.alternateRefsCommand", "diff.external", "diff.trap.textconv", "diff.trap.command", "diff.guitool"),
    *("filter.trap.clean", "filter.trap.smudge", "filter.trap.process", "merge.trap.driver", "interactive.diffFilter"),
    *("gpg.program", "gpg.ssh.program", "gpg.x509.program", "credential.helper", "pager.log", "pager.diff-tree"),
    *("uploadpack.packObjectsHook", "remote.origin.uploadpack", "remote.origin.receivepack", "trailer.sign.command"),
    *("sequence.editor", "web.browser", "man.viewer", "difftool.trap.cmd", "mergetool.trap.cmd", "trace2.eventTarget"),
)
SIGNED = """tree {tree}
parent {parent}
author Ada Byron <ada@shop.test> 1700900000 +0000
committer Ada Byron <ada@shop.test> 1700900000 +0000
gpgsig -----BEGIN PGP SIGNATURE-----
 
 iQEzBAABCAAdFiEE
 -----END PGP SIGNATURE-----

Sign the till
"""


@pytest.fixture
def canary(tmp_path: Path) -> Iterator[Path]:
    """Give a program that leaves a file behind; the test fails if the file is there in the end."""
    yield trap(tmp_path)
    sprung = tmp_path / "sprung"
    assert not sprung.exists(), f"a program of the repository ran: {sprung.read_text()}"


def trap(folder: Path) -> Path:
    """Write a program that notes how it was called."""
    program = folder / "trap.sh"
    program.write_text(f'#!/bin/sh\necho "$0 $@" >> {folder}/sprung\n')
    program.chmod(0o755)
    return program


def trapped(folder: Path, canary: Path) -> Path:
    """Write a repository in which everything that can name a program names the canary."""
    shop(History()).write(folder, bare=False)
    (folder / ".gitattributes").write_text("* diff=trap filter=trap merge=trap\n")
    (folder / ".git/info/attributes").write_text("* diff=trap filter=trap merge=trap\n")
    signed = SIGNED.format(
        tree=git(folder, "rev-parse", "HEAD^{tree}").strip(), parent=git(folder, "rev-parse", "HEAD").strip()
    )
    sha = git(folder, "hash-object", "-t", "commit", "-w", "--stdin", given=signed.encode()).strip()
    git(folder, "update-ref", "refs/heads/main", sha)
    for name in SETTINGS:
        git(folder, "config", name, str(canary))
    for name, value in {
        "core.hooksPath": str(canary.parent / "hooks"),
        "log.showSignature": "true",
        "protocol.allow": "always",
        "protocol.ext.allow": "always",
        "remote.origin.url": f"ext::{canary} %S",
        "alias.log": f"!{canary}",
        "alias.diff-tree": f"!{canary}",
        "alias.cat-file": f"!{canary}",
        "submodule.part.update": f"!{canary}",
        "core.fsmonitorHookVersion": "2",
        "fetch.recurseSubmodules": "true",
        "include.path": str(canary.parent / "more.config"),
    }.items():
        git(folder, "config", name, value)
    (canary.parent / "more.config").write_text(f"[diff]\n\texternal = {canary}\n[core]\n\tfsmonitor = {canary}\n")
    for place in (canary.parent / "hooks", folder / ".git/hooks"):
        place.mkdir(exist_ok=True)
        for hook in HOOKS:
            shutil.copy(canary, place / hook)
    return folder


def test_no_program_that_the_configuration_names_is_started(tmp_path: Path, canary: Path) -> None:
    outcome = mine(trapped(tmp_path / "shop", canary), tmp_path / "out")
    assert_is_mined(outcome)


def test_no_program_is_started_when_such_a_repository_is_cloned_and_fetched(tmp_path: Path, canary: Path) -> None:
    folder = trapped(tmp_path / "shop", canary)
    assert_is_mined(mine(f"file://{folder}", tmp_path / "out"))
    assert_is_mined(mine(f"file://{folder}", tmp_path / "out"))


def test_the_trap_would_spring(tmp_path: Path) -> None:
    folder = trapped(tmp_path / "shop", trap(tmp_path))
    with contextlib.suppress(subprocess.CalledProcessError):
        git(folder, "log", "-p", "--ext-diff", "-2")
    assert (tmp_path / "sprung").exists()


def assert_is_mined(outcome: Outcome) -> None:
    assert {"file", "syntax_infilling", "body"} <= {pair.kind for pair in outcome.pairs}
    assert outcome.additions


@pytest.mark.parametrize("key", ["remote.origin.uploadpack", "core.sshCommand"])
def test_a_missing_object_is_not_fetched_by_a_program(key: str, tmp_path: Path, canary: Path) -> None:
    folder = shop(History()).write(tmp_path / "shop")
    git(folder, "config", key, str(canary))
    git(folder, "config", "remote.origin.url", str(tmp_path) if key.startswith("remote") else "ssh://host.test/shop")
    git(folder, "config", "remote.origin.promisor", "true")
    git(folder, "config", "extensions.partialClone", "origin")
    git(folder, "config", "core.repositoryFormatVersion", "1")
    (folder / "refs/heads").mkdir(exist_ok=True)
    (folder / "refs/heads/main").write_text("1" * 40 + "\n")
    with pytest.raises(RepoError) as caught:
        mine(folder, tmp_path / "out")
    assert caught.value.message == f"{folder}: the commit of HEAD is missing or damaged ({'1' * 40})"
    assert caught.value.hint == f"`git -C {folder} fsck` looks for damage"


def test_a_partial_clone_that_hides_what_it_is_starts_nothing_either(tmp_path: Path, canary: Path) -> None:
    folder = shop(History()).write(tmp_path / "shop")
    (tmp_path / "more.config").write_text(
        f'[remote "origin"]\n\turl = {tmp_path}\n\tuploadpack = {canary}\n\tpromisor = true\n'
    )
    git(folder, "config", "include.path", str(tmp_path / "more.config"))
    sha = git(folder, "rev-parse", "main~3:shop/cart.py").strip()
    (folder / "objects" / sha[:2] / sha[2:]).unlink()
    assert_is_mined(outcome := mine(folder, tmp_path / "out"))
    assert outcome.mined.rejected_counts["missing_object"] == 1
