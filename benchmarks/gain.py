"""Measure the gain by the minute: bits per byte on validation rows against training time, ours and TRL.

In: a repository or a run, and a dose in tokens. Out: a table on standard output, `benchmarks/results/gain.json` and
`gain.svg` beside it; with `--into` table and picture go between the marks `figures:gain` of a document. Each contestant
trains in a fresh process on the same rows; they take turns, a step each, so that a machine whose speed wanders slows
all of them alike. The adapters that each kept on the way are judged when all have trained, as `tuner sweep` judges: by
lines that later commits added, but in the number type of training. Stock TRL is ended at a cap.

What is compared is the time to come within `NEAR` of the bits that TRL at its best ends with: ours and it see the same
batches, and end at the same bits but for rounding.

    make bench ROOM=gain REPO=../your-repository
    make bench ROOM=gain RUN=adapters/... BENCH="--tokens 60000 --only ours --only best"
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.contest import ContestantError, Runner, machine, run_once
from benchmarks.filling import fill, require_marks
from benchmarks.gain_picture import draw
from benchmarks.material import Material, add_arguments, described, gather
from benchmarks.turns import Together, run_in_turns
from tuner.errors import TunerError
from tuner.progress import TerminalProgress
from tuner.swept import RowScore, bits_per_byte

RESULTS = Path(__file__).parent / "results" / "gain.json"
MARK = "figures:gain"
NAMES = {"ours": "ours", "best": "TRL at its best", "stock": "stock TRL"}
POINTS, CAP_MINUTES = 6, 10.0
NEAR = 0.001  # bits per byte: two trainings on the same batches, whose sums are rounded in another order
MINUTE = 60.0

Curve = list[tuple[float, float]]  # minutes of training, bits per byte


def main(arguments: Sequence[str] | None = None, run: Runner = run_once, together: Together = run_in_turns) -> int:
    """Measure, print, write; `run` runs a process, `together` the contestants in turns."""
    options = _parser().parse_args(arguments)
    try:
        if options.into is not None:
            require_marks(options.into, MARK)
        figures, found = measure(options, run, together)
    except TunerError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_status
    except ContestantError as error:
        print(f"error: a contestant ended: {error}", file=sys.stderr)
        return 1
    text = "\n".join(table(figures)) + "\n"
    print(f"\n{text}", end="")
    picture = options.results.with_suffix(".svg")
    options.results.parent.mkdir(parents=True, exist_ok=True)
    options.results.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    picture.write_text(draw(found, NAMES, figures["level.bits_per_byte"]), encoding="utf-8")
    if options.into is not None:
        place = os.path.relpath(picture, options.into.parent)
        fill(options.into, MARK, f"{text}\n![Bits per byte by minutes of training]({place})\n")
    return 0


def measure(options: argparse.Namespace, run: Runner, together: Together) -> tuple[dict[str, Any], dict[str, Curve]]:
    """Let the contestants train, judge what they kept, and give figures and curves."""
    figures: dict[str, Any] = machine()
    chosen = [each for each in NAMES if not options.only or each in options.only or each == "best"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        material = gather(
            options.repo, options.run, options.base, options.set, options.tokens, options.adapters, folder,
            TerminalProgress(),
        )  # fmt: skip
        figures |= material.figures()
        jobs = {who: _job(who, material, folder, options) for who in chosen}
        said: Any = {who: each.said for who, each in together("benchmarks.gain_contestants", jobs).items()}
        places = [each["adapter"] for one in said.values() for each in one["points"]]
        job = {**material.job(), "adapters": [None, *places], "quantization": "none"}
        scores: Any = run("benchmarks.judging", job).said["scores"]
    before, *after = (bits_per_byte([RowScore(**each) for each in rows]) for rows in scores)
    judged = dict(zip(places, after, strict=True))
    found = {}
    for who, one in said.items():
        points = [{**each, "bits_per_byte": judged[each["adapter"]]} for each in one["points"]]
        found[who] = [(0.0, before), *((each["seconds"] / MINUTE, each["bits_per_byte"]) for each in points)]
        figures |= _flat(who, points, one["steps_planned"])
    figures |= {"base.bits_per_byte": round(before, 4), "cap_minutes": options.cap_minutes}
    return figures | compared(found), found


def compared(found: dict[str, Curve]) -> dict[str, Any]:
    """Give the level that TRL at its best ends with, the minutes that each took to it, and the ratios."""
    level = found["best"][-1][1]
    minutes = {who: minutes_to(level + NEAR, curve) for who, curve in found.items()}
    figures: dict[str, Any] = {"level.bits_per_byte": round(level, 4), "level.near": NEAR}
    figures |= {f"{who}.minutes_to_level": each and round(each, 3) for who, each in minutes.items()}
    for who, key in (("best", "minutes_vs_trl_best"), ("stock", "minutes_vs_trl_stock")):
        ours, theirs = minutes.get("ours"), minutes.get(who)
        if ours and theirs:
            figures[key] = round(theirs / ours, 2)
    return figures


def minutes_to(level: float, curve: Curve) -> float | None:
    """Give the minutes at which a curve first is at a level or below, drawn straight between points; None if never."""
    for (earlier, above), (later, bits) in pairwise(curve):
        if bits <= level < above:
            return earlier + (later - earlier) * (above - level) / (above - bits)
    return None


def table(figures: dict[str, Any]) -> list[str]:
    """Write the figures as Markdown."""
    lines = [
        described(figures),
        "",
        f"| | steps | tokens | minutes | bits per byte, {figures['base.bits_per_byte']:.4f} before "
        f"| minutes to {figures['level.bits_per_byte']:.4f} |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for who in (each for each in NAMES if f"{each}.steps" in figures):
        steps, planned = figures[f"{who}.steps"], figures[f"{who}.steps_planned"]
        is_capped = steps < planned
        reached = figures[f"{who}.minutes_to_level"]
        cells = [
            NAMES[who] + (f", ended at {figures['cap_minutes']:g} minutes" if is_capped else ""),
            f"{steps} of {planned}" if is_capped else f"{steps}",
            f"{figures[f'{who}.tokens']:,}",
            f"{figures[f'{who}.minutes']:.2f}",
            f"{figures[f'{who}.bits_per_byte']:.4f}",
            "not reached" if reached is None else f"{reached:.2f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    ratios = {"minutes_vs_trl_best": "TRL at its best", "minutes_vs_trl_stock": "stock TRL"}
    said = [f"{name} takes {figures[key]:.2f} times as long as ours" for key, name in ratios.items() if key in figures]
    if said:
        lines += ["", f"To within {figures['level.near']:g} of that level {', and '.join(said)}."]
    return lines


def _job(who: str, material: Material, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    cap = options.cap_minutes * MINUTE if who == "stock" else None
    return {**material.job(), "who": who, "points": options.points, "cap_seconds": cap, "keep": str(folder / who)}


def _flat(who: str, points: list[dict[str, Any]], planned: int) -> dict[str, Any]:
    """Give flat figures of each point, and of the last one again under the contestant's own name."""
    figures: dict[str, Any] = {f"{who}.steps_planned": planned}
    for number, each in enumerate(points, start=1):
        shown = {
            "steps": each["step"],
            "tokens": each["tokens"],
            "minutes": round(each["seconds"] / MINUTE, 3),
            "cpu_minutes": round(each["cpu_seconds"] / MINUTE, 3),
            "bits_per_byte": round(each["bits_per_byte"], 4),
        }
        figures |= {f"{who}.{number}.{key}": value for key, value in shown.items()}
        figures |= {f"{who}.{key}": value for key, value in shown.items()}
    return figures


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks.gain", description=str(__doc__).splitlines()[0])
    add_arguments(parser)
    parser.add_argument(
        "--points", type=int, default=POINTS, help="adapters that each contestant keeps and is judged by"
    )
    parser.add_argument("--cap-minutes", type=float, default=CAP_MINUTES, help="training minutes of stock TRL at most")
    parser.add_argument("--only", action="append", choices=list(NAMES), help="beside TRL at its best; all without it")
    parser.add_argument("--results", type=Path, default=RESULTS)
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
