"""Axes hold every number, their marks are round, and places go from 0 to 100 per cent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.axes import Axis, linear, logarithmic, symmetric

NUMBERS = st.lists(st.floats(-1e6, 1e6), max_size=8)
POSITIVE = st.lists(st.floats(1e-7, 1e6), max_size=8)


def check(axis: Axis, numbers: list[float]) -> None:
    assert axis.low < axis.high
    assert all(0 <= axis.place(each) <= 100 for each in numbers)
    assert axis.low - 1e-6 * abs(axis.low) <= min(numbers, default=axis.low)
    assert axis.high + 1e-6 * abs(axis.high) >= max(numbers, default=axis.high)
    assert 2 <= len(axis.marks) <= 8
    places = [axis.place(each) for each in axis.marks]
    assert places == sorted(set(places))


@given(NUMBERS)
def test_a_linear_axis_holds_all_numbers(numbers: list[float]) -> None:
    check(linear(numbers), numbers)


@given(POSITIVE)
def test_a_logarithmic_axis_holds_all_numbers(numbers: list[float]) -> None:
    check(logarithmic(numbers), numbers)


@given(NUMBERS)
def test_zero_is_the_middle_of_a_symmetric_axis(numbers: list[float]) -> None:
    axis = symmetric(numbers)
    check(axis, numbers)
    assert axis.place(0.0) == 50.0


def test_marks_are_numbers_that_people_would_choose() -> None:
    assert linear([0.088, 0.402], floor=0.0, ceiling=1.0).marks == (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)
    assert symmetric([-0.034, 0.116]).marks == (-0.2, -0.1, 0.0, 0.1, 0.2)
    assert logarithmic([0.21, 4.91]).marks == (0.1, 1.0, 10.0)


def test_an_axis_of_shares_stays_between_nothing_and_all() -> None:
    axis = linear([0.001, 0.999], floor=0.0, ceiling=1.0)
    assert (axis.low, axis.high) == (0.0, 1.0)


def test_equal_factors_are_equal_distances() -> None:
    axis = logarithmic([0.1, 1000.0])
    assert axis.place(1.0) - axis.place(0.1) == pytest.approx(axis.place(100.0) - axis.place(10.0))
