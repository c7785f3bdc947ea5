from hypothesis import given
from hypothesis import strategies as st

from tuner.dataset.order import rank, turn, unit


@given(st.integers(0, 9), st.lists(st.text(), min_size=1, max_size=3))
def test_a_rank_depends_on_nothing_but_its_parts(seed: int, parts: list[str]) -> None:
    assert rank(seed, *parts) == rank(seed, *parts)
    assert 0.0 <= unit(seed, *parts) < 1.0


def test_another_seed_or_another_grouping_gives_another_rank() -> None:
    assert len({rank(1, "ab", "c"), rank(2, "ab", "c"), rank(1, "a", "bc")}) == 3


def test_the_first_of_a_draw_is_chosen_in_proportion_to_the_weights() -> None:
    weights = {"old": 0.2, "new": 1.0, "middle": 0.5}
    first = [min(weights, key=lambda name: turn(seed, weights[name], name)) for seed in range(4000)]
    for name, weight in weights.items():
        assert abs(first.count(name) / len(first) - weight / 1.7) < 0.03


def test_equal_weights_give_every_order() -> None:
    first = [min("abc", key=lambda name: turn(seed, 1.0, name)) for seed in range(3000)]
    assert all(abs(first.count(name) / len(first) - 1 / 3) < 0.03 for name in "abc")
