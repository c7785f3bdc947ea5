"""Work is spread where that pays, and the results come in the order of the work."""

from __future__ import annotations

import os

from tuner.mine.workers import Workers


def places(batch: list[int]) -> list[int]:
    """Say in which process each item was worked on; goes to a worker."""
    return [os.getpid() for _ in batch]


def test_small_work_stays_here_until_there_are_workers() -> None:
    with Workers(2) as workers:
        workers.expect(3, few=3)
        assert set(workers.map(places, range(3), 1, few=3)) == {os.getpid()}
        workers.expect(4, few=3)
        assert os.getpid() not in set(workers.map(places, range(3), 1, few=3))
        assert set(workers.map(places, range(2), 2, few=3)) == {os.getpid()}  # one batch leaves nothing to share


def test_one_core_has_no_workers() -> None:
    with Workers(1) as workers:
        workers.expect(1_000, few=3)
        assert set(workers.map(places, range(9), 2, few=3)) == {os.getpid()}


def test_what_was_begun_is_waited_for_or_done_here() -> None:
    with Workers(2) as workers:
        assert workers.begin(places, [1])() == [os.getpid()]
        workers.expect(4, few=3)
        assert workers.begin(places, [1])() != [os.getpid()]
