"""Test the few differences that are the headline of a run, and correct for having asked them together.

In: the pairings with their differences, and the answers of both systems. Out: one `Headline` per headline metric (exact
match, edit similarity, identifier F1) of `tuned` against `base`, and of `tuned+bm25` against `base+bm25` where both
answered, over novel lines. These were fixed before any answer was seen; no other row is ever promoted to a headline.

Exact match is tested by McNemar's exact test over the items that only one of the two has right. It takes items as
independent, which lines of one commit are not; so a headline is called a gain or a loss only where the interval, which
resamples whole commits, says so as well. The other two metrics are no yes-or-no figures: their p-value is that of the
interval. Holm's correction runs over all headlines of the run: three, or six with retrieval.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from tuner.compare.differences import STRATA, Answered
from tuner.comparison import Difference, Headline, Pairing
from tuner.scoring import exact_match
from tuner.statistics import holm, mcnemar

STRATUM = "novel"
TESTED = ("exact_match", "edit_similarity", "identifier_f1")
FAMILY = (("tuned", "base"), ("tuned+bm25", "base+bm25"))
# The smallest true difference that a study of this size finds in four of five cases, in standard errors: the quantiles
# of 97.5 and of 80 percent of the normal distribution.
DETECTABLE_ERRORS = 1.96 + 0.84
INTERVAL_ERRORS = 2 * 1.96


def headlines(pairings: Sequence[Pairing], pairs: Callable[[str, str], Sequence[Answered]]) -> list[Headline]:
    """Test the family; `pairs` gives the items that two systems both answered."""
    found = []
    for pairing in pairings:
        if (pairing.a, pairing.b) in FAMILY:
            chosen = [each for each in pairs(pairing.a, pairing.b) if STRATA[STRATUM](each[0])]
            rows = {each.metric: each for each in pairing.differences if each.stratum == STRATUM}
            found += [_headline(pairing, rows[metric], chosen) for metric in TESTED if metric in rows]
    corrected = holm([each.p for each in found])
    return [replace(each, p_holm=p) for each, p in zip(found, corrected, strict=True)]


def discordant(pairs: Sequence[Answered]) -> tuple[int, int]:
    """Count the items that only the first system completed exactly, and those that only the second did."""
    right = [(exact_match(item, a)[0] > 0.0, exact_match(item, b)[0] > 0.0) for item, a, b in pairs]
    return sum(a and not b for a, b in right), sum(b and not a for a, b in right)


def detectable(each: Difference) -> float:
    """Say which true difference such a comparison would find in four of five cases."""
    return DETECTABLE_ERRORS * (each.high - each.low) / INTERVAL_ERRORS


def _headline(pairing: Pairing, row: Difference, pairs: Sequence[Answered]) -> Headline:
    if row.metric != "exact_match":
        return Headline(pairing.a, pairing.b, row, "bootstrap", row.p, row.p, None, None, detectable(row))
    only_a, only_b = discordant(pairs)
    p = mcnemar(only_a, only_b)
    return Headline(pairing.a, pairing.b, row, "mcnemar", p, p, only_a, only_b, detectable(row))
