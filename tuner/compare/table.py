"""Write a comparison as Markdown: every figure with its n, its interval and what the interval allows to say."""

from __future__ import annotations

from tuner.comparison import Comparison, Difference

FINDINGS = {"gain": "gain", "loss": "**loss**", "inconclusive": "inconclusive"}


def markdown(comparison: Comparison, items: int, voided: int) -> str:
    """Render the table, the verdict with its reason, and how to read both; `items` are those that both answered."""
    a, b = comparison.a, comparison.b
    lines = [
        f"# {a} against {b}",
        "",
        f"Verdict: **{comparison.verdict}**: {comparison.reason}",
        "",
        f"{items} items answered by both systems; {voided} left out because a system gave no answer.",
        "",
        f"| metric | lines | items | commits | {a} | {b} | difference | 95 % interval | finding |",
        "|---|---|--:|--:|--:|--:|--:|:-:|---|",
        *(_row(each) for each in comparison.differences),
        "",
        f"Differences are {a} minus {b}; `bits_per_byte_relative` is their quotient minus 1. Bits per byte and",
        "over-generation are better when lower, all else when higher. Intervals resample whole commits. A finding",
        "needs an interval on one side of 0; of rows without any true difference, one in twenty is still called one.",
        "Lines whose items stem from a single commit have no interval and are not shown.",
    ]
    return "\n".join(lines) + "\n"


def _row(each: Difference) -> str:
    figures = f"{each.a:.3f} | {each.b:.3f} | {each.delta:+.3f} | {each.low:+.3f} to {each.high:+.3f}"
    return f"| {each.metric} | {each.stratum} | {each.items} | {each.commits} | {figures} | {FINDINGS[each.finding]} |"
