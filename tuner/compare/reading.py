"""Read what is compared; refuse other or altered items, and predictions that are missing, doubled or foreign."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tuner.errors import EvaluateError
from tuner.records import Dataset, Evaluation, Item, Prediction, read_jsonl, sha256_file


def read_items(evaluations: Sequence[Evaluation], dataset: Dataset, folder: Path) -> list[Item]:
    """Read the frozen items, if they are the ones that every system answered."""
    for each in evaluations:
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


def read_predictions(evaluation: Evaluation, items: Sequence[Item], folder: Path) -> dict[str, Prediction]:
    """Read one prediction for each item, by the item's id."""
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
