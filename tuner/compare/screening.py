"""Say before any training what the items ask, what base and retrieval make of them, and what tuning may add.

In: the evaluations of base, base+bm25 and the copier, and how well the base knows the code. Out: `eval/screen.json`, a
`Screening`. With fewer items than `compare.min_items` nothing is predicted: a figure would only mislead.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from tuner.compare.differences import differences
from tuner.compare.reading import read_items, read_predictions
from tuner.forecast import covered, forecast
from tuner.recipe import CompareSettings
from tuner.records import Dataset, Evaluation, to_json
from tuner.rundir import Workspace
from tuner.screening import Familiarity, Screening


def run(
    evaluations: Sequence[Evaluation],
    familiarity: Familiarity,
    dataset: Dataset,
    settings: CompareSettings,
    seed: int,
    work: Workspace,
) -> Screening:
    """Put together what is known, and predict the gain."""
    by_name = {each.system: each for each in evaluations}
    items = sorted(read_items(evaluations, dataset, work.run), key=lambda item: item.id)
    answers = {name: read_predictions(by_name[name], items, work.run) for name in ("base", "base+bm25")}
    pairs = [(item, answers["base+bm25"][item.id], answers["base"][item.id]) for item in items]
    retrieval = differences(pairs, ("all",), settings.resamples, seed, settings.min_items)
    scores = {each.system: each.scores for each in evaluations}
    bits = scores["base"].get("bits_per_byte")
    predicted = None
    if bits is not None and len(items) >= settings.min_items:
        predicted = forecast(covered(dataset), int(dataset.metrics["dataset.train_tokens"]))
    said = (
        predicted.said
        if predicted
        else f"nothing can be predicted from {len(items)} items, wanted {settings.min_items} (compare.min_items)"
    )
    known = sum(not item.novel for item in items) / len(items) if items else 0.0
    metrics = {"screen.known_share": known, **({"screen.predicted_change": predicted.change} if predicted else {})}
    found = Screening(len(items), known, scores, retrieval, familiarity, predicted, said, metrics)
    path = work.out / "eval" / "screen.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(json.loads(to_json(found)), indent=2, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")
    return found
