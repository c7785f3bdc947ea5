"""Decide whether tuning has cost the base what it could do: the rule about general tasks.

In: the paired difference of tuned and base, and how many tasks the base solves. Out: the gate and the reason.

    passed      the lower end of the 95 % interval of the difference lies above -3 points
    failed      it does not, and the whole interval lies below 0: less is solved, and 3 points lost are not excluded
    not_shown   everything else; also where the base solves fewer than `MIN_SOLVED` tasks, for who can do nothing can
                forget nothing
"""

from __future__ import annotations

from tuner.execution import Gate
from tuner.paired_shares import PairedDifference

MARGIN = -0.03
MIN_SOLVED = 10


def decide(difference: PairedDifference, solved_by_base: int) -> tuple[Gate, str]:
    """Give the gate and the sentence that explains it."""
    said = (
        f"general tasks {100 * difference.delta:+.1f} points "
        f"[{100 * difference.low:+.1f}, {100 * difference.high:+.1f}] over {difference.n}: "
        f"{difference.lost} lost, {difference.gained} gained"
    )
    if solved_by_base < MIN_SOLVED:
        return "not_shown", f"{said}; the base solves {solved_by_base}, wanted {MIN_SOLVED} to see forgetting"
    if difference.low > MARGIN:
        return "passed", f"{said}; a loss of 3 points or more is excluded"
    if difference.high < 0:
        return "failed", f"{said}; fewer are solved, and a loss of 3 points is not excluded"
    return "not_shown", f"{said}; a loss of 3 points is neither shown nor excluded"
