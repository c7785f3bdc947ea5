"""Answer the frozen items with one system and score the answers.

In: a system, yet to be opened, and the dataset's items, whose hash must be the recorded one. Out, in `eval/`:
`<system>.predictions.jsonl`, one prediction per item in the items' order, and `<system>.scores.json`, each figure with
its interval. Nothing is dropped: an item without an answer is a prediction with `void` set, which no figure counts. A
figure has no interval, and is left out, while all its items stem from one commit.

Finished batches are kept in the scratch folder; a killed run, or one that a system stopped, goes on behind the last
whole one. Where a system answers items together, latency is measured on a few that are answered a second time, alone,
warm, from text to text.
"""

from __future__ import annotations

import json
import math
import os
import random
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from tuner.errors import DataError, EvaluateError
from tuner.evaluate.system import System
from tuner.knowing import author_invented, with_knowledge
from tuner.knowledge import Knowledge
from tuner.recipe import EvaluateSettings
from tuner.records import (
    ONE_LINE_KINDS,
    Dataset,
    Evaluation,
    Interval,
    Item,
    Prediction,
    from_json,
    read_jsonl,
    sha256_file,
    to_json,
    write_jsonl,
)
from tuner.rundir import Workspace
from tuner.scoring import METRICS, Figure, Metric
from tuner.statistics import cluster_bootstrap, ratio
from tuner.truncation import is_over

RESAMPLES = 2000  # of one system's own intervals, which only describe; the verdict's have a setting


def run(
    system_name: str,
    opened: AbstractContextManager[System],
    dataset: Dataset,
    settings: EvaluateSettings,
    seed: int,
    day: str,
    work: Workspace,
    knowledge: Knowledge | None = None,
) -> Evaluation:
    """Evaluate a system, which is opened only if there are items, under the name `system_name`; `day` is recorded.

    Without `knowledge` the figures that need it (`tuner.knowing`) are left out.
    """
    items = read_items(work.run / dataset.items, dataset.items_sha256)
    if not items:
        return _write(system_name, dataset, [], [], {}, {"eval.items": 0.0}, {}, work)
    with opened as system:
        started = time.perf_counter()
        predictions = answer_all(system, items, system.batch, work)
        seconds = time.perf_counter() - started
        figures = {"seconds": seconds, **system.figures(items)}
        if system.times_alone:
            figures |= latency(latencies(system, items, settings, seed, work))
        else:
            figures |= latency([each.latency_ms for each in predictions if each.latency_ms is not None])
        about = {"day": day, **system.about}
    scores = score(items, predictions, settings, seed, knowledge)
    figures["voided_items"] = float(sum(each.void is not None for each in predictions))
    figures |= {name: interval.value for name, interval in scores.items()}
    metrics = {
        "eval.items": float(len(items)),
        **author_figures(items, knowledge),
        **{f"eval.{system_name}.{name}": each for name, each in figures.items()},
    }
    return _write(system_name, dataset, items, predictions, scores, metrics, about, work)


def read_items(path: Path, wanted_sha256: str) -> list[Item]:
    """Read the frozen items; a file that is not the frozen one is refused."""
    if not path.is_file():
        raise DataError(f"{path}: no such file", "run the stage that writes it again; `make verify RUN=...` says which")
    found = sha256_file(path)
    if found != wanted_sha256:
        raise EvaluateError(
            f"{path}: its hash is {found[:12]}, that of the frozen items is {wanted_sha256[:12]}",
            "the items were altered after they were frozen; `make verify RUN=...` says what else was",
        )
    return list(read_jsonl(path, Item))


def answer_all(system: System, items: Sequence[Item], batch: int, work: Workspace) -> list[Prediction]:
    """Answer every item, going on where a killed run stopped."""
    path = work.scratch / f"{system.name}.answered.jsonl"
    known = {item.id for item in items}
    done = _finished(path, len(items), batch)
    if not {each.item_id for each in done} <= known:
        raise EvaluateError(f"{path}: it holds answers to other items", f"remove {path} and run again")
    write_jsonl(path, done)
    answered = {each.item_id for each in done}
    left = [item for item in items if item.id not in answered]
    with (
        path.open("a", encoding="utf-8", newline="\n") as stream,
        work.progress.track(f"answering ({system.name})", total=len(items), unit="item") as track,
    ):
        track.advance(len(done))
        pending: list[Prediction] = []
        for prediction in system.answer(left):
            pending.append(prediction)
            track.advance(1)
            if len(pending) == batch or len(done) + len(pending) == len(items):
                stream.write("".join(to_json(each) + "\n" for each in pending))
                stream.flush()
                os.fsync(stream.fileno())
                done += pending
                pending = []
    by_item = {each.item_id: each for each in done}
    missing = [item.id for item in items if item.id not in by_item]
    if missing or len(done) != len(items):
        counts = f"{len(done)} predictions for {len(items)} items"
        raise EvaluateError(f"system `{system.name}` gave {counts}, none for {', '.join(missing[:3]) or 'no item'}")
    return [by_item[item.id] for item in items]


