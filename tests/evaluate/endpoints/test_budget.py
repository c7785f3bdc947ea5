"""What is spent and what is held back never exceed the budget together."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.evaluate.endpoints.budget import Meter
from tuner.recipe import Price

PRICE = Price(input=5.0, output=25.0)


def test_a_price_is_dollars_per_million_tokens() -> None:
    assert Meter(PRICE, 1.0).cost(2_000, 64) == pytest.approx(0.0116)


def test_without_a_price_nothing_is_counted_and_nothing_refused() -> None:
    meter = Meter(None, 0.0)
    assert meter.cost(10**9, 10**9) == 0.0
    assert meter.hold(0.0) is not None


def test_requests_under_way_count_with_the_most_they_could_cost() -> None:
    meter = Meter(PRICE, 1.0)
    first = meter.hold(0.6)
    assert first is not None and meter.hold(0.6) is None
    first.settle(0.1)
    assert meter.spent == pytest.approx(0.1)
    assert meter.hold(0.6) is not None


def test_a_request_that_cost_nothing_gives_its_dollars_back_once() -> None:
    meter = Meter(PRICE, 1.0)
    hold = meter.hold(1.0)
    assert hold is not None
    hold.release()
    hold.release()
    assert meter.spent == 0.0 and meter.hold(1.0) is not None and meter.hold(0.1) is None


def test_an_attempt_without_a_bill_counts_in_full_and_another_must_fit() -> None:
    meter = Meter(PRICE, 1.0)
    hold = meter.hold(0.4)
    assert hold is not None
    assert hold.lose() and meter.spent == pytest.approx(0.4)
    assert not hold.lose() and meter.spent == pytest.approx(0.8)
    hold.release()
    assert meter.hold(0.2) is not None


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=30), st.floats(0, 3))
def test_the_budget_holds_whatever_is_asked(requests: list[tuple[float, float]], budget: float) -> None:
    meter = Meter(PRICE, budget)
    for most, share in requests:
        hold = meter.hold(most)
        if hold is not None:
            hold.settle(most * share)
    assert meter.spent <= budget + 1e-9
