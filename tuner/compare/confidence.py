"""Say how good a system is where it is sure: an editor need not show every answer.

In: a system's answered items with the confidence of each answer, the mean log-probability of its tokens. Out: the exact
matches among the most confident 100, 70, 50 and 30 % of the answers, each with its interval; the largest share of the
answers that can be shown while at least 30 % of those shown are exact; and the curve between. A system that gives no
confidence (an API, a copy) has none of these, nor one of whose answers any has none: the order would be a guess.

Which answers are the most confident is taken as given: the intervals resample commits among them, and do not choose
them anew. A share picked because it is the largest flatters a little; it has no interval and is no claim.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tuner.comparison import Sureness
from tuner.records import Interval, Item, Prediction
from tuner.scoring import exact_match
from tuner.statistics import cluster_bootstrap, ratio

SHARES = (100, 70, 50, 30)  # per cent of the answers, the most confident first
PRECISION = 0.3
CURVE_POINTS = 20
FEWEST = 10  # answers below which a share says nothing


def sureness(answered: Sequence[tuple[Item, Prediction]], resamples: int, seed: int) -> Sureness | None:
    """Give the figures; None where there are too few answers, or any without a confidence."""
    known = [(each.confidence, item, each) for item, each in answered if each.confidence is not None]
    if len(known) < len(answered) or len(known) < FEWEST:
        return None
    known.sort(key=lambda each: (-each[0], each[1].id))
    rows = [(item.commit, exact_match(item, each)) for _, item, each in known]
    at_share: dict[str, Interval] = {}
    for share in SHARES:
        chosen = rows[: max(1, round(len(rows) * share / 100))]
        found = cluster_bootstrap([commit for commit, _ in chosen], [row for _, row in chosen], ratio, resamples, seed)
        if found is not None:
            at_share[str(share)] = replace(found, low=max(0.0, found.low), high=min(1.0, found.high))
    precision, right, asked = [], 0.0, 0.0
    for _, (hits, of) in rows:
        right, asked = right + hits, asked + of
        precision.append(right / asked)
    counts = [max(1, round(len(rows) * step / CURVE_POINTS)) for step in range(1, CURVE_POINTS + 1)]
    good = [count for count, each in enumerate(precision, 1) if each >= PRECISION and count >= FEWEST]
    return Sureness(
        exact_match=at_share,
        coverage=max(good, default=0) / len(rows),
        precision=PRECISION,
        curve=[[count / len(rows), precision[count - 1]] for count in counts],
    )