def score(
    items: Sequence[Item],
    predictions: Sequence[Prediction],
    settings: EvaluateSettings,
    seed: int,
    knowledge: Knowledge | None = None,
) -> dict[str, Interval]:
    """Give each metric with its interval, resampling commits; the order of the items does not matter."""
    stopped = Metric("stopped_rate", "higher", lambda item, each: _stopped(item, each, settings))
    pairs = sorted(zip(items, predictions, strict=True), key=lambda pair: pair[0].id)
    scores = {}
    for metric in with_knowledge((*METRICS, stopped), knowledge):
        rows = [
            (item.commit, figure)
            for item, prediction in pairs
            if prediction.void is None and (figure := metric.figure(item, prediction)) is not None
        ]
        interval = cluster_bootstrap([commit for commit, _ in rows], [row for _, row in rows], ratio, RESAMPLES, seed)
        if interval is not None:
            # the t quantile of few commits can reach beyond what a figure can be
            most = math.inf if metric.name == "bits_per_byte" else 1.0
            scores[metric.name] = replace(interval, low=max(0.0, interval.low), high=min(most, interval.high))
    return scores


def author_figures(items: Sequence[Item], knowledge: Knowledge | None) -> dict[str, float]:
    """Give the share of the author's own names that would be called invented in an answer: the control."""
    if knowledge is None:
        return {}
    invented, decided = author_invented(knowledge, items)
    return {"eval.author_invented_rate": invented / decided, "eval.author_names": decided} if decided else {}


def latency(taken_ms: Sequence[float]) -> dict[str, float]:
    """Sum up what answers took; nothing where none was timed."""
    if not taken_ms:
        return {}
    ordered = sorted(taken_ms)
    shares = {f"latency_p{share}_ms": ordered[min(len(ordered) - 1, len(ordered) * share // 100)] for share in (50, 95)}
    return {**shares, "within_500_ms": sum(each <= 500.0 for each in ordered) / len(ordered)}


def latencies(
    system: System, items: Sequence[Item], settings: EvaluateSettings, seed: int, work: Workspace
) -> list[float]:
    """Time a random few items in ms, each answered alone; the first answer warms up and is not counted."""
    chosen = sorted(items, key=lambda item: item.id)
    chosen = random.Random(seed).sample(chosen, min(settings.latency_items, len(chosen)))
    if not chosen:
        return []
    taken = []
    system.complete(chosen[0])
    with work.progress.track(f"latency ({system.name})", total=len(chosen), unit="item") as track:
        for item in chosen:
            started = time.perf_counter()
            system.complete(item)
            taken.append((time.perf_counter() - started) * 1000.0)
            track.advance(1)
    return taken


def answered_before(path: Path) -> list[Prediction]:
    """Read what a killed or stopped run has answered: a torn line ends the reading."""
    done: list[Prediction] = []
    if path.is_file():
        for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], 1):
            try:
                done.append(from_json(Prediction, json.loads(line), f"{path}:{number}"))
            except ValueError:
                break
    return done


def _finished(path: Path, total: int, batch: int) -> list[Prediction]:
    """Give the answers of an earlier run down to the last whole batch."""
    done = answered_before(path)
    return done if len(done) == total else done[: len(done) // batch * batch]


def _stopped(item: Item, prediction: Prediction, settings: EvaluateSettings) -> Figure | None:
    """Tell whether the answer ended by itself, where it is cut or with a stop token, not at the token limit."""
    if prediction.tokens is None:
        return None
    most = settings.max_new_tokens if item.kind in ONE_LINE_KINDS else settings.max_new_tokens_block
    return float(is_over(item, prediction.raw) or prediction.tokens < most), 1.0


def _write(
    system_name: str,
    dataset: Dataset,
    items: Sequence[Item],
    predictions: Sequence[Prediction],
    scores: dict[str, Interval],
    metrics: dict[str, float],
    about: dict[str, str],
    work: Workspace,
) -> Evaluation:
    path = f"eval/{system_name}.predictions.jsonl"
    (work.out / "eval").mkdir(parents=True, exist_ok=True)
    write_jsonl(work.out / path, predictions)
    table = {
        name: {"value": each.value, "low": each.low, "high": each.high, "n": each.n} for name, each in scores.items()
    }
    values = {"system": system_name, "about": about, "items": len(items), "scores": table}
    text = json.dumps(values, indent=2, sort_keys=True, ensure_ascii=False)
    (work.out / f"eval/{system_name}.scores.json").write_text(text + "\n", encoding="utf-8")
    return Evaluation(system_name, dataset.items_sha256, path, scores, metrics, about)
