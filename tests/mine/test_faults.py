"""A message that names a fault is told from one that names a place, a wish or a remedy."""

from __future__ import annotations

import pytest

from tuner.mine.faults import names_the_fault, only_calls_it_otherwise, sentence_with_the_fault


@pytest.mark.parametrize(
    "text",
    [
        "Fix incorrect total of entries",
        "The total is never one less",
        "Fix totals for closed entries",
        "Fix the total shown on posting an entry",
        "Fix backspace in prompt with readline enabled",
        "make Ledger null-safe",
        "handle multi-digit exponents in totals",
    ],
)
def test_what_goes_wrong_or_the_case_is_a_fault(text: str) -> None:
    assert names_the_fault(text)


@pytest.mark.parametrize(
    "text",
    [
        "Fix tuple join",
        "Fix argument checks on Windows",
        "Fix clear() on win, colorama",
        "Make it possible to define aliases for the second option",
        "disabling the use of the actual type for all cases except when it is marked",
        "Iterate over keys in ledger using one operator",
    ],
)
def test_a_place_a_wish_or_a_remedy_is_none(text: str) -> None:
    assert not names_the_fault(text)


def test_the_first_sentence_of_a_body_that_names_the_fault_is_taken() -> None:
    body = "Closes the books.\nDon't show the total twice... (Copy/paste error)."
    assert sentence_with_the_fault(body, "def total(): show()") == "Don't show the total twice"
    assert sentence_with_the_fault(body, "def other(): pass") is None
    assert sentence_with_the_fault("We never saw the total.", "def total(): show()") is None  # a note


def test_a_call_that_only_takes_other_values_has_its_reason_where_it_is_defined() -> None:
    old, new = "return post(self.sum, self.path)", "return self.post()"
    assert only_calls_it_otherwise("fix calling to post when it is empty", old, new)
    assert not only_calls_it_otherwise("fix calling to post when it is empty", old, "return self.post(cents)")
    assert not only_calls_it_otherwise("fix the sum when it is empty", old, new)
