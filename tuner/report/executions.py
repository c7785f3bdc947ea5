"""Prepare the table of answers that were run, in the order in which the systems ran.

In: the records of the stages `execute-<system>`; a run without them has no table. Out: one line for each system and
set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tuner.execution import Execution

SETS = {"tasks": ("general tasks", "tasks_pass_at_1"), "repository": ("functions of this repository", "pass_at_1")}


@dataclass(frozen=True, slots=True)
class Line:
    """One system's share of passed answers in one set, and its change against the base."""

    system: str
    tasks: str
    passed: str
    ends: str
    n: str
    change: str
    change_ends: str
    finding: str


def lines(executions: Sequence[Execution]) -> list[Line]:
    """Give the table's lines."""
    found = []
    for each in executions:
        for name, (title, metric) in SETS.items():
            own = f"eval.{each.system}.{metric}"
            if own not in each.metrics:
                continue
            low, high = each.metrics[f"{own}_low"], each.metrics[f"{own}_high"]
            change = each.changes.get(name)
            finding = ""
            if change is not None:
                finding = change.reason or f"{change.gained} gained, {change.lost} lost"
                finding += f"; from {100 * change.smallest_detectable:.1f} points on a difference would show"
            found.append(
                Line(
                    system=each.system,
                    tasks=title,
                    passed=f"{100 * each.metrics[own]:.1f} %",
                    ends=f"[{100 * low:.1f}, {100 * high:.1f}]",
                    n=f"{each.metrics[f'{own}_items']:.0f}",
                    change=f"{100 * change.delta:+.1f} points" if change else "–",
                    change_ends=f"[{100 * change.low:+.1f}, {100 * change.high:+.1f}]" if change else "",
                    finding=f"{change.gate}: {finding}" if change and change.gate else finding,
                )
            )
    return found
