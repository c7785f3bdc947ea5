"""One contestant of the QLoRA bench: train with the train stage, and say how fast and with what.

In, as JSON on standard input: a `Material`'s job with the settings of this contestant, and a folder for the adapter.
Out, as JSON: tokens a second, the first step left out, steps, tokens, and where the adapter lies. Its memory is looked
at from outside; nothing is scored here, which would add to it.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.contest import answer_job
from benchmarks.stage_training import train_stage
from tuner.progress import Progress
from tuner.recipe import TrainSettings
from tuner.records import Base, Row, read_jsonl
from tuner.training_log import LOG, TIMINGS, read_lines


def work(job: dict[str, Any]) -> dict[str, Any]:
    """Train, and give the figures of the log."""
    rows, settings = read_jsonl(Path(job["rows"]), Row), TrainSettings.model_validate(job["settings"])
    given = (job["max_tokens"], job["end_token"], job["seed"])
    with tempfile.TemporaryDirectory() as folder:
        out = train_stage(Base(**job["base"]), rows, settings, *given, Path(folder), Progress())
        tokens = [int(line["tokens"]) for line in read_lines(out / LOG)]
        seconds = [float(line["step_seconds"]) for line in read_lines(out / TIMINGS)]
        shutil.copytree(out / "adapter", job["keep"])
    rate = sum(tokens[1:]) / sum(seconds[1:])
    return {"tokens_per_second": rate, "steps": len(tokens), "tokens": sum(tokens), "adapter": job["keep"]}


if __name__ == "__main__":
    raise SystemExit(answer_job(work))
