import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.dataset.split import Source, check_addition, check_pair, choose_valid_files, side_of
from tuner.errors import DataError
from tuner.records import COMMIT_KINDS, PAIR_KINDS

from .examples import CUT, addition, file_pair

PATH = st.from_regex(r"[a-z]{1,8}\.py", fullmatch=True)
FILES = st.lists(st.tuples(st.sampled_from(["shop", "bank"]), PATH), unique=True, max_size=40)


def test_a_pair_later_than_the_cut_stops_the_stage() -> None:
    late = file_pair("a.py", "a = 1\n", at=CUT.committed_at + 1)
    with pytest.raises(DataError) as caught:
        check_pair(late, CUT, set(), "pairs.jsonl:7")
    assert caught.value.message == f"pairs.jsonl:7: pair {late.id} is from 1000001, wanted at most the cut 1000000"


def test_an_addition_that_is_not_later_than_the_cut_stops_the_stage() -> None:
    early = addition("a = 1\n", at=CUT.committed_at)
    with pytest.raises(DataError) as caught:
        check_addition(early, CUT, "additions.jsonl:3")
    assert caught.value.message == (
        f"additions.jsonl:3: addition {early.id} is from 1000000, wanted later than the cut 1000000"
    )


def test_a_commit_on_both_sides_stops_the_stage() -> None:
    with pytest.raises(DataError) as caught:
        check_pair(file_pair("a.py", "a = 1\n", commit="e" * 40), CUT, {"e" * 40}, "pairs.jsonl:1")
    assert caught.value.message == f"pairs.jsonl:1: commit {'e' * 40} stands on both sides of the cut {CUT.commit}"


@given(FILES, st.floats(0, 0.49), st.integers(0, 99), st.randoms())
def test_the_files_held_out_do_not_depend_on_their_order(files: list[Source], share: float, seed: int, chance) -> None:  # type: ignore[no-untyped-def]
    chosen = choose_valid_files(files, share, seed)
    chance.shuffle(files)
    assert choose_valid_files(files, share, seed) == chosen
    assert abs(len(chosen) - share * len(files)) <= 1
    assert share == 0 or len(files) < 5 or chosen


@given(FILES, st.integers(0, 99))
def test_all_pairs_of_a_file_stand_on_one_side(files: list[Source], seed: int) -> None:
    valid = choose_valid_files(files, 0.3, seed)
    kinds = set(PAIR_KINDS) - set(COMMIT_KINDS)
    for file in files:
        sides = {side_of(kind, file, commit, valid, 0.3, seed) for kind in kinds for commit in "ab"}
        assert sides == {"valid" if file in valid else "train"}


@given(st.text(min_size=1), st.integers(0, 99))
def test_all_that_is_taken_from_a_commit_stands_on_one_side(commit: str, seed: int) -> None:
    files = [("shop", path) for path in ("a.py", "b.py", "c.py")]
    assert len({side_of(kind, file, commit, set(files[:1]), 0.4, seed) for kind in COMMIT_KINDS for file in files}) == 1


def test_files_of_one_path_in_two_repositories_are_two_files() -> None:
    valid = {("shop", "a.py")}
    assert [side_of("file", (repo, "a.py"), "c", valid, 0.1, 1) for repo in ("shop", "bank")] == ["valid", "train"]
