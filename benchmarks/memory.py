"""Compare the planned peak memory of trainings with the measured one, case by case, each in a fresh process.

In: nothing; the models are random. Out: a table on standard output, and `benchmarks/results/memory.json`. The bar: the
plan is at most 15 % off in every case. None of these cases was used to find the plan's two measured constants (the size
of the program, the allocator's share); those that were are listed in docs/planning.md.

    make bench ROOM=memory
    .venv/bin/python -m benchmarks.memory --only nf4 --only deep
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.contest import MIB, machine, run_once
from benchmarks.memory_runs import Case
from tuner.machine import read_machine
from tuner.memory import Memory, plan_memory
from tuner.recipe import TrainSettings
from tuner.shape import read_shape

RESULTS = Path(__file__).parent / "results" / "memory.json"
BAR = 0.15


def _model(
    kind: str, width: int, layers: int, inner: int, heads: int, stored: int, vocabulary: int, **more: Any
) -> dict[str, Any]:
    return {
        "model_type": kind,
        "hidden_size": width,
        "num_hidden_layers": layers,
        "intermediate_size": inner,
        "num_attention_heads": heads,
        "num_key_value_heads": stored,
        "vocab_size": vocabulary,
        "max_position_embeddings": 8192,
        "tie_word_embeddings": True,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "pad_token_id": 0,
        **more,
    }


SMOLLM2 = _model("llama", 576, 30, 1536, 9, 3, 49152)
CASES = (
    Case("smollm2", SMOLLM2, 512),
    Case("checkpointed", SMOLLM2, 1024, {"gradient_checkpointing": True, "accumulation": 1}),
    Case("nf4", SMOLLM2, 512, {"quantization": "nf4", "accumulation": 1}),
    Case("qwen2", _model("qwen2", 512, 8, 2048, 8, 2, 65536), 1024, {"rank": 64, "accumulation": 1}),
    Case(
        "batch of 2",
        _model("qwen3", 640, 10, 1920, 10, 5, 32768, head_dim=64),
        768,
        {"sequences_per_batch": 2, "accumulation": 1},
    ),
    Case("wide", _model("llama", 1024, 4, 2816, 16, 4, 32768), 512, {"accumulation": 4, "rank": 8}),
    Case("deep", _model("llama", 320, 24, 960, 5, 5, 32768), 1536, {"accumulation": 1}),
    Case(
        "vocabulary",
        _model("qwen2", 512, 6, 1408, 8, 8, 151936),
        512,
        {"rank": 16, "gradient_checkpointing": True, "accumulation": 1},
    ),
)


def plan_of(case: Case) -> tuple[int, Memory]:
    """Plan a case for this machine's processor; give the parameters too."""
    shape = read_shape(case.model, case.name)
    settings = TrainSettings.model_validate(case.train)
    return shape.parameters, plan_memory(shape, settings, case.max_tokens, read_machine())


def compare(case: Case) -> dict[str, float]:
    """Plan a case, then train it; give MiB, and how far off the plan is."""
    parameters, planned = plan_of(case)
    job = asdict(case)
    said = run_once("benchmarks.memory_runs", job)
    measured = said.said["highest"]
    return {
        "parameters": parameters,
        "planned_mib": round(planned.total / MIB),
        "measured_mib": round(measured / MIB),
        "program_mib": round(said.said["before"] / MIB),
        "error": round(planned.total / measured - 1, 4),
        "seconds": said.seconds,
    }


def main(arguments: list[str] | None = None) -> int:
    """Measure, print, write; exit status 1 where a plan is further off than the bar."""
    parser = argparse.ArgumentParser(prog="benchmarks.memory", description=str(__doc__).splitlines()[0])
    parser.add_argument("--only", action="append", choices=[case.name for case in CASES], help="a case; all without it")
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args(arguments)
    if not Path("/proc/self/clear_refs").exists():
        print("error: this system does not say what a process's peak memory was; run it on Linux", file=sys.stderr)
        return 2
    chosen = [case for case in CASES if not options.only or case.name in options.only]
    figures: dict[str, Any] = machine()
    print(f"{'case':<14}{'parameters':>13}{'tokens':>8}{'planned MiB':>13}{'measured MiB':>14}{'error':>9}")
    for case in chosen:
        found = compare(case)
        figures |= {f"{case.name.replace(' ', '_')}.{key}": value for key, value in found.items()}
        tokens = case.max_tokens * case.train.get("sequences_per_batch", 1)
        print(
            f"{case.name:<14}{found['parameters']:>13,}{tokens:>8}{found['planned_mib']:>13,.0f}"
            f"{found['measured_mib']:>14,.0f}{found['error']:>+9.1%}",
            flush=True,
        )
    worst = max((abs(value) for key, value in figures.items() if key.endswith(".error")), default=0.0)
    figures["worst_error"] = worst
    print(f"worst error {worst:.1%}, bar {BAR:.0%}: {'met' if worst <= BAR else 'missed'}")
    options.results.parent.mkdir(parents=True, exist_ok=True)
    options.results.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return 0 if worst <= BAR else 1


if __name__ == "__main__":
    raise SystemExit(main())
