"""A piece of another file is of use where the hole or what stands beside it leans on it."""

from __future__ import annotations

import pytest

from tests.mine.in_memory import SHOP, index_of
from tuner.mine.usefulness import Hole, is_code
from tuner.records import Neighbour

BASKET, PRICES = "src/shop/basket.py", "src/shop/prices.py"


def helps(hole: str, place: str, text: str) -> bool:
    whole = SHOP[BASKET]
    start = whole.index(hole)
    before, after = whole[:start], whole[start + len(hole) :]
    return Hole(BASKET, before, hole, after, index_of(SHOP)).is_helped([Neighbour(place, text)], SHOP.get)


def lines_of(path: str, word: str) -> str:
    return next(line for line in SHOP[path].split("\n") if word in line)


def test_a_definition_that_is_used_helps_and_another_piece_of_the_same_file_does_not() -> None:
    hole = lines_of(BASKET, "add_tax(")
    assert helps(hole, PRICES, lines_of(PRICES, "def add_tax") + "\n")
    assert not helps(hole, PRICES, lines_of(PRICES, "def _hidden") + "\n")


@pytest.mark.parametrize(
    ("before", "hole", "is_fit"),
    [
        ("    ", "total = basket.total_with_tax()", True),
        ("    to", "tal = basket.total_with_tax()", False),  # the rest of a word
        ("    x = f(seq", ", got);", False),
        ("    ", "basket.put(1)", True),
        ("    # ", "total = basket.total_with_tax()", False),
        ('    name = "a list of ', 'all baskets that are open"', False),
        ("    x = ", '"a list of all baskets that are open", name', False),
    ],
)
def test_holes_are_of_code_and_say_something(before: str, hole: str, is_fit: bool) -> None:
    assert is_code(before, hole) == is_fit
