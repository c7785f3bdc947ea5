"""Train on the same rows with TRL as it comes, TRL at its best, a plain loop, and the train stage; compare.

In: nothing, or the rows of a run. Out: a table on standard output, and `benchmarks/results/training.json`. Each
contestant is a fresh process; the first step of each warms up and is not counted. TRL at its best, ours and the
products that make the peak take turns, a step each on the same batch, so that a machine whose speed wanders slows all
of them alike: their ratios are medians over the steps. The others run alone. Tokens are those that are no padding. A
share of the peak is the work that the rows need at least, whoever does it, over what the fastest product of matrices
of the same turn would have done in the time: linear layers forward and backward, adapters, attention within rows
without its upper half, and logits where there are labels.

    make bench ROOM=training                                       # about eight minutes on two cores
    .venv/bin/python -m benchmarks.training --only ours --only best --steps 3
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.contest import ROOT, Measured, Runner, machine, run_once
from benchmarks.turns import Together, run_in_turns
from tuner import bases

RESULTS = Path(__file__).parent / "results" / "training.json"
CONTESTANTS = "benchmarks.training_contestants"
TRAINED = ("stock", "loop", "two", "best", "ours")
IN_TURNS = ("best", "ours")
STEPS, STOCK_STEPS = 12, 2
MAX_TOKENS = 512
# Lengths of rows, as a share of the longest, and the share of each that is learned: what a dataset of ours looks like.
ROW_SHAPES = ((1.0, 1.0), (1.0, 1.0), (0.3, 0.2), (0.7, 1.0), (0.15, 0.3), (1.0, 1.0), (0.55, 0.4), (0.25, 0.2))
BARS = {"tokens_vs_trl_stock": 3.0, "tokens_vs_trl_best": 1.5, "share_of_peak": 0.6}
MOST = {"memory_vs_trl_best": 1.0, "loss_difference": 0.01}


@dataclass(frozen=True, slots=True)
class Trained:
    """What one contestant did: seconds, processor seconds, tokens and the loss of each step."""

    seconds: Sequence[float]
    cpu_seconds: Sequence[float] | None  # None where other processes did the work
    tokens: Sequence[int]
    losses: Sequence[float]
    peak_mib: float | None

    @property
    def tokens_per_second(self) -> float:
        """The speed of all steps but the first."""
        return sum(self.tokens[1:]) / sum(self.seconds[1 : len(self.tokens)])


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


def trained(who: str, measured: Measured) -> Trained:
    """Read what a contestant said of itself."""
    said: dict[str, Any] = dict(measured.said)
    cpu_seconds = None if who == "two" else said["step_cpu_seconds"]
    return Trained(said["step_seconds"], cpu_seconds, said["tokens"], said["losses"], measured.peak_mib)


def compared(found: dict[str, Trained], gflops: Sequence[float], flops_per_token: float) -> dict[str, float]:
    """Set ours against the others; `gflops` is the peak of each turn. A contestant that did not run gives no figure."""
    figures: dict[str, float] = {"peak.gflops": round(statistics.median(gflops), 1)}
    for name, each in found.items():
        figures[f"{name}.tokens_per_second"] = round(each.tokens_per_second, 1)
        if each.cpu_seconds is not None:
            of_cores = sum(each.tokens[1:]) / sum(each.cpu_seconds[1 : len(each.tokens)])
            figures[f"{name}.tokens_per_cpu_second"] = round(of_cores, 1)
        # a contestant that ran alone has no turns: the usual peak stands in for that of its time
        peaks = gflops if name in IN_TURNS else [statistics.median(gflops)] * len(each.seconds)
        steps = zip(each.tokens[1:], each.seconds[1:], peaks[1:], strict=False)
        figures |= _spread(f"{name}.share_of_peak", [n * flops_per_token / (1e9 * s * peak) for n, s, peak in steps])
        figures |= {f"{name}.peak_mib": round(each.peak_mib)} if each.peak_mib else {}
        figures |= {f"{name}.loss.{step}": round(loss, 4) for step, loss in enumerate(each.losses, start=1)}
    if "ours" not in found:
        return figures
    ours = found["ours"]
    figures |= {
        key.removeprefix("ours."): value for key, value in figures.items() if key.startswith("ours.share_of_peak")
    }
    for name, key in (("stock", "tokens_vs_trl_stock"), ("loop", "tokens_vs_loop")):
        if name in found:
            figures[key] = round(ours.tokens_per_second / found[name].tokens_per_second, 2)
    if "two" in found:
        figures["two_vs_one_process"] = round(found["two"].tokens_per_second / ours.tokens_per_second, 2)
    if "best" in found:
        best = found["best"]
        pairs = zip(best.seconds[1:], ours.seconds[1:], strict=False)  # the same batches, so the same tokens
        figures |= _spread("tokens_vs_trl_best", [theirs / own for theirs, own in pairs])
        if ours.peak_mib and best.peak_mib:
            figures["memory_vs_trl_best"] = round(ours.peak_mib / best.peak_mib, 3)
        apart = [abs(one - other) / other for one, other in zip(ours.losses, best.losses, strict=False)]
        figures["loss_difference"] = round(max(apart), 6)
    return figures


def _spread(name: str, values: list[float]) -> dict[str, float]:
    """Give the median of the steps, and between what values half of them lie."""
    low, middle, high = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
    return {name: round(middle, 3), f"{name}.low": round(low, 3), f"{name}.high": round(high, 3)}


def main(arguments: list[str] | None = None, run: Runner = run_once, together: Together = run_in_turns) -> int:
    """Measure, print, write; `run` runs a contestant, `together` several in turns."""
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
        chosen = [each for each in TRAINED if not options.only or each in options.only]
        found: dict[str, Trained] = {}
        for who in (each for each in chosen if each not in IN_TURNS):
            found[who] = trained(who, run(CONTESTANTS, {**job, "who": who}))
            print(f"{who}: {found[who].tokens_per_second:.1f} tokens/s", flush=True)
        in_turns = sorted({"peak", *chosen} & {"peak", *IN_TURNS})  # best, ours, peak: the peak lies between the two
        tokens = sum(len(row["input_ids"]) for row in rows)
        job["steps"] = 2 + tokens * 5 // (4 * 2 * options.max_tokens)  # of the peak: no fewer than packing may need
        measured = together(CONTESTANTS, {who: {**job, "who": who} for who in in_turns})
    products: Any = measured.pop("peak").said["rates"]
    found |= {who: trained(who, each) for who, each in measured.items()}
    per_token = needed_flops(config, 32, rows) / tokens
    figures |= {f"peak.{key}": round(statistics.median(each[key] for each in products), 1) for key in products[0]}
    figures["flops_per_token"] = round(per_token)
    figures |= compared(found, [max(each.values()) for each in products], per_token)
    _print(figures, found)
    options.results.parent.mkdir(parents=True, exist_ok=True)
    options.results.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0


def _print(figures: dict[str, Any], found: dict[str, Trained]) -> None:
    print(f"\n{'':<8}{'tokens/s':>10}{'per cpu s':>11}{'of peak':>9}{'peak MiB':>10}   losses")
    for name, each in found.items():
        share = figures[f"{name}.share_of_peak"]
        losses = " ".join(f"{loss:.3f}" for loss in each.losses)
        per_cpu_second = figures.get(f"{name}.tokens_per_cpu_second", "-")
        print(
            f"{name:<8}{each.tokens_per_second:>10.1f}{per_cpu_second:>11}{share:>9.1%}"
            f"{each.peak_mib or 0:>10,.0f}   {losses}"
        )
    print(f"peak {figures['peak.gflops']:.0f} GFLOP/s, {figures['flops_per_token'] / 1e6:.0f} Mflop a token at least")
    for bars, sign in ((BARS, 1), (MOST, -1)):
        for key, bar in bars.items():
            if key in figures:
                verdict = "met" if sign * figures[key] >= sign * bar else "missed"
                if (low := figures.get(f"{key}.low")) is not None:
                    verdict += f", half of the steps {low} to {figures[f'{key}.high']}"
                print(f"{key:<22}{figures[key]:>8}   bar at {'least' if sign > 0 else 'most'} {bar:<6} {verdict}")


if __name__ == "__main__":
    raise SystemExit(main())
