import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.dataset.split import check_addition, check_pair, choose_valid_paths, side_of
from tuner.errors import DataError

from .examples import CUT, addition, file_pair

PATHS = st.lists(st.from_regex(r"[a-z]{1,8}\.py", fullmatch=True), unique=True, max_size=40)


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


@given(PATHS, st.floats(0, 0.49), st.integers(0, 99), st.randoms())
def test_the_files_held_out_do_not_depend_on_their_order(paths: list[str], share: float, seed: int, chance) -> None:  # type: ignore[no-untyped-def]
    chosen = choose_valid_paths(paths, share, seed)
    chance.shuffle(paths)
    assert choose_valid_paths(paths, share, seed) == chosen
    assert abs(len(chosen) - share * len(paths)) <= 1
    assert share == 0 or len(paths) < 5 or chosen


@given(PATHS, st.integers(0, 99))
def test_all_pairs_of_a_file_stand_on_one_side(paths: list[str], seed: int) -> None:
    valid = choose_valid_paths(paths, 0.3, seed)
    for path in paths:
        sides = {
            side_of(kind, path, commit, valid, 0.3, seed) for kind in ("file", "infilling", "body") for commit in "ab"
        }
        assert sides == {"valid" if path in valid else "train"}


@given(st.text(min_size=1), st.integers(0, 99))
def test_all_edits_of_a_commit_stand_on_one_side(commit: str, seed: int) -> None:
    assert len({side_of("edit", path, commit, {"a.py"}, 0.4, seed) for path in ("a.py", "b.py", "c.py")}) == 1
