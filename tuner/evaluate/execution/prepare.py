"""Choose the functions whose answers will be run: those whose tests tell a right body from an empty one, every time.

In: checkouts of each repository at its tip and at the cut. Out: `eval/run_items.jsonl`, at most `execution_items` of
them in an order that the seed decides, and `eval/run_rejected.jsonl`: each function that was tried and left out, with
the reason. What was tried before a kill is not tried again.
"""

from __future__ import annotations

import json
import os
import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tuner.evaluate.execution.functions import candidates
from tuner.evaluate.execution.trials import Trials, on_all_cores
from tuner.execution import ItemsToRun, RunItem
from tuner.recipe_execution import ExecutionSettings
from tuner.records import Rejected, from_json, to_json, write_jsonl
from tuner.rundir import Workspace
from tuner.sandbox import require_isolation

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Tried:
    """What trying one function gave."""

    item_id: str
    reason: str | None
    passed: int | None


def run(
    trees: Mapping[str, tuple[Path, Path, str]], settings: ExecutionSettings, seed: int, work: Workspace
) -> ItemsToRun:
    """Choose items; `trees` gives, by repository, the checkout at the tip, that at the cut, and the tip's commit."""
    require_isolation()
    found: list[RunItem] = []
    counts: Counter[str] = Counter()
    for name, (tip, before, revision) in sorted(trees.items()):
        items, dropped = candidates(tip, before, name, revision)
        found += items
        counts += dropped
    counts["changed, with tests that name them"] = len(found)
    found.sort(key=lambda each: each.item.id)
    random.Random(seed).shuffle(found)
    trials = Trials({name: tip for name, (tip, _, _) in trees.items()}, settings)
    kept: list[RunItem] = []
    rejected: list[Rejected] = []
    path = work.scratch / "tried.jsonl"
    known = {each.item_id: each for each in read_kept(path, Tried)}

    def attempt(question: RunItem) -> Tried:
        before = known.get(question.item.id)
        return before or Tried(question.item.id, *trials.reason_against(question))

    at_once = os.cpu_count() or 1
    with (
        path.open("a", encoding="utf-8") as stream,
        work.progress.track("trying tests", total=min(len(found), settings.execution_items), unit="item") as track,
    ):
        for start in range(0, len(found), at_once):
            if len(kept) >= settings.execution_items:
                break
            batch = found[start : start + at_once]
            for question, tried in zip(batch, on_all_cores(attempt, batch), strict=True):
                if tried.item_id not in known:
                    stream.write(to_json(tried) + "\n")
                    stream.flush()
                counts["tried"] += 1
                if tried.reason is not None:
                    counts[tried.reason] += 1
                    rejected.append(Rejected(f"{question.item.path} {question.tests[0]}", "evaluate", tried.reason))
                elif len(kept) < settings.execution_items:
                    kept.append(RunItem(question.item, question.tests, tried.passed))
                    track.advance(1)
    counts["items"] = len(kept)
    (work.out / "eval").mkdir(parents=True, exist_ok=True)
    write_jsonl(work.out / "eval/run_items.jsonl", kept)
    write_jsonl(work.out / "eval/run_rejected.jsonl", rejected)
    metrics = {"eval.run_items": float(len(kept)), "eval.run_items_tried": float(counts["tried"])}
    return ItemsToRun("eval/run_items.jsonl", "eval/run_rejected.jsonl", dict(counts), metrics)


def read_kept(path: Path, record_type: type[R]) -> list[R]:
    """Read what a killed run has kept; a torn line ends the reading."""
    kept: list[R] = []
    if path.is_file():
        for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], 1):
            try:
                kept.append(from_json(record_type, json.loads(line), f"{path}:{number}"))
            except ValueError:
                break
    return kept
