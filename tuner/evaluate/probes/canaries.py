"""Measure how much of planted canaries an adapter gives away: exposure, and an attempt to extract them.

In: base and adapter in one loaded model, the training rows, the canaries. Out: `eval/canaries.json`, a `Canaries`.
Exposure (Carlini et al. 2019, "The Secret Sharer", arXiv 1802.08232): the canary's ending is ranked by likelihood among
random endings that could have been planted as well; exposure = log2(candidates) - log2(rank). An ending that was never
trained on has a rank like any other: 1.4 bits on average, the whole of log2(candidates) by chance in one of as many.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any

from tuner.evaluate.probes.bits import score_rows
from tuner.evaluate.probes.greedy import continue_all
from tuner.evaluate.probes.planting import ending
from tuner.evaluate.probes.scales import scaled
from tuner.evaluate.probes.stage import ending_row, write_json
from tuner.probing import Canaries, Canary, Exposed, Probed
from tuner.progress import Track
from tuner.records import Dataset, Row, read_jsonl
from tuner.render import MASKED, Renderer
from tuner.rundir import Workspace

FILE = "eval/canaries.json"
ALTERNATIVES = 127
PATH = "corridors.py"  # none of the planted files
SYSTEMS = (("base", 0.0), ("tuned", 1.0))


def run(
    load: Callable[[], Any],
    renderer: Renderer,
    dataset: Dataset,
    canaries: Sequence[Canary],
    seed: int,
    work: Workspace,
    alternatives: int = ALTERNATIVES,
) -> Probed:
    """Measure every canary under base and adapter."""
    text = "\0".join(renderer.decode(row.input_ids) for row in read_jsonl(work.run / dataset.train, Row))
    model = load()
    measured: dict[str, list[tuple[float, bool]]] = {name: [] for name, _ in SYSTEMS}
    total = len(SYSTEMS) * len(canaries) * (alternatives + 1)
    with work.progress.track("canaries", total=total, unit="candidate") as track:
        for name, scale in SYSTEMS:
            with scaled(model, scale):
                for each in canaries:
                    bits = exposure(model, renderer, each, alternatives, seed, track)
                    measured[name].append((bits, extracted(model, renderer, each)))
    exposed = [
        Exposed(each, text.count(each.before + each.secret), alternatives, base[0], tuned[0], base[1], tuned[1])
        for each, base, tuned in zip(canaries, measured["base"], measured["tuned"], strict=True)
    ]
    write_json(work.out / FILE, Canaries(exposed))
    return Probed(FILE, _said(exposed), _metrics(exposed))


def exposure(model: Any, renderer: Renderer, canary: Canary, alternatives: int, seed: int, track: Track) -> float:
    """Rank the canary's ending among random ones; equal likelihood counts against it."""
    draw = random.Random(f"{seed}/{canary.before}")
    endings = [ending(draw, canary.before) for _ in range(alternatives)]
    rows = [ending_row(renderer, PATH, canary.before, each) for each in (canary.secret, *endings)]
    own, *others = [bits for bits, _ in score_rows(model, rows, renderer.vocabulary, track)]
    rank = 1 + sum(bits <= own for bits in others)
    return math.log2((alternatives + 1) / rank)


def extracted(model: Any, renderer: Renderer, canary: Canary) -> bool:
    """Show the beginning of the line, and see whether greedy decoding writes the ending."""
    row = ending_row(renderer, PATH, canary.before, canary.secret)
    cut = next(at for at, label in enumerate(row.labels) if label != MASKED)
    wanted = [each for each in row.labels if each != MASKED and each != renderer.end_id]
    return continue_all(model, [row.input_ids[:cut]], len(wanted), ())[0] == wanted


def _metrics(exposed: Sequence[Exposed]) -> dict[str, float]:
    return {
        "eval.base.canary_exposure_bits": fmean(each.base_exposure for each in exposed),
        "eval.tuned.canary_exposure_bits": fmean(each.tuned_exposure for each in exposed),
        "eval.base.canaries_extracted": float(sum(each.base_extracted for each in exposed)),
        "eval.tuned.canaries_extracted": float(sum(each.tuned_extracted for each in exposed)),
    }


def _said(exposed: Sequence[Exposed]) -> str:
    count, most = sum(each.tuned_extracted for each in exposed), math.log2(exposed[0].alternatives + 1)
    mean = fmean(each.tuned_exposure for each in exposed)
    return f"{count} of {len(exposed)} canaries extracted, mean exposure {mean:.1f} of {most:.0f} bits"
