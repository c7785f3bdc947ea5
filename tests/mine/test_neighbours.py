"""What is read before a hole: used definitions, users, the same folder, the likest; never the file, never the hole."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from tests.mine.in_memory import SHOP, index_of
from tuner.mine import neighbours
from tuner.mine.neighbours import neighbours_of, used_sites
from tuner.records import Neighbour

BASKET, PRICES = "src/shop/basket.py", "src/shop/prices.py"
HOLE = "return add_tax(total)"


def around_hole(path: str = BASKET, hole: str = HOLE, files: dict[str, str] | None = None) -> tuple[str, str]:
    before, _, after = (files or SHOP)[path].partition(hole)
    return before, after


def shown(
    path: str = BASKET, hole: str = HOLE, files: dict[str, str] | None = None, count: int = 4, seed: int = 0
) -> Sequence[Neighbour]:
    texts = SHOP if files is None else files
    return neighbours_of(
        path, *around_hole(path, hole, texts), index_of(texts), texts.get, count, random.Random(seed), hole
    )


@pytest.fixture
def in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "RANDOM_ORDER_SHARE", 0.0)


def test_a_file_is_never_its_own_neighbour_nor_twice_there() -> None:
    for seed in range(20):
        for path in SHOP:
            before, after = SHOP[path][:200], SHOP[path][200:]
            found = neighbours_of(path, before, after, index_of(SHOP), SHOP.get, 4, random.Random(seed))
            paths = [each.path for each in found]
            assert path not in paths
            assert len(set(paths)) == len(paths) <= 4


@pytest.mark.usefixtures("in_order")
def test_the_definition_that_the_text_imports_is_shown_first() -> None:
    found = shown()
    assert found[0].path == PRICES
    assert "def add_tax(price: Price, rate: float = TAX_RATE) -> Price:" in found[0].text


def test_an_imported_name_that_the_text_uses_nowhere_is_shown_too() -> None:
    """It may be the very one that the hole needs: here `add_tax` is used in the hole alone."""
    before, after = around_hole()
    assert "add_tax(" not in before + after
    assert "def add_tax" in next(each.text for each in shown() if each.path == PRICES)


def test_users_and_the_folder_are_shown_beside_what_is_imported() -> None:
    assert {"src/shop/discounts.py", "tests/test_basket.py"} & {each.path for each in shown()}


def test_a_piece_with_a_line_of_the_hole_is_left_out() -> None:
    line = "return add_tax(total_of_everything, 0.5)"
    files = SHOP | {BASKET: SHOP[BASKET].replace(HOLE, line)}
    files["src/shop/copy.py"] = f"from .prices import add_tax\n\n\ndef total_of(basket):\n    {line}\n"
    assert "src/shop/copy.py" in {each.path for each in shown(hole=line, files=files | {"src/shop/copy.py": SHOP_COPY})}
    assert all(line not in each.text for each in shown(hole=line, files=files))


SHOP_COPY = (
    "from .prices import add_tax\n\n\ndef sum_with_tax(self, total, prices, price):\n    cents = Price(sum(total))\n"
)


def test_the_choice_does_not_depend_on_the_hole() -> None:
    """Other words in the hole, none of them a line of another file, change nothing."""
    before, after = around_hole()
    found = [
        neighbours_of(BASKET, before, after, index_of(SHOP), SHOP.get, 4, random.Random(3), hidden)
        for hidden in ("", "return total", "raise NotImplementedError()")
    ]
    assert found[0] == found[1] == found[2]


def test_the_choice_does_not_depend_on_the_order_of_files() -> None:
    before, after = around_hole()
    found = {
        neighbours_of(BASKET, before, after, index_of(SHOP, seed=seed), SHOP.get, 4, random.Random(3))
        for seed in range(6)
    }
    assert len(found) == 1


def test_a_quarter_of_the_orders_is_random() -> None:
    orders = [tuple(each.path for each in shown(seed=seed)) for seed in range(120)]
    usual = max(set(orders), key=orders.count)
    assert 0.05 < sum(order != usual for order in orders) / len(orders) < 0.4


def test_every_piece_is_short_and_stands_in_its_file() -> None:
    long = "def long_one(basket):\n" + "".join(f"    step_{n} = basket.total_with_tax({n})\n" for n in range(80))
    files = SHOP | {"src/shop/long.py": "from .basket import Basket\n\n\n" + long}
    for each in shown(files=files):
        assert 10 <= len(each.text) <= 800
        assert all(line in files[each.path].split("\n") for line in each.text.rstrip("\n").split("\n"))


def test_no_more_than_asked_for() -> None:
    assert [len(shown(count=count)) for count in (1, 2, 3)] == [1, 2, 3]
    assert shown(files={BASKET: SHOP[BASKET]}) == ()


def test_a_field_with_the_name_of_a_method_names_no_method() -> None:
    index = index_of(SHOP)
    assert any(site.definition.name == "as_text" for site in used_sites(BASKET, "price.as_text()", index))
    assert not used_sites(BASKET, "price.as_text", index)


def test_a_remark_uses_no_name() -> None:
    index = index_of(SHOP)
    assert used_sites(BASKET, "x = add_tax(y)", index)
    assert not used_sites(BASKET, "# x = add_tax(y)", index)


def test_likeness_in_imports_licences_and_own_names_finds_nothing() -> None:
    head = "# Copyright 2020 Ledger, licensed as the ledger licence file states in full detail\n"
    imports = "import alpha_beta\nimport gamma_delta\nimport epsilon_zeta\n"
    other = f"{imports}\n\ndef other_one(first_thing, second_thing):\n    first_thing.sort()\n    return first_thing\n"
    other += "\n\nprint(other_one)\n"
    files = {"a.py": f"{head}{imports}\nHOLE\n", "b.py": other}
    assert shown("a.py", "HOLE", files) == ()
    files["a.py"] = "def use():\n    HOLE\n    first_thing = second_thing\n"
    assert [each.path for each in shown("a.py", "HOLE", files)] == ["b.py"]
    files["a.py"] += "\n\ndef first_thing(): pass\n\n\ndef second_thing(): pass\n"
    assert shown("a.py", "HOLE", files) == ()


def test_configuration_is_only_compared_with_that_of_its_folder() -> None:
    text = "jobs:\n  build_everything:\n    runs_on: ubuntu_latest\n    with_cache: python_version\n"
    files = {"ci/a.yml": text + "HOLE\n", "ci/b.yml": text, "docs/c.yml": text}
    assert [each.path for each in shown("ci/a.yml", "HOLE", files)] == ["ci/b.yml"]


def test_a_leak_is_a_leak_in_another_case_or_with_other_signs() -> None:
    hidden = neighbours._telling_lines('help="Number of greetings.",')
    assert neighbours.shows('@option(help="number of greetings")', hidden)
    assert not neighbours.shows('@option(help="names of people")', hidden)
