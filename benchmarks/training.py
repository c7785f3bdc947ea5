"""Train on the same rows with TRL as it comes, TRL at its best, a plain loop, and the train stage; compare.

In: nothing, or the rows of a run. Out: a table on standard output, and `benchmarks/results/training.json`. Each
contestant is a fresh process; the first step of each warms up and is not counted. Tokens are those that are no padding.
A share of the peak is the work that the rows need at least, whoever does it, over what the fastest product of matrices
on this machine would have done in the time: linear layers forward and backward, adapters, attention within rows without
its upper half, and logits where there are labels.

    make bench ROOM=training                                       # about six minutes on two cores
    .venv/bin/python -m benchmarks.training --only ours --only best --steps 3
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contest import ROOT, machine, run_once
from tuner import bases

RESULTS = Path(__file__).parent / "results" / "training.json"
TRAINED = ("stock", "best", "loop", "ours", "two")
STEPS, STOCK_STEPS = 6, 2
MAX_TOKENS = 512
# Lengths of rows, as a share of the longest, and the share of each that is learned: what a dataset of ours looks like.
ROW_SHAPES = ((1.0, 1.0), (1.0, 1.0), (0.3, 0.2), (0.7, 1.0), (0.15, 0.3), (1.0, 1.0), (0.55, 0.4), (0.25, 0.2))
BARS = {"tokens_vs_trl_stock": 3.0, "tokens_vs_trl_best": 1.5, "share_of_peak": 0.6}
MOST = {"memory_vs_trl_best": 1.0, "loss_difference": 0.01}


@dataclass(frozen=True, slots=True)
class Trained:
    """What one contestant did, its first step left out."""

    tokens_per_second: float
    tokens_per_cpu_second: float | None  # None where other processes did the work
    peak_mib: float | None
    losses: list[float]


def write_rows(tokenizer_file: Path, path: Path, tokens: int, max_tokens: int) -> None:
    """Cut this program's own source into rows as a dataset's, until there are so many tokens."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    lines: list[str] = []
    written = 0
    for file in sorted((ROOT / "tuner").rglob("*.py")):
        ids = tokenizer.encode(file.read_text(encoding="utf-8"), add_special_tokens=False).ids
        while ids and written < tokens:
            share, learned = ROW_SHAPES[len(lines) % len(ROW_SHAPES)]
            part, ids = ids[: int(share * max_tokens)], ids[int(share * max_tokens) :]
            masked = len(part) - int(learned * len(part))
            lines.append(json.dumps({"input_ids": part, "labels": [-100] * masked + part[masked:]}))
            written += len(part)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def needed_flops(config: dict[str, Any], rank: int, rows: list[dict[str, Any]]) -> float:
    """Count the operations of a step's forward and backward pass that no way of training these rows can do without."""
    width, inner, layers = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
    head = config.get("head_dim") or width // config["num_attention_heads"]
    asked, stored = head * config["num_attention_heads"], head * config["num_key_value_heads"]
    shapes = [(width, asked), (width, stored), (width, stored), (asked, width)]
    shapes += [(width, inner), (width, inner), (inner, width)]
    tokens = sum(len(row["input_ids"]) for row in rows)
    labels = sum(sum(each != -100 for each in row["labels"][1:]) for row in rows)
    pairs = sum(len(row["input_ids"]) ** 2 for row in rows) / 2
    frozen = 4.0 * sum(into * out for into, out in shapes) * layers  # no gradient of a frozen weight
    adapters = 6.0 * rank * sum(into + out for into, out in shapes) * layers
    attention = 12.0 * asked * layers  # two products forward, four backward
    return tokens * (frozen + adapters) + pairs * attention + labels * 4.0 * width * config["vocab_size"]


def measure(job: dict[str, Any]) -> Trained:
    """Run one contestant in a process of its own."""
    measured = run_once("benchmarks.training_contestants", job)
    said: dict[str, Any] = dict(measured.said)
    tokens = sum(said["tokens"][1:])
    spent = {key: sum(said[key][1 : len(said["tokens"])]) for key in ("step_seconds", "step_cpu_seconds")}
    per_cpu_second = tokens / spent["step_cpu_seconds"] if job["who"] != "two" else None
    return Trained(tokens / spent["step_seconds"], per_cpu_second, measured.peak_mib, said["losses"])


