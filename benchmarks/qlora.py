"""Set QLoRA beside LoRA of whole weights on this processor: speed, memory, and bits per byte on validation rows.

In: a repository or a run, and a dose in tokens. Out: two tables on standard output, `benchmarks/results/qlora.json`;
with `--into` the tables go between the marks `figures:qlora` of a document. Both train on the same rows with the train
stage and differ in `train.quantization` alone, each in a fresh process, one after the other. The adapters are judged
when both have trained, as `tuner sweep` judges: by lines that later commits added.

An adapter that was trained on nf4 is judged twice: on nf4, as it was trained, and on whole weights, as the pipeline
evaluates and exports it. Intervals resample the commits that the rows are from.

    make bench ROOM=qlora REPO=../your-repository
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.contest import MIB, ContestantError, Runner, machine, run_once
from benchmarks.filling import fill, require_marks
from benchmarks.material import add_arguments, described, gather
from tuner.errors import TunerError
from tuner.progress import TerminalProgress
from tuner.recipe import TrainSettings
from tuner.recipe_sweep import SweepSettings
from tuner.statistics import cluster_bootstrap, ratio_difference
from tuner.swept import SEED, RowScore, bits_per_byte

RESULTS = Path(__file__).parent / "results" / "qlora.json"
MARK = "figures:qlora"
WAYS = ("none", "nf4")
# What is judged: the base as it is held, and the adapter by what it was trained on, None for the base alone.
JUDGED = {
    "none.before": ("none", None),
    "none.after": ("none", "none"),
    "nf4.before": ("nf4", None),
    "nf4.after": ("nf4", "nf4"),
    "nf4.on_whole": ("none", "nf4"),
}
DIFFERENCES = {
    "before": ("nf4.before", "none.before", "`nf4` - `none`, before training"),
    "after": ("nf4.after", "none.after", "`nf4` - `none`, after"),
    "on_whole": ("nf4.on_whole", "none.after", "the `nf4` adapter on whole weights - `none`, after"),
}


def main(arguments: Sequence[str] | None = None, run: Runner = run_once) -> int:
    """Measure, print, write; `run` runs a contestant."""
    parser = argparse.ArgumentParser(prog="benchmarks.qlora", description=str(__doc__).splitlines()[0])
    add_arguments(parser)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    try:
        if options.into is not None:
            require_marks(options.into, MARK)
        figures = measure(options, run)
    except TunerError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except ContestantError as error:
        print(f"error: a contestant ended: {error}", file=sys.stderr)
        return 1
    text = "\n".join(table(figures)) + "\n"
    print(f"\n{text}", end="")
    options.results.parent.mkdir(parents=True, exist_ok=True)
    options.results.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    if options.into is not None:
        fill(options.into, MARK, text)
    return 0


def measure(options: argparse.Namespace, run: Runner) -> dict[str, Any]:
    """Let both train, judge their adapters, and give all figures."""
    figures: dict[str, Any] = machine()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        material = gather(
            options.repo, options.run, options.base, options.set, options.tokens, options.adapters, folder,
            TerminalProgress(),
        )  # fmt: skip
        figures |= material.figures()
        job = material.job()
        adapters: dict[str | None, str | None] = {None: None}
        for way in WAYS:
            settings = TrainSettings.model_validate({**job["settings"], "quantization": way}).model_dump(mode="json")
            found = run("benchmarks.qlora_contestant", {**job, "settings": settings, "keep": str(folder / way)})
            said: dict[str, Any] = dict(found.said)
            adapters[way] = said["adapter"]
            figures |= {f"{way}.{key}": said[key] for key in ("steps", "tokens")}
            figures[f"{way}.tokens_per_second"] = round(said["tokens_per_second"], 1)
            figures |= {f"{way}.peak_mib": round(found.peak_mib)} if found.peak_mib else {}
            print(f"{way}: {said['tokens_per_second']:.1f} tokens/s", file=sys.stderr, flush=True)
        scores: dict[str, list[RowScore]] = {}
        for way in WAYS:
            asked = {key: adapter for key, (held, adapter) in JUDGED.items() if held == way}
            places = [adapters[each] for each in asked.values()]
            judged = run("benchmarks.judging", {**job, "adapters": places, "quantization": way}).said
            found_rows: Any = judged["scores"]
            scores |= {key: [RowScore(**each) for each in rows] for key, rows in zip(asked, found_rows, strict=True)}
            figures[f"{way}.weights_bytes"] = judged["weight_bytes"]
    return figures | compared(scores, material.commits)


def compared(scores: dict[str, list[RowScore]], commits: dict[str, str]) -> dict[str, Any]:
    """Give the bits per byte of all that was judged, and their differences with intervals by commit."""
    figures: dict[str, Any] = {f"{key}.bits_per_byte": round(bits_per_byte(rows), 4) for key, rows in scores.items()}
    clusters = [commits[row.pair_id] for row in scores["none.before"]]
    resamples = SweepSettings().resamples
    for name, (one, other, _) in DIFFERENCES.items():
        both = [(a.bits, a.bytes, b.bits, b.bytes) for a, b in zip(scores[one], scores[other], strict=True)]
        interval = cluster_bootstrap(clusters, both, ratio_difference, resamples, SEED)
        value = bits_per_byte(scores[one]) - bits_per_byte(scores[other])
        figures[f"difference.{name}"] = round(value, 4)
        for end in ("low", "high"):
            figures[f"difference.{name}.{end}"] = interval and round(getattr(interval, end), 4)
    return figures


def table(figures: dict[str, Any]) -> list[str]:
    """Write the figures as Markdown."""
    lines = [
        described(figures),
        "",
        "| base | tokens/s | peak MiB | weights MiB | bits per byte before | after | after, on whole weights |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    for way in WAYS:
        whole = figures["nf4.on_whole.bits_per_byte" if way == "nf4" else "none.after.bits_per_byte"]
        peak = figures.get(f"{way}.peak_mib")
        cells = [
            f"`{way}`",
            f"{figures[f'{way}.tokens_per_second']:.1f}",
            "-" if peak is None else f"{peak:,}",
            f"{figures[f'{way}.weights_bytes'] / MIB:,.1f}",
            *(f"{figures[f'{way}.{when}.bits_per_byte']:.4f}" for when in ("before", "after")),
            f"{whole:.4f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    lines += ["", "| difference, bits per byte | | 95 % |", "|---|--:|---|"]
    for name, (_, _, said) in DIFFERENCES.items():
        low, high = figures[f"difference.{name}.low"], figures[f"difference.{name}.high"]
        interval = "one commit: none" if low is None else f"[{low:+.4f}, {high:+.4f}]"
        lines.append(f"| {said} | {figures[f'difference.{name}']:+.4f} | {interval} |")
    return lines


if __name__ == "__main__":
    raise SystemExit(main())
