"""Say in text what the votes say: ratings and pairs with their intervals, how much was voted, how far voters agree.

In: `Preferences`. Out: lines for a terminal, which hold no code and no voter's name. Every figure stands in
`arena/ratings.json` too; nothing is computed here.
"""

from __future__ import annotations

from tuner.preference import Agreement, PairPreference, Preferences, Rating
from tuner.records import Interval


def as_text(found: Preferences) -> str:
    """Write the whole result."""
    lines = ["", *(f"  {name:<14}{text}" for name, text in facts(found)), ""]
    lines.append(f"  {'system':<24}{'rating [95 %]':<24}{'votes':>6}")
    lines += [f"  {each.system:<24}{points(each.points, each):<24}{each.votes:>6}" for each in found.systems]
    lines += ["", *_table(found.pairs), ""]
    lines += [f"  {each}" for each in NOTES]
    return "\n".join(lines)


NOTES = (
    "rating: points above the mean; 100 points more are preferred in 64 of 100 votes that decide",
    "never shown: one of the two has no answer (void), or both gave the same one (identical)",
    "preferred, equal and both bad count votes; share: of deciding votes, those for the first of the pair, as fitted",
    "intervals resample commits: they hold for other code of this repository, and for these voters",
)


def facts(found: Preferences) -> list[tuple[str, str]]:
    """Say how much was voted, and how far the voters agree."""
    pace = f"; median {found.seconds:.1f} s a vote" if found.seconds is not None else ""
    listed = [
        (
            "votes",
            f"{_many(found.votes, 'vote')} by {_many(found.voters, 'voter')} on {_many(found.items, 'item')} of "
            f"{_many(found.commits, 'commit')}; {found.skipped} skipped{pace}",
        ),
        ("agreement", agreement(found.agreement)),
    ]
    if found.outdated:
        listed.append(("not counted", f"{_many(found.outdated, 'vote')} about answers that the run no longer holds"))
    return listed


def agreement(found: Agreement) -> str:
    """Say how far voters agree."""
    if found.same is None or found.opposite is None:
        return "unknown: no duel was judged by two voters"
    shares = f"two voters say the same in {_percent(found.same)} and the opposite in {_percent(found.opposite)}"
    alpha = "not defined" if found.alpha is None else f"{found.alpha:.2f}"
    return f"Krippendorff's alpha {alpha} over {_many(found.duels, 'duel')}: {shares}"


def points(interval: Interval | None, rating: Rating) -> str:
    """Write a rating with its interval, or say why there is none."""
    if interval is not None:
        return f"{interval.value:+.0f} [{interval.low:+.0f}, {interval.high:+.0f}]"
    return "too few votes" if rating.votes else "no votes"


def share(interval: Interval | None) -> str:
    """Write the share of deciding votes with its interval."""
    if interval is None:
        return "-"
    return f"{100 * interval.value:.0f} % [{100 * interval.low:.0f}, {100 * interval.high:.0f}]"


def finding(pair: PairPreference) -> str:
    """Say what the interval allows."""
    if pair.finding == "inconclusive":
        return "inconclusive"
    return f"{pair.a if pair.finding == 'a_preferred' else pair.b} preferred"


def _table(pairs: list[PairPreference]) -> list[str]:
    head = ("void", "identical", "preferred", "equal", "both bad", "share [95 %]")
    lines = [f"  {'pair':<28}{head[0]:>6}{head[1]:>11}{head[2]:>12}{head[3]:>7}{head[4]:>10}  {head[5]:<18}finding"]
    for each in pairs:
        voided, same = each.voided / max(1, each.items), each.identical / max(1, each.items)
        pair, votes = f"{each.a} : {each.b}", f"{each.a_votes} : {each.b_votes}"
        lines.append(
            f"  {pair:<28}{_percent(voided):>6}{_percent(same):>11}{votes:>12}"
            f"{each.equal:>7}{each.both_bad:>10}  {share(each.share):<18}{finding(each)}"
        )
    return lines


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
