import math
import random
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.dataset.split import FEWEST_COMMITS, check_addition, check_pair, choose_valid_commits, missing_note
from tuner.errors import DataError

from .examples import CUT, addition, file_pair

COMMITS = st.lists(st.tuples(st.sampled_from(["shop", "bank"]), st.integers(0, 99).map(str)), max_size=120)


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


@given(COMMITS, st.floats(0, 0.49), st.integers(0, 99), st.randoms())
def test_the_share_is_kept_whatever_the_order_and_of_each_repository(
    commits: list[tuple[str, str]], share: float, seed: int, chance: random.Random
) -> None:
    chosen = choose_valid_commits(commits, share, seed)
    chance.shuffle(commits)
    assert choose_valid_commits(commits, share, seed) == chosen
    owners = {commit: repo for repo, commit in sorted(commits, reverse=True)}
    wanted = math.floor(share * len(owners) + 0.5)
    assert len(chosen) == len(set(chosen)) == (wanted if wanted >= FEWEST_COMMITS else 0)
    for repo, count in Counter(owners[each] for each in chosen).items():
        assert abs(count - share * list(owners.values()).count(repo)) <= 1.5


def test_too_few_later_commits_keep_none_and_it_is_said_what_would() -> None:
    assert choose_valid_commits([("shop", str(number)) for number in range(44)], 0.1, 1) == []
    assert len(choose_valid_commits([("shop", str(number)) for number in range(45)], 0.1, 1)) == 5
    said = "no validation: 10 % of 30 later commits are 3, wanted 5; training keeps its last step"
    assert missing_note(30, 0.1) == f"{said}; dataset.valid_share=0.15 would keep as many"
    assert len(choose_valid_commits([("shop", str(number)) for number in range(30)], 0.15, 1)) == 5
    none = "no validation: 10 % of 8 later commits are 1, wanted 5; training keeps its last step"
    assert missing_note(8, 0.1) == none  # half of them would not do
