"""Say in one sentence what a manager may quote: no more than the figures allow.

In: the pairings. Out: a sentence on our candidate against the rival that matters, with n, the interval and the word
for it. The candidate is `tuned+bm25` if it answered, else `tuned`. The rival is Copilot if it answered, else the
endpoint or import with the most exact matches (which favours the rival), else what our candidate started from.
"""

from __future__ import annotations

from collections.abc import Sequence

from tuner.comparison import Difference, Pairing, SystemResult
from tuner.recipe import LOCAL_SYSTEMS

METRIC, STRATUM = "exact_match", "all"
WORDS = {
    "gain": "a gain beyond chance",
    "loss": "a loss beyond chance",
    "inconclusive": "inconclusive: the interval holds 0, so neither is shown to be better",
}


def candidates(systems: Sequence[SystemResult]) -> tuple[str, str]:
    """Name our candidate and the rival that it has to be measured against."""
    answered = {each.name: each for each in systems if each.answered}
    ours = next((name for name in ("tuned+bm25", "tuned") if name in answered), "tuned")
    if "copilot" in answered:
        return ours, "copilot"
    others = [each for name, each in answered.items() if name not in LOCAL_SYSTEMS and METRIC in each.scores[STRATUM]]
    if others:
        best = max(others, key=lambda each: (each.scores[STRATUM][METRIC].value, each.name))
        return ours, best.name
    return ours, "base" + ours.removeprefix("tuned")


def sentence(pairings: Sequence[Pairing], ours: str, rival: str, repo: str, min_items: int) -> str:
    """Write the sentence about `ours` against `rival`."""
    pairing = next((each for each in pairings if (each.a, each.b) == (ours, rival)), None)
    found = _difference(pairing) if pairing else None
    if pairing is None or found is None:
        return (
            f"{ours} and {rival} cannot be compared on {repo}: fewer than two later commits have items both answered."
        )
    lead = (
        f"At {found.items} cursors in {found.commits} later commits of {repo}, {ours} completed "
        f"{100 * found.a:.1f} % exactly as the author did and {rival} {100 * found.b:.1f} %"
    )
    difference = f"{100 * found.delta:+.1f} points, 95 % interval {100 * found.low:+.1f} to {100 * found.high:+.1f}"
    if pairing.items < min_items:
        return f"{lead} ({difference}); with fewer than {min_items} items nothing can be concluded."
    return f"{lead} ({difference}): {WORDS[found.finding]}."


def _difference(pairing: Pairing) -> Difference | None:
    return next((each for each in pairing.differences if (each.metric, each.stratum) == (METRIC, STRATUM)), None)
