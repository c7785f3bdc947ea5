"""Figures are written so that nothing is said beyond them."""

from __future__ import annotations

import pytest

from tuner.records import Interval
from tuner.report import figures


def test_shares_are_per_cent_and_bits_are_bits() -> None:
    assert figures.interval("exact_match", Interval(0.168, 0.12, 0.22, 250)) == "16.8 % [12.0, 22.0]"
    assert figures.interval("bits_per_byte", Interval(0.95, 0.861, 1.04, 250)) == "0.950 [0.861, 1.040]"
    assert figures.interval("exact_match", None) == figures.NONE


def test_differences_have_a_sign_and_points() -> None:
    assert figures.change("exact_match", 0.028) == "+2.8 pp"
    assert figures.change("bits_per_byte", -0.135) == "-0.135"
    assert figures.change("bits_per_byte_relative", -0.124) == "-12.4 %"
    assert figures.size("exact_match", 0.049) == "4.9 pp"


def test_a_metric_without_a_name_in_words_keeps_its_own() -> None:
    assert figures.metric_name("new_metric") == "new metric"
    assert figures.better("over_generation_rate") == "lower" and figures.better("exact_match") == "higher"


@pytest.mark.parametrize(
    ("number", "shown"),
    [(None, "–"), (0.0, "$0.00"), (0.0003, "$0.0003"), (0.0123, "$0.012"), (0.214, "$0.21"), (1.0, "$1.00"),
     (1234.5, "$1,234.50")],
)  # fmt: skip
def test_a_price_keeps_two_digits_that_count(number: float | None, shown: str) -> None:
    assert figures.price(number) == shown


@pytest.mark.parametrize(
    ("number", "shown"),
    [(0.0, "$0.00"), (0.125, "$0.13"), (99.994, "$99.99"), (100.5, "$101"), (1234567.4, "$1,234,567"),
     (1e300, "over $1,000,000,000,000,000")],
)  # fmt: skip
def test_money_is_whole_from_a_hundred_on_and_halves_go_up(number: float, shown: str) -> None:
    assert figures.money(number) == shown


def test_a_number_is_typed_with_all_its_digits() -> None:
    assert [figures.typed(each) for each in (2500.0, 0.3, 7, 1234567.25)] == ["2500", "0.3", "7", "1234567.25"]
