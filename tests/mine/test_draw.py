"""Pairs and additions are taken from some commits and files; what is judged by the others stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.mine.conftest import Outcome, assert_same, mine
from tests.mine.histories import DAY, START, VERBS, History, code
from tests.mine.random_histories import random_history
from tests.tiny_repo import build_tiny_repo
from tuner.mine.books import open_books
from tuner.mine.commit_facts import CommitMiner
from tuner.mine.cut import choose_cuts
from tuner.mine.draw import draw, drawn_paths, parts
from tuner.mine.history import read_commits
from tuner.mine.kinds import REPOSITORY_KINDS
from tuner.mine.ledger import read_ledger
from tuner.mine.plumbing import Git
from tuner.mine.repositories import open_repositories
from tuner.not_drawn import not_drawn
from tuner.progress import Progress
from tuner.recipe import MineSettings
from tuner.records import COMMIT_KINDS


def draws(source: object, out: Path, seeds: range, wanted: int) -> Iterator[list[set[str]]]:
    """Give the commits that each seed draws, for each repository."""
    settings = MineSettings(history_commits=wanted, future_share=0.1, min_future_commits=1)
    out.mkdir()
    repos = open_repositories(str(source), out, Progress())
    with open_books(out) as books:
        ledgers = [read_ledger(each, settings, books, Progress()) for each in repos]
    splits = choose_cuts(ledgers, settings)
    for seed in seeds:
        yield [set(each.places) - each.left_out for each in draw(ledgers, splits, settings, seed, Progress())]


def drawn(folder: Path, out: Path, seeds: range, wanted: int) -> Iterator[set[str]]:
    """Give the commits of one repository that each seed draws."""
    return (found for (found,) in draws(folder, out, seeds, wanted))


def from_history(outcome: Outcome) -> dict[str, str]:
    """Give the commit of each pair that history gave."""
    return {pair.id: pair.commit for pair in outcome.pairs if pair.kind in COMMIT_KINDS}


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[int, str]]:
    """Write forty commits of four years: of each four a fix, one that brings a test, and one of three files."""
    folder, history = tmp_path_factory.mktemp("long") / "shop", History()
    for number in range(1, 41):
        kind, verbs = number % 4, VERBS[number % 3 : 3 + number % 5]
        paths = [f"shop/part{number}{letter}.py" for letter in ("abc" if kind == 2 else "a")]
        paths += [f"tests/test_part{number}.py"] * (kind == 1)
        says = f"{'Fix a crash of' if kind == 0 else 'Give more room to'} the part {number} of the shop"
        history.commit(says, {path: code(f"part{number}", verbs) for path in paths}, at=START + 36 * number * DAY)
    history.write(folder)
    return folder, history.shas(folder)


@pytest.mark.parametrize("wanted", [None, 50, 5_000])
@pytest.mark.parametrize("setting", ["history_commits", "later_commits", "repository_files"])
def test_where_all_are_wanted_the_bytes_are_those_without_a_draw(
    setting: str, wanted: int | None, mined: Outcome, tiny: Path, tmp_path: Path
) -> None:
    assert_same(mine(tiny, tmp_path, **{setting: wanted}), mined)  # there are fewer than the defaults
    assert not_drawn(mined.mined.counts, mined.mined.rejected_counts) == []


def test_what_is_not_drawn_is_counted_and_only_pairs_from_history_are_fewer(
    mined: Outcome, tiny: Path, tmp_path: Path
) -> None:
    few = mine(tiny, tmp_path, history_commits=2)
    assert len(set(from_history(few).values())) <= 2 < len(set(from_history(mined).values()))
    assert few.mined.rejected_counts["not_drawn"] > 2
    for name in (mined.mined.additions, str(mined.mined.names)):
        assert (few.folder / name).read_bytes() == (mined.folder / name).read_bytes()
    assert [pair for pair in few.pairs if pair.kind not in COMMIT_KINDS] == [
        pair for pair in mined.pairs if pair.kind not in COMMIT_KINDS
    ]


@pytest.mark.parametrize("seed", range(3))
def test_a_drawn_commit_gives_what_it_gives_where_all_are_drawn(seed: int, tmp_path: Path) -> None:
    folder = random_history(tmp_path / "shop", seed)
    full = from_history(mine(folder, tmp_path / "full", seed=seed, history_commits=None))
    capped = mine(folder, tmp_path / "capped", seed=seed, history_commits=4)
    assert from_history(capped).items() <= full.items()
    assert capped.mined.rejected_counts["not_drawn"]


@pytest.mark.parametrize("seed", range(3))
def test_of_later_commits_some_give_what_they_give_where_all_are_drawn_and_pairs_stay(
    seed: int, tmp_path: Path
) -> None:
    folder = random_history(tmp_path / "shop", seed)
    full = mine(folder, tmp_path / "full", seed=seed)
    capped = mine(folder, tmp_path / "capped", seed=seed, later_commits=2)
    assert {each.id for each in capped.additions} < {each.id for each in full.additions}
    assert 0 < len({each.commit for each in capped.additions}) <= 2
    for name in (full.mined.pairs, str(full.mined.names)):
        assert (capped.folder / name).read_bytes() == (full.folder / name).read_bytes()
    count = capped.mined.rejected_counts["later_not_drawn"]
    assert f"{count} later commits were not drawn for items" in not_drawn({}, capped.mined.rejected_counts)[0]


def test_each_later_commit_is_drawn_as_often_as_any_other(long: tuple[Path, dict[int, str]], tmp_path: Path) -> None:
    folder, _ = long
    settings = MineSettings(later_commits=3, future_share=0.3, min_future_commits=1)
    (repo,) = open_repositories(str(folder), tmp_path, Progress())
    with open_books(tmp_path) as books:
        ledgers = [read_ledger(repo, settings, books, Progress())]
    splits = choose_cuts(ledgers, settings)
    counts = dict.fromkeys(ledgers[0].code - splits[0].before, 0)
    for seed in range(400):
        (found,) = draw(ledgers, splits, settings, seed, Progress())
        drawn = set(counts) - found.passed_over
        assert len(drawn) == 3 and found.passed_over < set(counts)
        counts.update({sha: counts[sha] + 1 for sha in drawn})
    expected = 400 * 3 / len(counts)
    # each is binomial: five standard deviations off would be a weight, since a fix has four times that of another
    assert all(abs(each - expected) < 5 * expected**0.5 for each in counts.values()) and len(counts) == 12


def test_pairs_with_other_files_are_made_of_some_files_the_warmest_most_often(tmp_path: Path) -> None:
    folder = random_history(tmp_path / "shop", 1)
    full = mine(folder, tmp_path / "full")
    capped = mine(folder, tmp_path / "capped", repository_files=2)
    some, others = ([pair for pair in full.pairs if (pair.kind in REPOSITORY_KINDS) == of] for of in (True, False))
    kept = [pair for pair in capped.pairs if pair.kind in REPOSITORY_KINDS]
    assert {pair.path for pair in kept} < {pair.path for pair in some} and len({pair.path for pair in kept}) <= 2
    assert kept == [pair for pair in some if pair.path in {each.path for each in kept}]
    assert [pair for pair in capped.pairs if pair.kind not in REPOSITORY_KINDS] == others
    assert capped.mined.counts["files_alone"] == full.mined.counts["files_kept"] - 2
    chosen = [drawn_paths({"warm.py": 0.8, "cold.py": 0.1, "colder.py": 0.1}, 1, seed) for seed in range(200)]
    assert 130 < sum(each == {"warm.py"} for each in chosen) < 190


def unlucky(folder: Path) -> tuple[Path, str, str]:
    """Write a shop in which one commit is mended two days later; give the shas of both."""
    history = History()
    history.commit("Begin the till of the shop", {"shop/till.py": code("till", VERBS[:2])})
    for number in range(6):
        history.commit(f"Give the part {number} a refund", {f"shop/part{number}.py": code(f"part{number}")})
    bad = history.commit("Give the till a deposit of its own", {"shop/till.py": code("till", VERBS[:3])})
    text = code("till", VERBS[:3]).replace(f"till_{VERBS[2]} = min(", f"till_{VERBS[2]} = max(")
    fix = history.commit("Fix a crash of the deposit of the till", {"shop/till.py": text})
    for number in range(6):
        text = code(f"part{number}", VERBS[: 3 + number % 2])
        history.commit(f"Give the part {number} a deposit of its own", {f"shop/part{number}.py": text})
    history.write(folder)
    return folder, history.shas(folder)[bad], history.shas(folder)[fix]


def test_a_fix_that_is_not_drawn_still_says_what_was_wrong(tmp_path: Path) -> None:
    folder, bad, fix = unlucky(tmp_path / "shop")
    settings: dict[str, Any] = {"history_commits": 3, "future_share": 0.1, "min_future_commits": 1}
    seed = next(
        seed
        for seed, found in enumerate(drawn(folder, tmp_path / "draws", range(200), 3))
        if bad in found and fix not in found
    )
    judged = mine(folder, tmp_path / "judged", seed=seed, **settings)
    reasons = {(each.source, each.reason) for each in judged.rejected}
    assert {(f"{bad}:shop/till.py", "fixed_soon"), (fix, "not_drawn")} <= reasons
    kept = mine(folder, tmp_path / "kept", seed=seed, fixed_within_days=0, **settings)
    assert bad in from_history(kept).values()


def test_a_draw_depends_on_the_seed_alone_and_a_smaller_one_lies_in_a_larger(
    long: tuple[Path, dict[int, str]], tmp_path: Path
) -> None:
    folder, _ = long
    few, again, more = (
        list(drawn(folder, tmp_path / name, range(3), wanted)) for name, wanted in (("a", 5), ("b", 5), ("c", 12))
    )
    assert few == again and few[0] != few[1] and [len(each) for each in few] == [5, 5, 5]
    assert all(small < large for small, large in zip(few, more, strict=True))


def test_newer_commits_fixes_and_tests_beside_code_are_drawn_more_often(
    long: tuple[Path, dict[int, str]], tmp_path: Path
) -> None:
    folder, shas = long
    counts = dict.fromkeys(shas.values(), 0)
    for found in drawn(folder, tmp_path / "draws", range(40), 8):
        for sha in found:
            counts[sha] += 1
    fixes, tests, wide, plain = (sum(counts[shas[n]] for n in range(1, 37) if n % 4 == kind) for kind in range(4))
    assert fixes > tests > plain > wide > 0
    old, new = (sum(counts[shas[number]] for number in some) for some in (range(1, 17), range(21, 37)))
    assert new > 1.5 * old


def test_several_repositories_give_parts_in_proportion(tiny: Path, tmp_path: Path) -> None:
    assert parts(10, [30, 60, 10]) == [3, 6, 1] and sum(parts(7, [5, 5, 5])) == 7 and parts(2, [0, 9]) == [0, 2]
    other = build_tiny_repo(tmp_path / "other", commits=18)
    for found in draws(f"{tiny} {other}", tmp_path / "out", range(3), 4):
        assert [len(each) for each in found] == [2, 2]


def test_no_file_of_a_commit_that_was_left_out_is_read(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(*_: object) -> None:
        raise AssertionError("a blob was read")

    monkeypatch.setattr("tuner.mine.texts.Texts.read", read)
    settings = MineSettings()
    (repo,) = open_repositories(str(tiny), tiny, Progress())
    commits = [each for each in read_commits(Git(repo.path), repo.revision, 100) if len(each.parents) == 1]
    miner = CommitMiner(repo.name, repo.path, settings)
    found = miner([(each, "left_out") for each in commits])
    assert any(each["patch_id"] for each in found) and any(each["defined"] for each in found)
    later = miner([(each, "passed_over") for each in commits])
    assert [each["patch_id"] for each in later] == [each["patch_id"] for each in found]
    for side in ("before", "after"):
        with pytest.raises(AssertionError, match="a blob was read"):
            miner([(each, side) for each in commits])