def compared(found: dict[str, Trained], peak_gflops: float, flops_per_token: float) -> dict[str, float]:
    """Set ours against the others; a contestant that did not run gives no figure."""
    figures: dict[str, float] = {}
    for name, each in found.items():
        figures[f"{name}.tokens_per_second"] = round(each.tokens_per_second, 1)
        if each.tokens_per_cpu_second is not None:
            figures[f"{name}.tokens_per_cpu_second"] = round(each.tokens_per_cpu_second, 1)
        figures[f"{name}.share_of_peak"] = round(each.tokens_per_second * flops_per_token / (1e9 * peak_gflops), 3)
        figures |= {f"{name}.peak_mib": round(each.peak_mib)} if each.peak_mib else {}
        figures |= {f"{name}.loss.{step}": round(loss, 4) for step, loss in enumerate(each.losses, start=1)}
    if "ours" not in found:
        return figures
    ours = found["ours"]
    figures["share_of_peak"] = figures["ours.share_of_peak"]
    for name, key in (("stock", "tokens_vs_trl_stock"), ("best", "tokens_vs_trl_best"), ("loop", "tokens_vs_loop")):
        if name in found:
            figures[key] = round(ours.tokens_per_second / found[name].tokens_per_second, 2)
    if "two" in found:
        figures["two_vs_one_process"] = round(found["two"].tokens_per_second / ours.tokens_per_second, 2)
    if "best" in found:
        best = found["best"]
        if ours.peak_mib and best.peak_mib:
            figures["memory_vs_trl_best"] = round(ours.peak_mib / best.peak_mib, 3)
        apart = [abs(one - other) / other for one, other in zip(ours.losses, best.losses, strict=False)]
        figures["loss_difference"] = round(max(apart), 6)
    return figures


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(prog="benchmarks.training", description=str(__doc__).splitlines()[0])
    parser.add_argument("--base", default="auto", help="a base that the train stage takes; the embedded one without it")
    parser.add_argument("--rows", type=Path, help="data/train.jsonl of a run; without it, this program's own source")
    parser.add_argument("--max-tokens", type=int, default=MAX_TOKENS)
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--stock-steps", type=int, default=STOCK_STEPS, help="its steps are larger: 8 rows")
    parser.add_argument("--threads", type=int, default=0, help="0 takes torch's own choice")
    parser.add_argument("--only", action="append", choices=TRAINED, help="a contestant; all without it")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    base = bases.resolve(options.base, bases.cache_folder())
    config = json.loads((Path(base.path) / "config.json").read_text(encoding="utf-8"))
    figures: dict[str, Any] = machine()
    with tempfile.TemporaryDirectory() as folder:
        path = options.rows or Path(folder) / "rows.jsonl"
        if options.rows is None:
            tokens = 2 * options.steps * options.max_tokens
            write_rows(Path(base.path) / "tokenizer.json", path, tokens, options.max_tokens)
        rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        job = {"base": base.path, "rows": str(path), "max_tokens": options.max_tokens, "threads": options.threads}
        job |= {"steps": options.steps, "stock_steps": options.stock_steps}
        rates: dict[str, float] = {}
        found: dict[str, Trained] = {}
        for who in ("peak", *(each for each in TRAINED if not options.only or each in options.only), "peak"):
            if who == "peak":  # before and after: the faster one counts
                said = run_once("benchmarks.training_contestants", {**job, "who": who}).said
                rates = {key: max(value, rates.get(key, 0.0)) for key, value in said.items()}
                continue
            found[who] = measure({**job, "who": who})
            print(f"{who}: {found[who].tokens_per_second:.1f} tokens/s", flush=True)
    peak = max(value for key, value in rates.items() if key.endswith("gflops"))
    per_token = needed_flops(config, 32, rows) / sum(len(row["input_ids"]) for row in rows)
    figures |= {f"peak.{key}": round(value, 1) for key, value in rates.items()} | {"peak.gflops": round(peak, 1)}
    figures |= {"flops_per_token": round(per_token), **compared(found, peak, per_token)}
    _print(figures, found)
    options.results.parent.mkdir(parents=True, exist_ok=True)
    options.results.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


def _print(figures: dict[str, Any], found: dict[str, Trained]) -> None:
    print(f"\n{'':<8}{'tokens/s':>10}{'per cpu s':>11}{'of peak':>9}{'peak MiB':>10}   losses")
    for name, each in found.items():
        share = figures[f"{name}.share_of_peak"]
        losses = " ".join(f"{loss:.3f}" for loss in each.losses)
        per_cpu_second = "-" if each.tokens_per_cpu_second is None else f"{each.tokens_per_cpu_second:.1f}"
        print(
            f"{name:<8}{each.tokens_per_second:>10.1f}{per_cpu_second:>11}{share:>9.1%}"
            f"{each.peak_mib or 0:>10,.0f}   {losses}"
        )
    print(f"peak {figures['peak.gflops']:.0f} GFLOP/s, {figures['flops_per_token'] / 1e6:.0f} Mflop a token at least")
    for key, bar in BARS.items():
        if key in figures:
            print(f"{key:<22}{figures[key]:>8}   bar at least {bar:<5} {'met' if figures[key] >= bar else 'missed'}")
    for key, bar in MOST.items():
        if key in figures:
            print(f"{key:<22}{figures[key]:>8}   bar at most {bar:<6} {'met' if figures[key] <= bar else 'missed'}")


if __name__ == "__main__":
    raise SystemExit(main())
