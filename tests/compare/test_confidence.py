"""Exact matches among the most confident answers, and how much can be shown while enough of it is right."""

from __future__ import annotations

import dataclasses

import pytest

from tests.compare.test_stage import make_items
from tuner.compare.confidence import sureness
from tuner.records import Item, Prediction

Answered = list[tuple[Item, Prediction]]


def answered(right: list[bool], confidence: list[float]) -> Answered:
    """Make one answered item for each, with its confidence."""
    made = []
    for item, hit, sure in zip(make_items(len(right)), right, confidence, strict=True):
        text = item.target if hit else "other(b)"
        made.append((item, Prediction(item.id, text, text, None, 8, 3, None, None, confidence=sure)))
    return made


def sure_of_the_right_ones(count: int = 100) -> Answered:
    """The first fifth is right, and the system is the surer the earlier the item."""
    return answered([at < count // 5 for at in range(count)], [-at / 10 for at in range(count)])


def test_a_system_that_knows_when_it_is_right_is_better_the_fewer_answers_it_shows() -> None:
    found = sureness(sure_of_the_right_ones(), 400, 1)
    assert found is not None
    values = {share: each.value for share, each in found.exact_match.items()}
    assert values == pytest.approx({"100": 0.2, "70": 20 / 70, "50": 0.4, "30": 20 / 30})
    assert all(
        each.low <= each.value <= each.high and each.n == int(share) for share, each in found.exact_match.items()
    )
    assert found.coverage == pytest.approx(0.66)  # 20 right among 66 are 30.3 %, among 67 they are 29.9 %
    assert found.curve[-1] == [1.0, pytest.approx(0.2)]
    assert found.curve[3] == [0.2, pytest.approx(1.0)]


def test_a_system_whose_confidence_means_nothing_gains_nothing_by_it() -> None:
    turned = [
        (item, dataclasses.replace(each, confidence=-(each.confidence or 0))) for item, each in sure_of_the_right_ones()
    ]
    found = sureness(turned, 400, 1)
    assert found is not None
    assert (found.exact_match["30"].value, found.coverage) == (0.0, 0.0)


def test_the_order_of_the_items_changes_nothing() -> None:
    given = answered([at % 3 == 0 for at in range(60)], [-float(at % 7) for at in range(60)])
    assert sureness(given, 400, 1) == sureness(given[::-1], 400, 1)


def test_one_answer_without_a_confidence_or_too_few_answers_give_no_figure() -> None:
    given = sure_of_the_right_ones()
    gap = [(given[0][0], dataclasses.replace(given[0][1], confidence=None)), *given[1:]]
    assert sureness(gap, 400, 1) is None
    assert sureness(given[:9], 400, 1) is None
    assert sureness([], 400, 1) is None
