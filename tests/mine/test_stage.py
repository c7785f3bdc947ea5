"""Mining as a whole: what lies before and after the cut, every drop counted, the same bytes each time."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import pytest

from tests.mine.conftest import Outcome, mine
from tests.mine.histories import DAY, START, VERBS, History, code
from tests.tiny_repo import FEATURES, PLANTED_EMAIL, PLANTED_SECRET, build_tiny_repo, git
from tuner.errors import RepoError
from tuner.mine.redact import find_secrets
from tuner.records import COMMIT_KINDS, INFILLING_KINDS, PAIR_KINDS


def test_no_training_pair_is_later_than_the_cut_and_every_addition_is(mined: Outcome, tiny: Path) -> None:
    before = set(git(tiny, "rev-list", mined.mined.cut.commit).split())
    after = set(git(tiny, "rev-list", "HEAD", f"^{mined.mined.cut.commit}").split())
    assert {pair.commit for pair in mined.pairs} <= before
    assert {each.commit for each in mined.additions} <= after
    assert max(pair.committed_at for pair in mined.pairs) <= mined.mined.cut.committed_at
    assert min(each.committed_at for each in mined.additions) > mined.mined.cut.committed_at


def test_a_third_of_the_code_commits_lies_after_the_cut_of_a_short_history(mined: Outcome) -> None:
    cut = mined.mined.cut
    assert cut.commits_after == (cut.commits_before + cut.commits_after) // 3 == 6
    assert cut.note == "6 of 20 code commits lie after it; 6 were wanted"


def test_all_kinds_of_pairs_come_out_and_enough_added_lines(mined: Outcome) -> None:
    counts = Counter(pair.kind for pair in mined.pairs)
    assert set(counts) == set(PAIR_KINDS)
    assert {kind: mined.mined.counts[kind] for kind in PAIR_KINDS} == counts
    assert sum(each.added.count("\n") for each in mined.additions) >= 20
    assert mined.mined.counts["additions"] == len(mined.additions)


def test_nothing_of_the_future_is_in_training(mined: Outcome) -> None:
    text = "\n".join(pair.instruction + pair.context + pair.response + pair.suffix for pair in mined.pairs)
    assert f"post_{FEATURES[0]}" in text
    assert not [name for name in FEATURES[4:] if f"post_{name}" in text]
    assert all(f"post_{name}" in "".join(each.added for each in mined.additions) for name in FEATURES[4:])


def test_an_addition_stands_in_the_file_of_its_commit(mined: Outcome, tiny: Path) -> None:
    for each in mined.additions:
        whole = git(tiny, "show", f"{each.commit}:{each.path}")
        assert each.prefix + each.added + each.suffix == whole
        assert each.parent == git(tiny, "rev-parse", f"{each.commit}^").strip()


def test_each_purpose_of_the_tiny_repository_has_its_reason(mined: Outcome) -> None:
    reasons = {each.reason for each in mined.rejected}
    assert reasons >= {
        *("merge", "bot_author", "revert", "reverted", "version_bump", "format_only", "no_text_change"),
        *("prose", "lock_file", "generated", "vendored", "whole_file_edit"),
    }
    assert Counter(each.reason for each in mined.rejected) == mined.mined.rejected_counts


def test_every_commit_and_every_file_is_kept_or_rejected(mined: Outcome, tiny: Path) -> None:
    rejected = {each.source for each in mined.rejected}
    commits = set(git(tiny, "rev-list", "HEAD").split())
    assert (
        len(commits & rejected) + mined.mined.counts["commits_kept"]
        == len(commits)
        == mined.mined.counts["commits_read"]
    )
    files = set(git(tiny, "ls-tree", "-r", "--name-only", mined.mined.cut.commit).splitlines())
    kept = {pair.path for pair in mined.pairs if pair.kind == "file"}
    assert kept | (files & rejected) == files and not kept & rejected
    assert mined.mined.counts["files_kept"] == len(kept)


def test_the_planted_secret_and_address_are_nowhere(mined: Outcome) -> None:
    for name in (mined.mined.pairs, mined.mined.additions, mined.mined.rejected):
        text = (mined.folder / name).read_text()
        assert PLANTED_SECRET not in text and PLANTED_EMAIL not in text
    assert mined.mined.counts["redacted.github_token"] >= 1  # once for each version of the file that was read
    for record in [*mined.pairs, *mined.additions]:
        assert not [
            each for value in dataclasses.astuple(record) if isinstance(value, str) for each in find_secrets(value)
        ]


def test_the_planted_secret_would_be_found(tiny: Path) -> None:
    assert {each.kind for each in find_secrets((tiny / "ledger/settings.py").read_text())} == {"github_token", "email"}


def test_mining_twice_gives_the_same_bytes_and_another_seed_does_not(
    mined: Outcome, tiny: Path, tmp_path: Path
) -> None:
    again, other = mine(tiny, tmp_path / "again"), mine(tiny, tmp_path / "other", seed=1)
    for name in (mined.mined.pairs, mined.mined.additions, mined.mined.rejected):
        assert (again.folder / name).read_bytes() == (mined.folder / name).read_bytes()
    assert (other.folder / mined.mined.pairs).read_bytes() != (mined.folder / mined.mined.pairs).read_bytes()
    assert (other.folder / mined.mined.additions).read_bytes() == (mined.folder / mined.mined.additions).read_bytes()


def test_worker_processes_give_the_same_bytes(
    mined: Outcome, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for few in ("snapshot.FEW_FILES", "changes.FEW_COMMITS", "scan.FEW_LINES"):
        monkeypatch.setattr(f"tuner.mine.{few}", 0)
    parallel = mine(tiny, tmp_path / "parallel")
    assert (parallel.folder / mined.mined.pairs).read_bytes() == (mined.folder / mined.mined.pairs).read_bytes()
    assert parallel.mined.rejected_counts == mined.mined.rejected_counts


def test_a_bare_repository_gives_the_same_bytes(mined: Outcome, tmp_path: Path) -> None:
    bare = mine(build_tiny_repo(tmp_path / "ledger.git", bare=True), tmp_path / "out")
    assert (bare.folder / mined.mined.pairs).read_bytes() == (mined.folder / mined.mined.pairs).read_bytes()


def test_a_named_cut_is_used_and_a_wrong_one_refused(tiny: Path, tmp_path: Path) -> None:
    named = mine(tiny, tmp_path / "a", cut="main~3")
    assert named.mined.cut.commit == git(tiny, "rev-parse", "main~3").strip() and named.mined.cut.commits_after == 3
    side = git(tiny, "rev-parse", "main~11^2").strip()
    for name, message in {
        "nowhere": "mine.cut is 'nowhere', which is no commit of ledger",
        "main": "mine.cut is 'main', the newest commit: nothing is left to evaluate on",
        side: f"mine.cut is {side!r}, which lies on a side branch",
    }.items():
        with pytest.raises(RepoError) as caught:
            mine(tiny, tmp_path / "b", cut=name)
        assert caught.value.message == message and caught.value.hint


def test_a_repository_without_code_is_refused_and_says_what_there_was(tiny: Path, tmp_path: Path) -> None:
    with pytest.raises(
        RepoError, match=r"^ledger: holds no code that passes the gates \(commit [0-9a-f]{12}, dropped: "
    ) as caught:
        mine(tiny, tmp_path, include=["nothing/**"])
    wanted = "is this the right REPO=? mine.include and mine.exclude choose the files, mine.cut the commit"
    assert caught.value.hint == wanted


def test_limits_of_the_settings_are_kept(tiny: Path, tmp_path: Path) -> None:
    most = {"syntax_infilling": 2, "line_infilling": 1, "repository_infilling": 1, "body": 1, "question": 2}
    wanted = {f"{kind}s_per_file" if kind == "question" else f"{kind}_per_file": count for kind, count in most.items()}
    small = mine(tiny, tmp_path, max_context_chars=200, max_edit_lines=8, edits_per_file=2, neighbours=1, **wanted)
    per_file = Counter((pair.kind, pair.path) for pair in small.pairs)
    for kind, count in most.items():
        assert max(found for (each, _), found in per_file.items() if each == kind) == count
    assert max(found for (kind, _), found in per_file.items() if kind in COMMIT_KINDS) == 2
    holes = [pair for pair in small.pairs if pair.kind in INFILLING_KINDS]
    assert all(len(pair.context) <= 200 and len(pair.suffix) <= 200 for pair in holes)
    assert max(len(pair.neighbours) for pair in holes) == 1
    assert all(len(each.prefix) <= 200 and len(each.suffix) <= 200 for each in small.additions)


def test_moved_lines_and_wrong_clocks_are_no_additions(tmp_path: Path) -> None:
    folder = build_tiny_repo(tmp_path / "moving")
    person = ("-c", "user.name=Ada", "-c", "user.email=ada@ledger.test")
    money, flows = folder / "ledger/money.py", folder / "ledger/flows.py"
    start = money.read_text().index("def parse_cents")
    moved, rest = money.read_text()[start:], money.read_text()[:start]
    money.write_text(rest)
    flows.write_text(flows.read_text() + "\n\n" + moved)
    git(folder, *person, "commit", "--quiet", "-am", "Move the reader of amounts to flows")
    outcome = mine(folder, tmp_path / "out")
    assert not [each for each in outcome.additions if "def parse_cents" in each.added]
    assert outcome.mined.rejected_counts["moved"] == 1
    git(folder, "reset", "--quiet", "--hard", "HEAD~1")
    flows.write_text(flows.read_text() + "\n\ndef late_flow(ledger, account):\n    return ledger.balance_of(account)\n")
    # fast-import, since the committer's date of `git commit` comes from the environment
    message, text = "Add a flow with a wrong clock", flows.read_text()
    stream = (
        f"commit refs/heads/main\ncommitter Ada <ada@ledger.test> 1600000000 +0000\ndata {len(message)}\n{message}\n"
        f"from refs/heads/main^0\nM 100644 inline ledger/flows.py\ndata {len(text.encode())}\n{text}\n"
    )
    git(folder, "fast-import", "--quiet", given=stream.encode())
    wrong = mine(folder, tmp_path / "wrong")
    assert wrong.mined.rejected_counts["date_before_cut"] == 1
    assert not [each for each in wrong.additions if "late_flow" in each.added]


def test_what_was_remembered_gives_the_same_bytes_and_is_not_read_again(
    mined: Outcome, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def not_again(miner: object, batch: list[object]) -> list[object]:
        raise AssertionError(f"read again: {batch}")

    memory = tmp_path / "memory"
    older = mine(tiny, tmp_path / "older", memory=memory)
    monkeypatch.setattr("tuner.mine.commit_facts.CommitMiner.__call__", not_again)
    monkeypatch.setattr("tuner.mine.file_facts.FileMiner.__call__", not_again)
    with pytest.raises(AssertionError, match="read again"):
        mine(tiny, tmp_path / "forgotten")
    again = mine(tiny, tmp_path / "again", memory=memory)
    assert older.mined.metrics["mine.remembered"] == 0
    assert again.mined.metrics["mine.remembered"] > again.mined.counts["files_kept"] + 20  # 20 code commits
    for name in (mined.mined.pairs, mined.mined.additions, mined.mined.rejected):
        assert (again.folder / name).read_bytes() == (mined.folder / name).read_bytes()


def test_two_repositories_are_cut_at_one_moment(tiny: Path, tmp_path: Path) -> None:
    other = build_tiny_repo(tmp_path / "other", commits=18)
    both = mine(f"{tiny} {other}", tmp_path / "out")
    assert [each.name for each in both.mined.repos] == ["ledger", "other"]
    assert {pair.repo for pair in both.pairs} == {"ledger", "other"}
    moments = {each.cut.committed_at for each in both.mined.repos if each.cut is not None}
    assert moments == {both.mined.cut.committed_at}
    assert max(pair.committed_at for pair in both.pairs) <= both.mined.cut.committed_at
    assert min(each.committed_at for each in both.additions) > both.mined.cut.committed_at


def test_a_day_can_be_named_as_the_cut(tiny: Path, tmp_path: Path) -> None:
    named = mine(tiny, tmp_path / "a", cut="2023-12-05")
    assert named.mined.cut.note == "named by mine.cut"
    assert max(pair.committed_at for pair in named.pairs) <= named.mined.cut.committed_at == 1_701_820_799
    for day, message in {
        "2023-13-05": "mine.cut is '2023-13-05', which is no day",
        "2013-12-05": "mine.cut: no repository has a commit up to that day",
        "2043-12-05": "mine.cut: no code commit lies after that day, nothing is left to evaluate on",
    }.items():
        with pytest.raises(RepoError) as caught:
            mine(tiny, tmp_path / "b", cut=day)
        assert caught.value.message == message and caught.value.hint


def test_old_changes_of_a_file_that_changes_all_the_time_are_not_read(tiny: Path, tmp_path: Path) -> None:
    few = mine(tiny, tmp_path, edits_per_file=1)  # four features lie before the cut, and all change the same two files
    spent = [each.source for each in few.rejected if each.reason == "enough_of_file" and len(each.source) == 40]
    assert spent == []
    monthly = build_tiny_repo(tmp_path / "monthly", commits=40)
    many = mine(monthly, tmp_path / "many", edits_per_file=1)
    spent = [each.source for each in many.rejected if each.reason == "enough_of_file" and len(each.source) == 40]
    features = git(monthly, "log", "--format=%H", many.mined.cut.commit, "--", "ledger/flows.py").split()
    assert spent == features[4:]


def test_one_clock_that_runs_ahead_does_not_cost_the_commits_after_the_cut(tmp_path: Path) -> None:
    ahead = History()
    for number in range(1, 13):
        files = {"shop/till.py": code("till", VERBS[: 1 + number % 5]), f"shop/part{number}.py": code(f"part{number}")}
        ahead.commit(
            f"Add the part number {number} of the shop", files, at=START + (300 if number == 3 else number) * DAY
        )
    outcome = mine(ahead.write(tmp_path / "shop"), tmp_path / "out")
    assert outcome.mined.rejected_counts.get("date_before_cut", 0) == 0
    assert outcome.mined.rejected_counts["date_after_cut"] == 1
    assert outcome.additions


def test_a_file_that_is_changed_often_weighs_more_under_the_name_that_it_has_at_the_cut(tmp_path: Path) -> None:
    history = History()
    history.commit(
        "Add the till, the cart and the stock", {f"shop/{each}.py": code(each) for each in ("till", "cart", "stock")}
    )
    for count in range(3, 6):
        history.commit(f"Give the till a {VERBS[count - 1]}", {"shop/till.py": code("till", VERBS[:count])})
    history.commit("Move the till", {"shop/till.py": None, "shop/desk.py": code("till", VERBS[:5])})
    history.commit("Give the cart a deposit", {"shop/cart.py": code("cart", VERBS[:3])})
    many = ("stock", *VERBS)  # more files than a commit that gives pairs may have
    history.commit("Log in all", {f"shop/{each}.py": code(each, VERBS[:4]) for each in many})
    history.commit("Add the wallet", {"shop/wallet.py": code("wallet")})
    folder = history.write(tmp_path / "shop")
    outcome = mine(folder, tmp_path / "out", cut="main~1", file_half_life_days=100_000)
    weights = {pair.path: pair.weight for pair in outcome.pairs if pair.kind == "file"}
    assert weights["shop/desk.py"] == 1.0
    assert weights["shop/cart.py"] == pytest.approx((2 / 5) ** 0.7, abs=1e-3)  # with two changes of five
    assert weights["shop/stock.py"] == pytest.approx((1 / 5) ** 0.7, abs=1e-3)
