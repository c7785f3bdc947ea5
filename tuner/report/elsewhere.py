"""Show what probes found beside the items: forgetting, what a weaker adapter would give, recitation, canaries, names.

In: the probes' records, as far as they were run. Out: tables and the picture of the trade-off. What was not probed is
not shown; that nothing was found is.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

from markupsafe import Markup

from tuner.axes import linear
from tuner.comparison import Gate
from tuner.drawing import dot, label, line, picture
from tuner.probing import Canaries, Exposed, Filters, Forgetting, Point, Recall, Trade
from tuner.records import Interval

HEIGHT, TOP, BOTTOM = 220, 12, 28  # pixels: of the picture, and kept free in it


@dataclass(frozen=True, slots=True)
class Probes:
    """What lies in `eval/` beside the contest; None for what was not run."""

    gate: Gate | None = None
    forgetting: list[Forgetting] = field(default_factory=list)
    trade: Trade | None = None
    recall: Recall | None = None
    canaries: Canaries | None = None
    filters: Filters | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """One finding: what it says, how it was measured, and the figures; `drawn` is a picture of them."""

    title: str
    lead: str
    head: list[str]
    rows: list[list[str]]
    drawn: Markup | None = None


def elsewhere(probes: Probes) -> list[Table]:
    """Lay out every probe that was run."""
    found = []
    if probes.forgetting:
        found.append(_forgetting(probes.forgetting, probes.gate))
    if probes.trade is not None:
        found.append(_trade(probes.trade))
    if probes.recall is not None:
        found.append(_recall(probes.recall))
    if probes.canaries is not None:
        found.append(_canaries(probes.canaries.exposed))
    if probes.filters is not None:
        found.append(_filters(probes.filters))
    return found


def _forgetting(measured: Sequence[Forgetting], gate: Gate | None) -> Table:
    first = measured[0]
    lead = (
        f"Bits per byte on {len(first.pieces)} fixed pieces of Python {first.python}'s standard library (sample "
        f"{first.sha256[:12]}), which has nothing to do with the repository."
    )
    rows = [
        [each.system, _number(each.bits_per_byte), "–" if each.increase is None else _percent(each.increase)]
        for each in measured
    ]
    lead += f" The gate is {'passed' if gate.passed else 'missed'}: {gate.said}." if gate is not None else ""
    return Table("Forgetting", lead, ["system", "bits per byte", "against base"], rows)


def _trade(trade: Trade) -> Table:
    lead = (
        f"The adapter at smaller scales: forgetting (on other modules of the library than above) against the change of "
        f"bits per byte on {trade.valid_rows} validation rows. No evaluation item was looked at. "
        f"{'Chosen and put into the adapter' if trade.applied else 'What the rule says'}: {trade.reason}."
    )
    rows = [
        [_what(each), _percent(each.increase), "–" if each.gain is None else _percent(each.gain)]
        for each in trade.points
    ]
    head = ["adapter", "forgetting", "validation against base"]
    return Table("A weaker adapter", lead, head, rows, _curve(trade))


def _curve(trade: Trade) -> Markup | None:
    """Draw forgetting to the right and gain on validation upwards, base at 0; the limit is the dashed line."""
    placed = [(each, each.gain) for each in trade.points if each.gain is not None]
    if not placed:
        return None
    across = linear([0.0, 100 * trade.limit, *(100 * each.increase.value for each, _ in placed)])
    up = linear([0.0, *(-100 * gain.value for _, gain in placed)])
    inner = HEIGHT - TOP - BOTTOM
    drawn = Markup()
    for at in up.marks:
        y = TOP + inner * (1 - up.place(at) / 100)
        drawn += line(0, y, 100, y, "grid") + label(0, y - 3, f"{-at:.6g} %")
    for at in across.marks:
        drawn += label(across.place(at), HEIGHT - 8, f"{at:+.6g} %")
    drawn += line(across.place(100 * trade.limit), TOP, across.place(100 * trade.limit), HEIGHT - BOTTOM, "guide")
    for each, gain in placed:
        x, y = across.place(100 * each.increase.value), TOP + inner * (1 - up.place(-100 * gain.value) / 100)
        drawn += dot(x, y, "ours", "round" if each.step is None else "diamond") + label(x, y - 9, _what(each))
    seen = "forgetting against the change on validation, by the adapter's scale; the table below has the figures"
    return picture(drawn, HEIGHT, seen, "scatter")


def _recall(recall: Recall) -> Table:
    lead = (
        f"Training texts were shown up to their {recall.prompt}th token and continued greedily: recited are those "
        f"whose next {recall.continued} tokens came out exactly. An answer is copied where {recall.span} tokens of it "
        "stand in the training text; shorter answers cannot be. The base has not seen the texts: what it recites is "
        "easy to guess or known from elsewhere. Everything written was searched for secrets, also where a text was cut "
        "before something that had been redacted."
    )
    head = ["system", "recited", "tokens until they differ", "copied answers", "secrets written"]
    rows = []
    for each in recall.systems:
        rate = "" if each.rate is None else f" [{100 * each.rate.low:.0f}, {100 * each.rate.high:.0f}] %"
        secrets = ", ".join(f"{count} {kind}" for kind, count in sorted(each.secrets.items())) or "none"
        rows.append(
            [
                each.system,
                f"{each.recited} of {each.windows}{rate}",
                f"{each.mean_tokens:.1f}",
                f"{each.copied} of {each.answers}, {each.long_enough} long enough",
                f"{secrets} ({each.redacted} tried)",
            ]
        )
    return Table("Memorisation", lead, head, rows)


def _canaries(exposed: Sequence[Exposed]) -> Table:
    by_seen: dict[int, list[Exposed]] = defaultdict(list)
    for each in exposed:
        by_seen[each.seen].append(each)
    most = math.log2(exposed[0].alternatives + 1)
    lead = (
        f"Lines with a random ending were planted in the training data. Exposure is in bits, {most:.0f} at most: how "
        "far up the ending stands among others that could have been planted; about 1.4 where it was never trained on."
    )
    rows = []
    for seen, some in sorted(by_seen.items()):
        base, tuned = (fmean(getattr(each, f"{name}_exposure") for each in some) for name in ("base", "tuned"))
        out = sum(each.tuned_extracted for each in some)
        rows.append([f"{seen} times", str(len(some)), f"{base:.1f}", f"{tuned:.1f}", f"{out} of {len(some)}"])
    return Table("Canaries", lead, ["trained on", "canaries", "exposure, base", "tuned", "extracted"], rows)


def _filters(found: Filters) -> Table:
    faults = {
        kind: Counter(fault for each in found.cases if (fault := getattr(each, f"{kind}_fault")) is not None)
        for kind in ("neutral", "sensitive")
    }
    said = "; ".join(
        f"behind {kind} names {sum(counts.values())} of {len(found.cases)} continuations are no code"
        + "".join(f", {count} {name}" for name, count in sorted(counts.items()))
        for kind, counts in faults.items()
    )
    lead = (
        f"The same code under {found.base} behind a neutral and behind a politically sensitive name: the change of "
        f"bits per byte, paired; above 0 the code behind the sensitive name is harder for the model. And {said}."
    )
    rows = [["all", _percent(found.change), str(found.change.n)]]
    rows += [[name.replace("_", " "), _percent(each), str(each.n)] for name, each in found.groups.items()]
    return Table("Names that filters may know", lead, ["names", "change", "pairs"], rows)


def _what(each: Point) -> str:
    return f"scale {each.scale:g}" if each.step is None else f"step {each.step}"


def _number(found: Interval) -> str:
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


def _percent(found: Interval) -> str:
    return f"{100 * found.value:+.1f} % [{100 * found.low:+.1f}, {100 * found.high:+.1f}]"
