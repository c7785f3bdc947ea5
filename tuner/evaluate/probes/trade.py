"""Weigh what an adapter forgot against what it gained, at smaller scales and after fewer steps, and choose.

In: base and adapter in one loaded model, the validation rows, and a part of Python's standard library that shares no
module with the one that the gate is measured on: a scale that is chosen here is not flattered by its own choice. Out:
`eval/trade.json`, a `Trade`. Evaluation items are no input.

The choice: the adapter as trained unless it fails the limit; else the largest scale, or the latest checkpoint, that
passes it and still has a gain on the validation rows whose interval lies below 0; else again the adapter as trained.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from tuner.evaluate.probes.bits import Scored, score_rows
from tuner.evaluate.probes.library import Sample
from tuner.evaluate.probes.scales import rescale, scaled
from tuner.evaluate.probes.stage import RESAMPLES, SEED, piece_row, write_json
from tuner.forgetting import forgetting_gate
from tuner.probing import Point, Probed, Trade
from tuner.recipe import ProbeSettings
from tuner.records import Adapter, Interval, Row, read_jsonl
from tuner.render import Renderer
from tuner.rundir import Workspace
from tuner.statistics import cluster_bootstrap, ratio_change

FILE = "eval/trade.json"
WEIGHTS = "adapter_model.safetensors"


def run(
    load: Callable[[], Any], renderer: Renderer, chosen: Sample, valid: Path, settings: ProbeSettings, work: Workspace
) -> Probed:
    """Write the curve of an adapter that stays as it is."""
    trade = weigh(load(), renderer, chosen, valid, settings, [], work)
    write_json(work.out / FILE, trade)
    return Probed(FILE, trade.reason, {})


def weaken(
    adapter: Adapter,
    load: Callable[[], Any],
    renderer: Renderer,
    chosen: Sample,
    valid: Path,
    settings: ProbeSettings,
    work: Workspace,
) -> Adapter:
    """Write the curve of an adapter that was just trained, and put what is chosen into its folder."""
    folder = work.out / adapter.folder
    kept = sorted(work.scratch.glob(f"checkpoint-*/{WEIGHTS}"), key=_step)
    last = int(adapter.metrics.get("train.best_step", adapter.metrics["train.steps"]))  # the step of the adapter
    trade = weigh(load(), renderer, chosen, valid, settings, [path for path in kept if _step(path) < last], work)
    point = trade.points[trade.best] if trade.best is not None else None
    metrics = {"train.adapter_scale": point.scale if point else 1.0}
    notes = [f"forgetting: {trade.reason}"]
    if point is not None and (point.step is not None or point.scale != 1.0):
        trade = replace(trade, applied=True)
        if point.step is not None:
            shutil.copyfile(work.scratch / f"checkpoint-{point.step}" / WEIGHTS, folder / WEIGHTS)
            metrics["train.adapter_step"] = float(point.step)
        alpha = rescale(folder, point.scale)
        with (folder / "README.md").open("a", encoding="utf-8") as card:
            card.write(f"\nMade weaker after training (alpha is {alpha:g} now): {trade.reason}.\n")
    write_json(work.out / FILE, trade)
    return replace(adapter, metrics={**adapter.metrics, **metrics}, fallbacks=[*adapter.fallbacks, *notes])


def weigh(
    model: Any,
    renderer: Renderer,
    chosen: Sample,
    valid: Path,
    settings: ProbeSettings,
    checkpoints: Sequence[Path],
    work: Workspace,
) -> Trade:
    """Score library and validation rows under the base, the adapter at each scale, and each checkpoint."""
    library = [piece_row(renderer, path, text) for path, _, text in chosen.pieces]
    held_out = _some(list(read_jsonl(valid, Row)), settings.valid_tokens)
    rows, pieces = [*library, *held_out], len(library)
    candidates: list[tuple[Path | None, float]] = [
        (None, 0.0), (None, 1.0), *((None, scale) for scale in settings.scales), *((path, 1.0) for path in checkpoints)
    ]  # fmt: skip
    scored = []
    with work.progress.track("forgetting by scale", total=len(rows) * len(candidates), unit="row") as track:
        for path, scale in candidates:
            with _weights(model, path), scaled(model, scale):
                scored.append(score_rows(model, rows, renderer.vocabulary, track))
    base, *others = scored
    points = [
        Point(
            _step(path) if path else None,
            scale,
            _change([path for path, _, _ in chosen.pieces], found[:pieces], base[:pieces], needed=True),
            _level(found[pieces:]),
            _change([row.pair_id for row in held_out], found[pieces:], base[pieces:]),
        )
        for (path, scale), found in zip(candidates[1:], others, strict=True)
    ]
    best, reason = choose(points, settings.max_increase)
    level = _level(base[pieces:])
    return Trade(settings.max_increase, chosen.sha256, len(held_out), level, points, best, False, reason)


def choose(points: Sequence[Point], limit: float) -> tuple[int | None, str]:
    """Say which point to take and why; `points` begin with the adapter as trained."""
    if forgetting_gate(points[0].increase, limit).passed:
        return 0, f"the adapter as trained passes ({_percent(points[0].increase)}, limit {100 * limit:+.1f} %)"
    passing = [
        at
        for at, each in enumerate(points)
        if forgetting_gate(each.increase, limit).passed and each.gain is not None and each.gain.high < 0
    ]
    if not passing:
        said = f"the adapter as trained forgets too much ({_percent(points[0].increase)})"
        return (
            None,
            f"{said}, and nothing weaker both passes and keeps a gain on the validation rows; it stays as it is",
        )
    best = max(passing, key=lambda at: (points[at].scale * (points[at].step is None), points[at].step or 0))
    point = points[best]
    gain = point.gain
    assert gain is not None
    what = f"scale {point.scale:g}" if point.step is None else f"step {point.step}"
    return best, (
        f"{what} in place of the adapter as trained: forgetting {_percent(point.increase)} instead of "
        f"{_percent(points[0].increase)}, bits per byte on validation {100 * gain.value:+.1f} % against base"
    )


@contextmanager
def _weights(model: Any, path: Path | None) -> Iterator[None]:
    """Put a checkpoint's weights into the adapter for a while."""
    if path is None:
        yield
        return
    from peft import get_peft_model_state_dict, set_peft_model_state_dict
    from safetensors.torch import load_file

    own = {name: each.clone() for name, each in get_peft_model_state_dict(model).items()}
    set_peft_model_state_dict(model, load_file(path))
    try:
        yield
    finally:
        set_peft_model_state_dict(model, own)


def _some(rows: list[Row], tokens: int) -> list[Row]:
    """Take random rows up to a number of tokens, the same ones each time."""
    random.Random(SEED).shuffle(rows)
    kept: list[Row] = []
    for row in rows:
        tokens -= len(row.input_ids)
        if tokens < 0:
            break
        kept.append(row)
    return kept


def _change(clusters: Sequence[str], found: Sequence[Scored], base: Sequence[Scored], needed: bool = False) -> Any:
    """Give the relative change over the base; None where all rows are of one cluster."""
    if not found:
        return None
    rows = [(*a, *b) for a, b in zip(found, base, strict=True)]
    interval: Interval | None = cluster_bootstrap(clusters, rows, ratio_change, RESAMPLES, SEED)
    assert interval is not None or not needed
    return interval


def _level(scored: Sequence[Scored]) -> float:
    spelled = sum(each for _, each in scored)
    return sum(bits for bits, _ in scored) / spelled if spelled else 0.0


def _percent(found: Interval) -> str:
    return f"{100 * found.value:+.1f} % [{100 * found.low:+.1f}, {100 * found.high:+.1f}]"


def _step(path: Path) -> int:
    return int(path.parent.name.rpartition("-")[2])
