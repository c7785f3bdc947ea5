import re

import pytest

from tuner.dataset.future_copies import FutureCopies
from tuner.dataset.grams import WORD

from .examples import code, edit_pair, file_pair, infilling_pair

ADDED = code("wallet", 2)
OLD = code("tax")


def relaid(text: str) -> str:
    return re.sub(r"\n +", "\n\t\t  ", text).replace("(", "( ").replace(", ", ",\n      ")


@pytest.mark.parametrize(
    "planted", [ADDED, relaid(ADDED), ADDED.replace("above", "over", 1)], ids=["same", "relaid", "edited"]
)
def test_a_planted_leak_is_cut_out_of_a_file_and_the_rest_stays(planted: str) -> None:
    before, after = code("cart"), code("price")
    pair = file_pair("shop/cart.py", before + "\n" + planted + "\n" + after)
    cleaned = FutureCopies([ADDED], 0.7).clean(pair)
    left = "".join(each.response for each in cleaned.pairs)
    assert cleaned.lines_cut > 0
    assert len(set(WORD.findall(left)) & {"wallet_ledger", "wallet_total", "wallet_balance_limit"}) <= 1
    assert "parcel" not in left
    assert "cart_deposit" in left and "price_invoice" in left
    for each in cleaned.pairs:
        assert each.response in pair.response
        assert (each.path, each.commit, each.committed_at) == (pair.path, pair.commit, pair.committed_at)


def test_unrelated_code_of_the_same_shape_is_kept_whole() -> None:
    pair = file_pair("shop/tax.py", OLD)
    assert FutureCopies([ADDED], 0.7).clean(pair).pairs == [pair]


def test_an_infilling_pair_whose_hole_is_the_addition_is_dropped() -> None:
    pair = infilling_pair("shop/a.py", "import shop\n", ADDED, "\nLAST = 1\n")
    assert FutureCopies([ADDED], 0.7).clean(pair).pairs == []


def test_an_edit_that_holds_forty_words_of_the_addition_is_dropped() -> None:
    long = code("wallet", 6)
    stretch = " ".join(WORD.findall(long)[20:62])
    pair = edit_pair("a" * 40, "Move the wallet", "old = 1\n", OLD + stretch + OLD)
    assert FutureCopies([long], 0.7).clean(pair).pairs == []


def test_what_only_surrounds_the_hole_is_no_leak() -> None:
    pair = infilling_pair("shop/a.py", ADDED, "return cart_total\n", ADDED)
    assert FutureCopies([ADDED], 0.7).clean(pair).pairs == [pair]


def test_short_additions_cut_nothing_since_idioms_occur_everywhere() -> None:
    pair = file_pair("shop/a.py", "import os\nimport sys\n\n" + OLD)
    assert FutureCopies(["import os\nimport sys\n"], 0.7).clean(pair).pairs == [pair]


def test_without_additions_every_pair_is_kept() -> None:
    pair = file_pair("shop/a.py", OLD)
    assert FutureCopies([], 0.7).clean(pair).pairs == [pair]
