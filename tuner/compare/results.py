"""Sum up one system: its scores by stratum, its voids, its speed, its tokens, and what a thousand completions cost.

In: the items, the system's predictions and its `Evaluation`. Out: a `SystemResult`, and a `Cell` for each folder and
language that has enough items. Void predictions count in no figure but their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from statistics import fmean

from tuner.compare.confidence import sureness
from tuner.compare.differences import REPORTED, STRATA, kinds_of
from tuner.comparison import Cell, SystemResult
from tuner.knowing import with_knowledge
from tuner.knowledge import Knowledge
from tuner.recipe import LOCAL_SYSTEMS, CompareSettings
from tuner.records import Evaluation, Interval, Item, Prediction
from tuner.scoring import METRICS, chars_saved, exact_match
from tuner.statistics import cluster_bootstrap, ratio

MIN_CELL_ITEMS = 5
MOST_CELLS = 12
PER = 1000  # completions whose price is given
MILLION = 1_000_000


def result(
    evaluation: Evaluation,
    items: Sequence[Item],
    answers: dict[str, Prediction],
    settings: CompareSettings,
    seed: int,
    knowledge: Knowledge | None = None,
) -> SystemResult:
    """Give the system's own figures; intervals resample whole commits."""
    answered = [(item, answers[item.id]) for item in items if answers[item.id].void is None]
    scores = {
        stratum: _scores([each for each in answered if STRATA[stratum](each[0])], settings.resamples, seed, knowledge)
        for stratum in (*REPORTED, *kinds_of(items))
    }
    read = [each.prompt_tokens for _, each in answered if each.prompt_tokens is not None]
    written = [each.tokens for _, each in answered if each.tokens is not None]
    prompt_tokens, tokens = fmean(read) if read else None, fmean(written) if written else None
    dollars, note = _price(evaluation, prompt_tokens, tokens, settings)
    own = f"eval.{evaluation.system}"
    return SystemResult(
        name=evaluation.system,
        about=evaluation.about,
        items=len(items),
        answered=len(answered),
        voids=dict(Counter(each.void for each in answers.values() if each.void is not None)),
        format_failures=dict(Counter(each.format_failure for _, each in answered if each.format_failure is not None)),
        scores=scores,
        latency_p50_ms=evaluation.metrics.get(f"{own}.latency_p50_ms"),
        latency_p95_ms=evaluation.metrics.get(f"{own}.latency_p95_ms"),
        within_500_ms=evaluation.metrics.get(f"{own}.within_500_ms"),
        prompt_tokens=prompt_tokens,
        tokens=tokens,
        dollars_per_1000=dollars,
        price_note=note,
        sureness=sureness(answered, settings.resamples, seed),
    )


def cells(system: str, items: Sequence[Item], answers: dict[str, Prediction]) -> Iterator[Cell]:
    """Give a system's figures by folder and by language, those with most items first, small ones left out."""
    places: tuple[tuple[str, Callable[[Item], str]], ...] = (
        ("folder", folder),
        ("language", lambda item: item.language),
    )
    for by, place_of in places:
        counts = Counter(map(place_of, items))
        for name, _ in sorted(counts.items(), key=lambda each: (-each[1], each[0]))[:MOST_CELLS]:
            held = [(i, answers[i.id]) for i in items if place_of(i) == name and answers[i.id].void is None]
            if len(held) >= MIN_CELL_ITEMS:
                saved, whole = (sum(column) for column in zip(*(chars_saved(*each) for each in held), strict=True))
                exact = fmean(exact_match(*each)[0] for each in held)
                yield Cell(system, "folder" if by == "folder" else "language", name, len(held), exact, saved / whole)


def folder(item: Item) -> str:
    """Name the folder of an item's file; that of the repository's top is a dot."""
    return item.path.rpartition("/")[0] or "."


def _scores(
    answered: Sequence[tuple[Item, Prediction]], resamples: int, seed: int, knowledge: Knowledge | None
) -> dict[str, Interval]:
    scores = {}
    for metric in with_knowledge(METRICS, knowledge):
        rows = [(item.commit, figure) for item, each in answered if (figure := metric.figure(item, each)) is not None]
        interval = cluster_bootstrap([commit for commit, _ in rows], [row for _, row in rows], ratio, resamples, seed)
        if interval is not None:
            most = float("inf") if metric.name == "bits_per_byte" else 1.0
            scores[metric.name] = replace(interval, low=max(0.0, interval.low), high=min(most, interval.high))
    return scores


def _price(
    evaluation: Evaluation, prompt_tokens: float | None, tokens: float | None, settings: CompareSettings
) -> tuple[float | None, str]:
    """Price a thousand completions of this size, and say by which price, or why there is none."""
    if evaluation.system in LOCAL_SYSTEMS:
        return None, "runs on your own machine: see what switching would cost"
    if evaluation.system == "copilot":
        team = settings.team
        monthly = team.completions_per_developer_day * team.days_per_month
        return (
            PER * team.seat_dollars_per_month / monthly,
            f"a seat of {team.seat_dollars_per_month:g} dollars a month over {monthly:,} completions (assumed)",
        )
    row = evaluation.about.get("price")
    if row is None:
        return None, "answers collected by hand have no price"
    price = settings.prices.get(row)
    if price is None:
        return None, f"no price of {row} is known (compare.prices)"
    if prompt_tokens is None or tokens is None:
        return None, "the endpoint does not say how many tokens it read and wrote"
    dollars = PER * (prompt_tokens * price.input + tokens * price.output) / MILLION
    return (
        dollars,
        f"{row}: {price.input:g} in, {price.output:g} out, dollars per million tokens, as of {settings.prices_as_of}",
    )
