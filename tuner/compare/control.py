"""Say how much of a gain is about the repository, and how much any training on code would have given.

In: the answers of base, of tuned, and of the same base with an adapter that was trained on another repository (the
control), to the same items. Out: the share of tuned's gain over base that the control does not reach, 1 - control's
gain / tuned's gain, with an interval that resamples whole commits; and a sentence. Where tuned's own gain is not shown,
there is nothing to divide, and no share is given. Items with a void of any of the three are left out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tuner.compare.differences import STRATA
from tuner.compare.gates import figures
from tuner.comparison import Control, Difference, Pairing, SpecificShare
from tuner.records import Evaluation, Item, Prediction
from tuner.scoring import COMPARED, Metric
from tuner.statistics import cluster_bootstrap, gain_share

DIVIDED = ("bits_per_byte", "exact_match")
STRATA_SHOWN = ("all", "novel")
SAME_DOSE = 0.1  # doses that differ by more are said to differ

Answers = Mapping[str, Mapping[str, Prediction]]


def control_finding(
    evaluation: Evaluation,
    pairing: Pairing,
    of_adapter: Sequence[Difference],
    items: Sequence[Item],
    answers: Answers,
    resamples: int,
    seed: int,
) -> Control:
    """Describe the control and divide each gain that is shown; `pairing` is tuned against control."""
    gains = {(each.metric, each.stratum) for each in of_adapter if each.finding == "gain"}
    metrics = {each.name: each for each in COMPARED}
    shares = [
        share
        for name in DIVIDED
        for stratum in STRATA_SHOWN
        if (name, stratum) in gains
        and (share := _share(metrics[name], stratum, items, answers, resamples, seed)) is not None
    ]
    about = evaluation.about
    return Control(
        repository=about["repository"],
        run=about["run"],
        tokens=int(about["training_tokens"]),
        tuned_tokens=int(about["tuned_training_tokens"]),
        shares=shares,
        said=_said(about, pairing, shares),
    )


def _share(
    metric: Metric, stratum: str, items: Sequence[Item], answers: Answers, resamples: int, seed: int
) -> SpecificShare | None:
    commits, rows = [], []
    for item in items:
        given = [answers[name][item.id] for name in ("tuned", "control", "base")]
        if not STRATA[stratum](item) or any(each.void is not None for each in given):
            continue
        found = [figure for each in given if (figure := metric.figure(item, each)) is not None]
        if len(found) == len(given):
            commits.append(item.commit)
            rows.append([number for figure in found for number in figure])
    share = cluster_bootstrap(commits, rows, gain_share, resamples, seed)
    return None if share is None else SpecificShare(metric.name, stratum, share.value, share.low, share.high, share.n)


def _said(about: Mapping[str, str], pairing: Pairing, shares: Sequence[SpecificShare]) -> str:
    own, other = int(about["tuned_training_tokens"]), int(about["training_tokens"])
    dose = f"{other:,} training tokens, tuned {own:,}"
    if abs(other - own) > SAME_DOSE * own:
        dose += ": not the same dose"
    rows = {each.metric: each for each in pairing.differences if each.stratum == "all"}
    leading = next((rows[name] for name in DIVIDED if name in rows), None)
    if leading is None:
        return f"An adapter of {about['repository']} ({dose}) has too few answers in common with tuned to be compared."
    against = f"{figures(leading)}, {leading.finding}"
    said = f"Against an adapter of {about['repository']} ({dose}), tuned has {against}."
    whole = next((each for each in shares if each.stratum == "all"), None)
    if whole is None:
        return f"{said} tuned's own gain over base is not shown, so that no share of it can be given."
    return (
        f"{said} Of tuned's gain over base in {whole.metric}, {100 * whole.value:.0f} % "
        f"[{100 * whole.low:.0f}, {100 * whole.high:.0f}] is about this repository; the rest any such training gives."
    )
