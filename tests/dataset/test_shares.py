from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.dataset.shares import MOST_BARS, MOST_FOLDERS, ages, folder_shares, overlap, shares

PATHS = st.lists(st.sampled_from("abcd"), min_size=1, max_size=4).map("/".join)
COUNTS = st.dictionaries(PATHS, st.integers(1, 1_000), max_size=40)
DAY = 86_400


@given(COUNTS, COUNTS)
def test_every_token_and_item_is_in_one_folder(tokens: dict[str, int], items: dict[str, int]) -> None:
    found = folder_shares(tokens, items)
    assert sum(each.tokens for each in found) == sum(tokens.values())
    assert sum(each.items for each in found) == sum(items.values())
    assert len(found) <= MOST_FOLDERS + 1
    assert len({each.name for each in found}) == len(found)


@given(COUNTS)
def test_the_same_distribution_has_all_in_common_with_itself(tokens: dict[str, int]) -> None:
    assert overlap(folder_shares(tokens, tokens)) == pytest.approx(1.0 if tokens else 0.0)


def test_distributions_apart_have_nothing_in_common() -> None:
    assert overlap(folder_shares({"old/a.py": 500}, {"new/b.py": 3})) == 0.0


def test_a_heavy_folder_is_shown_by_the_folders_inside_it() -> None:
    tokens = {"src/shop/cart/a.py": 600, "src/shop/tax/b.py": 300, "src/shop/c.py": 50, "docs/d.py": 50}
    assert [each.name for each in folder_shares(tokens, {})] == [
        "src/shop/cart/",
        "src/shop/tax/",
        "docs/",
        "src/shop/",
    ]


def test_a_folder_of_many_equal_parts_is_shown_whole() -> None:
    tokens = {f"src/part_{number}/a.py": 10 for number in range(60)} | {"docs/a.py": 50}
    assert [each.name for each in folder_shares(tokens, {})] == ["src/", "docs/"]


def test_a_folder_with_items_alone_is_not_hidden_under_other() -> None:
    tokens = {f"part_{number:02}/a.py": 100 for number in range(30)}
    found = folder_shares(tokens, {"new/a.py": 5})
    assert ("new/", 0, 5) in [(each.name, each.tokens, each.items) for each in found]
    assert found[-1].name == "other (16)"


def test_files_of_no_folder_have_a_name() -> None:
    assert [each.name for each in folder_shares({"setup.py": 1}, {})] == ["./"]


def test_most_tokens_come_first_and_the_rest_is_added_up() -> None:
    found = shares({"python": 60, "go": 30, "rust": 10}, {"rust": 1}, most=2)
    assert [(each.name, each.tokens, each.items) for each in found] == [
        ("python", 60, 0),
        ("rust", 10, 1),
        ("other (1)", 30, 0),
    ]


def test_periods_run_from_the_oldest_token_to_the_newest_item() -> None:
    found = ages({0: 5, 40 * DAY: 7}, {100 * DAY: 2}, cut=40 * DAY)
    assert (found.unit, found.names) == ("month", ["1970-01", "1970-02", "1970-03", "1970-04"])
    assert (found.tokens, found.items, found.cut) == ([5, 7, 0, 0], [0, 0, 0, 2], 1)


@given(st.dictionaries(st.integers(0, 2_000_000_000), st.integers(1, 9), min_size=1), st.integers(0, 2_000_000_000))
def test_no_token_is_lost_in_a_period(tokens: dict[int, int], cut: int) -> None:
    found = ages(tokens, {}, cut)
    assert sum(found.tokens) == sum(tokens.values())
    assert len(found.names) <= MOST_BARS + 5  # 64 years
    assert 0 <= found.cut < len(found.names)


def test_a_long_history_is_shown_by_quarter() -> None:
    found = ages({0: 1}, {}, cut=3_000 * DAY)
    assert (found.unit, found.names[:2]) == ("quarter", ["1970 Q1", "1970 Q2"])
