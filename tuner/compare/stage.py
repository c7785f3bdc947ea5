"""Compare two systems over the same frozen items and say what the difference allows to conclude.

In: two evaluations (`a` the tuned system, `b` what it is measured against) and the dataset they answered. Out, in
`eval/`: `comparison.json`, `comparison.md`, and `examples.json` with random wins and losses. Refused: evaluations of
other items, predictions that are missing, doubled or foreign. Dropped, and counted: items for which either system has a
void. A stratum whose items stem from one commit has no interval and so no difference.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from tuner.compare.examples import choose
from tuner.compare.table import markdown
from tuner.compare.verdict import decide
from tuner.comparison import Comparison, Difference
from tuner.errors import EvaluateError
from tuner.recipe import CompareSettings
from tuner.records import Dataset, Evaluation, Item, Prediction, read_jsonl, sha256_file
from tuner.rundir import Workspace
from tuner.scoring import BITS_PER_BYTE, COMPARED, Metric
from tuner.statistics import cluster_bootstrap, ratio_change, ratio_difference

Answered = tuple[Item, Prediction, Prediction]
STRATA: dict[str, Callable[[Item], bool]] = {
    "all": lambda item: True,
    "novel": lambda item: item.novel,
    "inside": lambda item: item.cursor == "inside",
    "boundary": lambda item: item.cursor == "boundary",
}
REPORTED = ("all", "novel")  # the strata whose figures go into metrics.json; the others stand in comparison.json


def run(
    a: Evaluation, b: Evaluation, dataset: Dataset, settings: CompareSettings, seed: int, work: Workspace
) -> Comparison:
    """Compare `a` with `b`; the same answers give the same files, in whatever order the items stand."""
    items = _read_items(a, b, dataset, work.run)
    answers_a, answers_b = (_read_predictions(each, items, work.run) for each in (a, b))
    pairs = [(item, answers_a[item.id], answers_b[item.id]) for item in sorted(items, key=lambda item: item.id)]
    answered = [pair for pair in pairs if pair[1].void is None and pair[2].void is None]
    differences = [
        difference
        for stratum, holds in STRATA.items()
        for difference in _differences(stratum, [pair for pair in answered if holds(pair[0])], settings, seed)
    ]
    verdict, reason = decide(differences, len(answered), settings.min_items, a.system, b.system)
    metrics = _metrics(f"eval.{a.system}_vs_{b.system}", differences, len(answered), len(pairs) - len(answered))
    comparison = Comparison(a.system, b.system, dataset.items_sha256, differences, verdict, reason, metrics)
    _write(comparison, answered, len(pairs) - len(answered), seed, work.out / "eval")
    return comparison


def _read_items(a: Evaluation, b: Evaluation, dataset: Dataset, folder: Path) -> list[Item]:
    for each in (a, b):
        if each.items_sha256 != dataset.items_sha256:
            raise EvaluateError(
                f"`{each.system}` answered items {each.items_sha256[:12]}, the dataset has {dataset.items_sha256[:12]}",
                f"evaluate `{each.system}` again on this dataset",
            )
    path = folder / dataset.items
    items = list(read_jsonl(path, Item))
    found = sha256_file(path)
    if found != dataset.items_sha256:
        raise EvaluateError(
            f"{path}: its hash is {found[:12]}, that of the frozen items is {dataset.items_sha256[:12]}",
            "the items were altered after they were frozen; `make verify RUN=...` says what else was",
        )
    return items


def _read_predictions(evaluation: Evaluation, items: Sequence[Item], folder: Path) -> dict[str, Prediction]:
    path = folder / evaluation.predictions
    wanted = {item.id: len(item.target.encode("utf-8")) for item in items}
    answers: dict[str, Prediction] = {}
    for number, each in enumerate(read_jsonl(path, Prediction), 1):
        if each.item_id not in wanted:
            raise EvaluateError(f"{path}:{number}: a prediction for {each.item_id}, which is no item of this dataset")
        if each.item_id in answers:
            raise EvaluateError(f"{path}:{number}: a second prediction for item {each.item_id}")
        if each.target_bytes != wanted[each.item_id]:
            raise EvaluateError(
                f"{path}:{number}: scored {each.target_bytes} target bytes, "
                f"item {each.item_id} has {wanted[each.item_id]}"
            )
        answers[each.item_id] = each
    missing = [ident for ident in wanted if ident not in answers]
    if missing:
        raise EvaluateError(
            f"{path}: {len(missing)} of {len(wanted)} items have no prediction, the first is {missing[0]}",
            f"evaluate `{evaluation.system}` again",
        )
    return answers


def _differences(stratum: str, pairs: Sequence[Answered], settings: CompareSettings, seed: int) -> list[Difference]:
    found = []
    for metric in COMPARED:
        for name, figure in _figures(metric):
            difference = _difference(name, metric, figure, stratum, pairs, settings, seed)
            if difference is not None:
                found.append(difference)
    return found


def _figures(metric: Metric) -> list[tuple[str, Callable]]:
    if metric is BITS_PER_BYTE:
        return [(metric.name, ratio_difference), (f"{metric.name}_relative", ratio_change)]
    return [(metric.name, ratio_difference)]


def _difference(
    name: str,
    metric: Metric,
    figure: Callable,
    stratum: str,
    pairs: Sequence[Answered],
    settings: CompareSettings,
    seed: int,
) -> Difference | None:
    commits, rows = [], []
    for item, answer_a, answer_b in pairs:
        figure_a, figure_b = metric.figure(item, answer_a), metric.figure(item, answer_b)
        if figure_a is not None and figure_b is not None:
            commits.append(item.commit)
            rows.append((*figure_a, *figure_b))
    interval = cluster_bootstrap(commits, rows, figure, settings.resamples, seed)
    if interval is None:
        return None
    sums = [sum(column) for column in zip(*rows, strict=True)]
    return Difference(
        metric=name,
        stratum=stratum,
        a=sums[0] / sums[1] if sums[1] else 0.0,
        b=sums[2] / sums[3] if sums[3] else 0.0,
        delta=interval.value,
        low=interval.low,
        high=interval.high,
        items=len(rows),
        commits=len(set(commits)),
        better=metric.better,
    )


def _metrics(prefix: str, differences: Sequence[Difference], items: int, voided: int) -> dict[str, float]:
    metrics = {f"{prefix}.items": float(items), f"{prefix}.voided_items": float(voided)}
    for each in differences:
        if each.stratum in REPORTED:
            place = prefix if each.stratum == "all" else f"{prefix}.{each.stratum}"
            metrics |= {f"{place}.{each.metric}.{key}": getattr(each, key) for key in ("delta", "low", "high")}
    return metrics


def _write(comparison: Comparison, answered: Sequence[Answered], voided: int, seed: int, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    record = dataclasses.asdict(comparison)
    for values, each in zip(record["differences"], comparison.differences, strict=True):
        values["finding"] = each.finding
    _write_json(folder / "comparison.json", record)
    _write_json(folder / "examples.json", [dataclasses.asdict(each) for each in choose(answered, seed)])
    (folder / "comparison.md").write_text(markdown(comparison, len(answered), voided), encoding="utf-8")


def _write_json(path: Path, values: object) -> None:
    path.write_text(json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
