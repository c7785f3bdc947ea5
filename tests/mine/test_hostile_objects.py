"""Damaged, grafted, borrowed and moving repositories: a clear error, or a counted rejection and the rest is mined."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.mine.conftest import Outcome, assert_same, mine
from tests.mine.histories import History, code, function, shop
from tests.tiny_repo import git
from tuner.errors import RepoError
from tuner.progress import Progress, Track
from tuner.records import Rejected


def place_of(folder: Path, name: str) -> Path:
    """Find the file of a loose object."""
    sha = git(folder, "rev-parse", name).strip()
    return folder / "objects" / sha[:2] / sha[2:]


def damage(folder: Path, name: str) -> None:
    place = place_of(folder, name)
    place.chmod(0o644)
    place.write_bytes(b"this was an object once")


def refused(folder: Path, out: Path) -> str:
    with pytest.raises(RepoError) as caught:
        mine(folder, out)
    assert caught.value.hint == f"`git -C {folder} fsck` looks for damage"
    return caught.value.message


@pytest.mark.parametrize("kind", ["damaged", "missing"])
def test_a_blob_that_cannot_be_read_is_counted_and_the_rest_is_mined(kind: str, tmp_path: Path) -> None:
    folder = shop(History()).write(tmp_path / "shop")
    cut = git(folder, "rev-parse", "main~3").strip()
    if kind == "damaged":
        damage(folder, f"{cut}:shop/cart.py")
    else:
        place_of(folder, f"{cut}:shop/cart.py").unlink()
    outcome = mine(folder, tmp_path / "out")
    assert {pair.path for pair in outcome.pairs if pair.kind == "file"} == {"shop/stock.py", "shop/till.py"}
    of_commits = {each for each in outcome.rejected if each.reason == "unreadable"}
    assert Rejected("shop/cart.py", "mine", "missing_object") in outcome.rejected and len(of_commits) == 2
    assert {"edit", "message"} <= {pair.kind for pair in outcome.pairs} and outcome.additions


def test_a_damaged_blob_that_git_needs_to_follow_a_rename_is_named(tmp_path: Path) -> None:
    history = shop(History())
    history.commit("Move the till", {"shop/till.py": None, "shop/desk.py": function("desk", "refund") + code("till")})
    folder = shop(history).write(tmp_path / "shop")
    blob = git(folder, "rev-parse", "main~9:shop/desk.py").strip()
    damage(folder, blob)
    assert refused(folder, tmp_path / "out") == f"{folder}: git log failed: fatal: unable to read {blob}"


def test_what_was_damaged_is_read_again_once_it_is_repaired(plain: Outcome, tmp_path: Path) -> None:
    folder = shop(History()).write(tmp_path / "shop")
    places = [place_of(folder, f"main~{number}:shop/cart.py") for number in (0, 3)]
    for place in places:
        place.rename(place.with_suffix(".away"))
    damaged = mine(folder, tmp_path / "out", memory=tmp_path / "memory")
    assert damaged.mined.rejected_counts.keys() >= {"missing_object", "unreadable"}
    for place in places:
        place.with_suffix(".away").rename(place)
    repaired = mine(folder, tmp_path / "out", memory=tmp_path / "memory")
    assert repaired.mined.metrics["mine.remembered"] > 0
    assert_same(repaired, plain)


def test_a_damaged_tree_of_the_cut_is_named(tmp_path: Path) -> None:
    folder = shop(History()).write(tmp_path / "shop")
    tree = git(folder, "rev-parse", "main~3:shop").strip()
    damage(folder, tree)
    assert refused(folder, tmp_path / "out").startswith(f"{folder}: git log failed: fatal: loose object {tree} ")


def test_a_damaged_commit_is_named(tmp_path: Path) -> None:
    folder = shop(History()).write(tmp_path / "shop")
    commit = git(folder, "rev-parse", "main~4").strip()
    damage(folder, commit)
    assert refused(folder, tmp_path / "out").startswith(f"{folder}: git log failed: fatal: loose object {commit} ")


def test_a_missing_parent_is_named(tmp_path: Path) -> None:
    folder = shop(History()).write(tmp_path / "shop")
    child = git(folder, "rev-parse", "main~3").strip()
    place_of(folder, "main~4").unlink()
    wanted = f"{folder}: git log failed: fatal: Failed to traverse parents of commit {child}"
    assert refused(folder, tmp_path / "out") == wanted


def test_a_truncated_pack_is_named(tmp_path: Path) -> None:
    folder = shop(History()).write(tmp_path / "shop")
    git(folder, "gc", "--quiet")
    (pack,) = folder.glob("objects/pack/*.pack")
    pack.chmod(0o644)
    head = git(folder, "rev-parse", "main").strip()
    os.truncate(pack, pack.stat().st_size // 3)
    assert refused(folder, tmp_path / "out") == f"{folder}: the commit of HEAD is missing or damaged ({head})"


def test_grafts_and_replaced_objects_change_nothing(plain: Outcome, tmp_path: Path) -> None:
    folder = shop(History()).write(tmp_path / "shop")
    shas = git(folder, "rev-list", "main").split()
    (folder / "info").mkdir(exist_ok=True)
    (folder / "info/grafts").write_text(f"{shas[1]} {shas[5]}\n{shas[3]}\n")
    git(folder, "replace", shas[0], shas[4])
    git(
        folder,
        "replace",
        git(folder, "rev-parse", "main:shop/cart.py").strip(),
        git(folder, "rev-parse", "main:shop/till.py").strip(),
    )
    assert len(git(folder, "rev-list", "main").split()) < len(shas)  # git itself goes by them
    assert_same(mine(folder, tmp_path / "out"), plain)


def test_borrowed_objects_are_read_and_a_lender_that_is_gone_is_no_harm(plain: Outcome, tmp_path: Path) -> None:
    lender = shop(History()).write(tmp_path / "lender")
    git(tmp_path, "clone", "--quiet", "--bare", "--shared", str(lender), "shop")
    folder = tmp_path / "shop"
    assert (folder / "objects/info/alternates").read_text().strip() == str(lender / "objects")
    assert_same(mine(folder, tmp_path / "out"), plain)
    lender.rename(tmp_path / "gone")
    assert "the commit of HEAD is missing or damaged" in refused(folder, tmp_path / "nothing")
    other = shop(History()).write(tmp_path / "other" / "shop")
    (other / "objects/info/alternates").write_text(f"{tmp_path}/nowhere\n../../../../etc\n{other}/objects\n")
    assert_same(mine(other, tmp_path / "again"), plain)


def test_a_detached_head_is_mined_and_an_unborn_one_is_refused(plain: Outcome, tmp_path: Path) -> None:
    folder = shop(History()).write(tmp_path / "shop")
    (folder / "HEAD").write_text(git(folder, "rev-parse", "main"))
    assert_same(mine(folder, tmp_path / "out"), plain)
    (folder / "HEAD").write_text("ref: refs/heads/unborn\n")
    with pytest.raises(RepoError, match="the repository has no commits yet"):
        mine(folder, tmp_path / "none")


def test_unrelated_histories_that_were_merged_are_both_mined(tmp_path: Path) -> None:
    history = shop(History())
    last = history.count
    other = history.commit("Begin with wallets", {"side/wallet.py": code("wallet")}, parents=[], at=1_690_000_000)
    other = history.commit(
        "Give the wallet a rebate",
        {"side/wallet.py": code("wallet") + "\n\n" + function("wallet", "rebate")},
        parents=[other],
        at=1_690_100_000,
    )
    history.commit("Merge the wallets", {}, parents=[last, other], at=1_701_000_000)
    for number in range(6):
        history.commit(
            f"Keep crate {number} apart",
            {f"side/crate{number}.py": code(f"crate{number}")},
            at=1_701_100_000 + number * 9,
        )
    outcome = mine(history.write(tmp_path / "shop"), tmp_path / "out")
    assert {"shop/till.py", "side/wallet.py"} <= {pair.path for pair in outcome.pairs if pair.kind == "edit"}


def test_another_users_repository_is_refused_until_it_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another user")
    folder = shop(History()).write(tmp_path / "shop")
    for place in (folder, *folder.rglob("*")):
        os.chown(place, 12_345, 12_345)
    with pytest.raises(RepoError, match="belongs to another user, so git refuses to read it") as caught:
        mine(folder, tmp_path / "out")
    assert caught.value.hint == f"if you trust it: git config --global --add safe.directory {folder}"
    (tmp_path / "gitconfig").write_text(f"[safe]\n\tdirectory = {folder}\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    assert mine(folder, tmp_path / "out").additions


class _Pushing(Progress):
    """Let the repository change at the first step of each piece of work."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pushed = 0

    @contextmanager
    def track(self, label: str, total: float | None, unit: str) -> Iterator[Track]:
        with super().track(label, total, unit) as track:
            before, advance = self.pushed, track.advance

            def pushing(count: float = 1) -> None:
                if self.pushed == before:
                    self.push()
                advance(count)

            track.advance = pushing  # type: ignore[method-assign]
            yield track

    def push(self) -> None:
        self.pushed += 1
        tree = git(self.folder, "rev-parse", "main~5^{tree}").strip()
        author = ["-c", "user.name=Ada", "-c", "user.email=ada@shop.test"]
        sha = git(self.folder, *author, "commit-tree", "-p", "main", "-m", "Go back", tree).strip()
        git(self.folder, "update-ref", "refs/heads/main", sha)
        git(self.folder, "repack", "-a", "-d", "--quiet")


def test_a_push_and_a_repack_in_the_middle_change_nothing(plain: Outcome, tmp_path: Path) -> None:
    folder = shop(History()).write(tmp_path / "shop")
    progress = _Pushing(folder)
    outcome = mine(folder, tmp_path / "out", progress=progress)
    assert progress.pushed >= 4
    assert_same(outcome, plain)
