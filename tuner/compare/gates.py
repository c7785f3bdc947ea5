"""Turn measured differences into gates: written conditions that `ship` has to pass beside its own.

In: the adapter's differences, and those against the control where one answered. Out: a `Gate` for each condition that
can be judged. A condition that nothing was measured for gives no gate, and the verdict's reason then does not count it.

    invented_name_rate   tuned does not invent names more often than base: over all items it is no loss
    wrong_repository     the leading metric is a gain over the adapter of another repository, over all items
"""

from __future__ import annotations

from collections.abc import Sequence

from tuner.comparison import Difference, Gate, Pairing

NOT_A_LOSS = ("invented_name_rate",)
LEADING = ("bits_per_byte", "exact_match")


def own_gates(differences: Sequence[Difference], a: str, b: str) -> list[Gate]:
    """Judge what may not get worse from system `b` to `a`."""
    return [_not_a_loss(each, a, b) for each in differences if each.metric in NOT_A_LOSS and each.stratum == "all"]


def control_gate(pairing: Pairing, repository: str) -> Gate:
    """Judge `tuned` against an adapter of another repository: a gain that any training gives is none."""
    rows = {each.metric: each for each in pairing.differences if each.stratum == "all"}
    row = next((rows[name] for name in LEADING if name in rows), None)
    if row is None:
        said = f"{pairing.a} and the adapter of {repository} have too few answers in common to compare"
        return Gate("wrong_repository", 0.0, 0.0, False, said)
    said = f"{pairing.a} against an adapter of {repository}: {figures(row)}, {row.finding}"
    return Gate("wrong_repository", row.delta, 0.0, row.finding == "gain", said)


def figures(each: Difference) -> str:
    """Write a difference with its interval."""
    return f"{each.metric} {each.delta:+.3f} [{each.low:+.3f}, {each.high:+.3f}]"


def _not_a_loss(each: Difference, a: str, b: str) -> Gate:
    said = f"{a} against {b}: {figures(each)}, {each.finding}; a loss is not allowed"
    return Gate(each.metric, each.delta, 0.0, each.finding != "loss", said)
