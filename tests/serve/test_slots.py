"""Which slot of the engine a prompt goes to."""

from __future__ import annotations

from tuner.serve.slots import Slots

TUNED, BASE = ((0, 1.0),), ((0, 0.0),)
ONE, OTHER = list(range(100)), list(range(500, 600))


def test_a_prompt_goes_where_most_of_it_was_read() -> None:
    slots = Slots(2)
    first = slots.take(ONE, TUNED)
    second = slots.take(OTHER, TUNED)
    slots.give_back(first)
    slots.give_back(second)
    assert slots.take([*OTHER, 7], TUNED) is second
    assert slots.take([*ONE, 7], TUNED) is first


def test_what_another_adapter_has_read_is_of_no_use() -> None:
    slots = Slots(2)
    slot = slots.take(ONE, TUNED)
    slots.give_back(slot)
    assert slots.take(ONE, BASE) is not slot


def test_a_new_prompt_takes_the_slot_that_was_idle_longest() -> None:
    slots = Slots(3)
    taken = [slots.take([n], TUNED) for n in range(3)]
    for slot in (taken[1], taken[0], taken[2]):
        slots.give_back(slot)
    assert slots.take([99], TUNED) is taken[1]


def test_busy_slots_are_counted_and_not_given_twice() -> None:
    slots = Slots(2)
    one, other = slots.take(ONE, TUNED), slots.take(ONE, TUNED)
    assert one is not other
    assert (slots.free, slots.busy) == (0, 2)
    slots.give_back(one)
    assert (slots.free, slots.busy) == (1, 1)


def test_a_busy_slot_that_has_read_the_prompt_is_named_when_no_free_one_has() -> None:
    slots = Slots(2)
    slot = slots.take(ONE, TUNED)
    assert slots.better_but_busy([*ONE, 7], TUNED) is slot
    assert slots.better_but_busy([*ONE, 7], BASE) is None and slots.better_but_busy(OTHER, TUNED) is None
    slots.give_back(slot)
    assert slots.better_but_busy([*ONE, 7], TUNED) is None
