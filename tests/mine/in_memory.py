"""A repository of a few texts, as the kinds see it: no git, no disk."""

from __future__ import annotations

import random

from tuner.mine import syntax
from tuner.mine.drafts import SourceFile, Surroundings
from tuner.mine.languages import language_of
from tuner.mine.symbol_index import SymbolIndex
from tuner.mine.symbols import FileSymbols, symbols_of
from tuner.recipe import MineSettings


def symbols(path: str, text: str) -> FileSymbols:
    language = language_of(path)
    assert language is not None
    data = text.encode()
    return symbols_of(syntax.parse(data, language) if language.grammar else None, data, language)


def index_of(files: dict[str, str], repo: str = "shop", seed: int = 0) -> SymbolIndex:
    """Index the files in an order that `seed` decides."""
    index = SymbolIndex(repo)
    paths = sorted(files)
    random.Random(seed).shuffle(paths)
    for path in paths:
        index.add(path, symbols(path, files[path]))
    return index


def around(files: dict[str, str], seed: int = 0) -> Surroundings:
    return Surroundings("shop", index_of(files, seed=seed), files.get)


def source_file(files: dict[str, str], path: str, seed: int = 17, **settings: float) -> SourceFile:
    language = language_of(path)
    assert language is not None
    data = files[path].encode()
    tree = syntax.parse(data, language) if language.grammar else None
    return SourceFile(path, language, files[path], data, tree, seed, MineSettings.model_validate(settings))


SHOP = {
    "src/shop/__init__.py": "from .prices import Price as Price\nfrom .prices import add_tax as add_tax\n",
    "src/shop/prices.py": '''"""Prices."""

from dataclasses import dataclass

TAX_RATE = 0.19


@dataclass
class Price:
    """An amount of money in cents. It is never negative."""

    cents: int

    def as_text(self) -> str:
        """Write the price with two decimals."""
        return f"{self.cents / 100:.2f}"


def add_tax(price: Price, rate: float = TAX_RATE) -> Price:
    """Give the price with tax on top."""
    return Price(round(price.cents * (1 + rate)))


def _hidden(price: Price) -> int:
    return price.cents
''',
    "src/shop/basket.py": '''"""Baskets."""

from .prices import Price, add_tax


class Basket:
    """What a customer is about to buy."""

    def __init__(self) -> None:
        self.prices: list[Price] = []

    def put(self, price: Price) -> None:
        """Put an article of this price into the basket."""
        self.prices.append(price)

    def total_with_tax(self) -> Price:
        """Give the sum of all articles with tax on top."""
        total = Price(sum(price.cents for price in self.prices))
        return add_tax(total)


def receipt_lines(basket: Basket) -> list[str]:
    """Write one line for each article, and the total with tax."""
    lines = [price.as_text() for price in basket.prices]
    lines.append(basket.total_with_tax().as_text())
    return lines
''',
    "src/shop/discounts.py": '''"""Discounts."""

from .basket import Basket
from .prices import Price, add_tax


def discounted_total(basket: Basket, share: float) -> Price:
    """Give the total of a basket with a share taken off."""
    total = basket.total_with_tax()
    return add_tax(Price(round(total.cents * (1 - share))), 0.0)
''',
    "tests/test_basket.py": """from shop import Price
from shop.basket import Basket, receipt_lines


def test_a_receipt_ends_with_the_total():
    basket = Basket()
    basket.put(Price(1000))
    assert receipt_lines(basket)[-1] == "11.90"
""",
}
