"""Place numbers on an axis from 0 to 100 per cent of a picture's width, with round marks.

In: the numbers that must fit. Out: an axis that holds them all, with marks at round numbers. Pictures use per cent in
place of pixels, so that they are as wide as the phone or the sheet of paper that shows them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

MARKS = 4  # at most about so many on an axis
SMALLEST = 1e-9  # what is closer to each other is the same number
STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Axis:
    """A range of numbers, its round marks, and whether equal distances are equal factors."""

    low: float
    high: float
    marks: tuple[float, ...]
    logarithmic: bool = False

    def place(self, number: float) -> float:
        """Give a number's place in per cent of the width; what lies outside is put at the edge."""
        low, high, at = (
            (math.log10(each) for each in (self.low, self.high, number))
            if self.logarithmic
            else (self.low, self.high, number)
        )
        return round(min(100.0, max(0.0, 100.0 * (at - low) / (high - low))), 2)


def linear(numbers: Iterable[float], *, floor: float | None = None, ceiling: float | None = None) -> Axis:
    """Make an axis whose ends are round; `floor` and `ceiling` are what the figure can be at least and at most."""
    found = [*numbers]
    low, high = min(found, default=0.0), max(found, default=1.0)
    if high - low < SMALLEST:
        low, high = low - 0.05, high + 0.05
    step = _round_step((high - low) / MARKS)
    first, last = math.floor(low / step), math.ceil(high / step)
    low, high = first * step, last * step
    low = low if floor is None else max(low, floor)
    high = high if ceiling is None else min(high, ceiling)
    marks = tuple(round(each * step, 10) for each in range(first, last + 1) if low - 1e-9 <= each * step <= high + 1e-9)
    return Axis(low, high, marks)


def symmetric(numbers: Iterable[float]) -> Axis:
    """Make an axis with 0 in its middle."""
    most = max((abs(each) for each in numbers), default=0.0)
    most = most if most > SMALLEST else 1.0
    step = _round_step(2 * most / MARKS)
    reach = math.ceil(most / step)
    return Axis(-reach * step, reach * step, tuple(round(each * step, 10) for each in range(-reach, reach + 1)))


def logarithmic(numbers: Iterable[float]) -> Axis:
    """Make an axis from one power of ten to another; all numbers must be above 0."""
    found = [*numbers] or [1.0]
    first, last = math.floor(math.log10(min(found))), math.ceil(math.log10(max(found)))
    if first == last:
        last += 1
    every = max(1, math.ceil((last - first) / (MARKS + 1)))
    return Axis(10.0**first, 10.0**last, tuple(10.0**each for each in range(first, last + 1, every)), logarithmic=True)


def _round_step(size: float) -> float:
    power = 10.0 ** math.floor(math.log10(size))
    return next(step * power for step in STEPS if step * power >= size * (1 - 1e-9))
