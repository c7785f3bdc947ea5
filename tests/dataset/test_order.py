from hypothesis import given
from hypothesis import strategies as st

from tuner.dataset.order import rank, unit


@given(st.integers(0, 9), st.lists(st.text(), min_size=1, max_size=3))
def test_a_rank_depends_on_nothing_but_its_parts(seed: int, parts: list[str]) -> None:
    assert rank(seed, *parts) == rank(seed, *parts)
    assert 0.0 <= unit(seed, *parts) < 1.0


def test_another_seed_or_another_grouping_gives_another_rank() -> None:
    assert len({rank(1, "ab", "c"), rank(2, "ab", "c"), rank(1, "a", "bc")}) == 3
