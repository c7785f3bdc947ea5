"""Probe what one system still knows of unrelated code: bits per byte on a fixed sample of Python's standard library.

In: a model that is yet to be loaded, the renderer of its base, and for every system but the base what the base needed.
Out: `eval/<system>.probes.json`, a `Forgetting`. The sample's pieces are rendered as training renders whole files.
Nothing of the repository goes in, so runs of the same base share the base's result.

The increase over the base is paired by piece, and its interval resamples whole modules, of which each gives one piece.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tuner.errors import EvaluateError
from tuner.evaluate.probes.bits import score_rows
from tuner.evaluate.probes.library import Sample
from tuner.probing import Forgetting, Piece, Probed
from tuner.records import Interval, Pair, Row, from_json, to_json
from tuner.render import MASKED, Renderer
from tuner.rundir import Workspace
from tuner.statistics import cluster_bootstrap, ratio, ratio_change

RESAMPLES = 10_000
SEED = 17  # of the intervals, which must not depend on a run's recipe
MOST_TOKENS = 4096  # of a piece, head included: none of them is cut


def run(
    system: str, load: Callable[[], Any], renderer: Renderer, chosen: Sample, base: Forgetting | None, work: Workspace
) -> Probed:
    """Score the sample under one system, and against `base` where that is another one."""
    found = score_library(system, load(), renderer, chosen, base, work)
    path = f"eval/{system}.probes.json"
    write_json(work.out / path, found)
    metrics = {f"eval.{system}.stdlib_bits_per_byte": found.bits_per_byte.value}
    said = f"standard library {found.bits_per_byte.value:.3f} bits per byte"
    if found.increase is not None:
        change = found.increase
        place = f"eval.{system}_vs_base.stdlib_bits_per_byte_relative"
        metrics |= {f"{place}.delta": change.value, f"{place}.low": change.low, f"{place}.high": change.high}
        said += f", {100 * change.value:+.1f} % [{100 * change.low:+.1f}, {100 * change.high:+.1f}] against base"
    return Probed(path, said, metrics)


def score_library(
    system: str, model: Any, renderer: Renderer, chosen: Sample, base: Forgetting | None, work: Workspace
) -> Forgetting:
    """Score a sample under a model; `base` must have been scored on the same one."""
    if base is not None and base.sha256 != chosen.sha256:
        raise EvaluateError(
            f"base was scored on the standard library of Python {base.python} (sample {base.sha256[:12]}), this is "
            f"{chosen.python} (sample {chosen.sha256[:12]})",
            "run both with the same interpreter",
        )
    rows = [piece_row(renderer, path, text) for path, _, text in chosen.pieces]
    with work.progress.track(f"standard library ({system})", total=len(rows), unit="piece") as track:
        scored = score_rows(model, rows, renderer.vocabulary, track)
    pieces = [
        Piece(path, line, spelled, bits) for (path, line, _), (bits, spelled) in zip(chosen.pieces, scored, strict=True)
    ]
    own = [(each.bits, float(each.bytes)) for each in pieces]
    level = _interval(pieces, own, ratio)
    increase = None
    if base is not None:
        both = [(*row, each.bits, float(each.bytes)) for row, each in zip(own, base.pieces, strict=True)]
        increase = _interval(pieces, both, ratio_change)
    return Forgetting(system, chosen.python, chosen.sha256, pieces, level, increase)


def piece_row(renderer: Renderer, path: str, text: str) -> Row:
    """Render a piece as training renders a whole file."""
    pair = Pair.make("file", response=text, repo="python", path=path, language="python", commit="", committed_at=0)
    return renderer.rows(pair, MOST_TOKENS)[0]


def ending_row(renderer: Renderer, path: str, before: str, ending: str) -> Row:
    """Render a text as a file, with labels on its ending alone; a token that reaches into both belongs to neither."""
    row = piece_row(renderer, path, before + ending)
    head = next(at for at, label in enumerate(row.labels) if label != MASKED)
    length, labels = 0, list(row.labels)
    for at in range(head, len(labels)):
        if length < len(before.encode()):
            labels[at] = MASKED
        length += len(renderer.vocabulary[row.input_ids[at]])
    return Row(row.pair_id, row.kind, row.input_ids, labels)


def read_forgetting(path: Path) -> Forgetting:
    """Read what a system's probe wrote."""
    return from_json(Forgetting, json.loads(path.read_text(encoding="utf-8")), str(path))


def write_json(path: Path, record: object) -> None:
    """Write a record as a file of its own."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(json.loads(to_json(record)), indent=2, sort_keys=True, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def _interval(pieces: Sequence[Piece], rows: Sequence[Sequence[float]], figure: Callable[..., Any]) -> Interval:
    interval = cluster_bootstrap([each.path for each in pieces], rows, figure, RESAMPLES, SEED)
    assert interval is not None  # a sample has two modules at least
    return interval
