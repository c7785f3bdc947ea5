"""Turn differences between system a (the tuned one) and system b into a verdict, by rules that are written down here.

The leading metric is bits per byte, or exact match where one of the systems gives no probabilities. In this order:

    no_benefit_shown  fewer items than `compare.min_items`: nothing can be concluded, in either direction
    harm              over all items the leading metric or exact match is a loss: its interval lies wholly on the bad
                      side of 0; or a gate is missed so clearly that it harms (forgetting beyond doubt)
    ship              the leading metric is a gain over all items and over novel lines, no headline metric (exact match,
                      edit similarity, identifier F1) is a loss over all items or novel lines, exact match or the
                      share of saved characters is above b's over all items, and every gate is passed
    no_benefit_shown  everything else

Gates are conditions beside these differences: no more invented names (`gates`), better than an adapter of another
repository where one answered (`control`), and what the caller measured elsewhere, such as forgetting. Each is listed
with its value and limit; none is left out because it was missed.

Multiple testing: `ship` needs several intervals to agree (an intersection-union test), so that each at 95 % keeps the
chance of shipping no better model at 2.5 % or less without correction. `harm` is raised by either of two intervals, at
up to 5 % together, on the side of caution. The table's other rows decide nothing, and one in twenty may be a finding by
chance alone.
"""

from __future__ import annotations

from collections.abc import Sequence

from tuner.comparison import Difference, Gate, Verdict

HEADLINE = ("exact_match", "edit_similarity", "identifier_f1")
VISIBLE = ("exact_match", "chars_saved_ratio")


def decide(
    differences: Sequence[Difference], items: int, min_items: int, a: str, b: str, gates: Sequence[Gate] = ()
) -> tuple[Verdict, str]:
    """Give the verdict on `a` against `b` over `items` answered items, and the sentence that explains it."""
    if items < min_items:
        return (
            "no_benefit_shown",
            f"nothing can be concluded from {items} items, wanted {min_items} (compare.min_items)",
        )
    found = {(each.metric, each.stratum): each for each in differences}
    leading = "bits_per_byte" if ("bits_per_byte", "all") in found else "exact_match"
    overall, novel = found.get((leading, "all")), found.get((leading, "novel"))
    if overall is None:
        return "no_benefit_shown", f"nothing can be concluded from {items} items of one commit: there is no interval"

    harmful = dict.fromkeys((leading, "exact_match"))
    harmed = [found[name, "all"] for name in harmful if _finding(found, name, "all") == "loss"]
    if harmed:
        return "harm", f"{a} is worse than {b}: {_list(harmed)}"
    missed = [each for each in gates if not each.passed]
    if any(each.harms for each in missed):
        return "harm", f"{a} does harm: {'; '.join(each.said for each in missed if each.harms)}"

    lost = [
        found[name, stratum]
        for stratum in ("all", "novel")
        for name in dict.fromkeys((leading, *HEADLINE))
        if _finding(found, name, stratum) == "loss"
    ]
    faults = []
    if overall.finding != "gain":
        faults.append(f"no gain over all items ({_list([overall])})")
    if novel is None:
        faults.append("no interval over novel lines, which stem from fewer than two commits")
    elif novel.finding == "inconclusive":
        faults.append(f"no gain over novel lines ({_list([novel])})")
    if lost:
        faults.append(f"a loss in {_list(lost)}")
    if not any((name, "all") in found and found[name, "all"].delta > 0 for name in VISIBLE):
        faults.append("neither exact match nor saved characters are above those of " + b)
    faults += [f"gate {each.name} is missed ({each.said})" for each in missed]
    if faults or novel is None:
        return "no_benefit_shown", f"{a} against {b}: " + "; ".join(faults)
    gains = _list([overall, novel])
    passed = f", {len(gates)} of {len(gates)} gates passed" if gates else ""
    return "ship", f"{a} is better than {b} over {items} items: {gains}, and no headline metric is a loss{passed}"


def _finding(found: dict[tuple[str, str], Difference], metric: str, stratum: str) -> str | None:
    difference = found.get((metric, stratum))
    return difference.finding if difference else None


def _list(differences: Sequence[Difference]) -> str:
    return ", ".join(
        f"{each.metric} {each.delta:+.3f} [{each.low:+.3f}, {each.high:+.3f}] on {each.stratum}" for each in differences
    )
