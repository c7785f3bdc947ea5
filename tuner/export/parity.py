"""Prove that an exported file is still the model that was evaluated.

Compared first: after each prompt, given as token ids, the log-probabilities of the *whole* vocabulary. On one side
PyTorch with the PEFT adapter, in float32; on the other the exported file in the real engine (llama.cpp, as it is
served, so with its 16-bit cache). `max_abs_difference` is the largest difference over all prompts and all tokens that
PyTorch gives at least e^-50 (below, the engine's float32 probabilities lose their digits); `mean_kl` is the mean over
prompts of KL(PyTorch || engine) in nats. Greedy text would not do: it stays the same with q and k in the wrong order.

Then each prompt's text must give the same token ids in the engine as in the tokenizer, and the answers to a slice of
the evaluation's items must score as they did there (`answers`).

`effect` is the first difference between base and tuned model in PyTorch: a tolerance means something only if it is well
below. Files in f32 and f16 are judged by the recipe's limits. In files of fewer bits every weight is rounded, so that a
fault of the export and their rounding look alike: their drift is reported with a warning, and `passed` is None.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tuner.errors import ExportError
from tuner.export.answers import NO_SLICE, Drift, Slice
from tuner.export.number_formats import ROUNDED
from tuner.recipe import ExportSettings
from tuner.records import Base

if TYPE_CHECKING:
    import torch

PROMPT_TOKENS = 64  # wiring faults show in the first tokens; longer prompts only take longer
BFLOAT16_ROUNDING = 5  # measured on a 135M bf16 base: 1.3 times the limits
_FLOOR = -50.0


@dataclass(frozen=True, slots=True)
class Reference:
    """What PyTorch answers: one row of log-probabilities a prompt, for the base and for the tuned model."""

    base: np.ndarray
    tuned: np.ndarray

    @property
    def effect(self) -> tuple[float, float]:
        """Say how far tuning moved the answers: the largest difference, and the mean divergence."""
        largest, _ = difference(self.base, self.tuned)
        return largest, difference(self.tuned, self.base)[1]


@dataclass(frozen=True, slots=True)
class Questions:
    """What both sides are asked: prompts as token ids, texts with the tokenizer's tokens, evaluation items."""

    prompts: list[list[int]]
    texts: list[str]
    tokens: list[list[int]]
    vocabulary: int
    items: Slice = NO_SLICE

    @staticmethod
    def make(
        prompts: list[list[int]], texts: list[str], base_folder: Path, vocabulary: int, items: Slice = NO_SLICE
    ) -> Questions:
        """Ask `prompts` and their texts, `texts` beside them, and the evaluation's `items`."""
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(base_folder / "tokenizer.json"))
        texts = tokenizer.decode_batch(prompts, skip_special_tokens=False) + texts
        tokens = [each.ids for each in tokenizer.encode_batch(texts, add_special_tokens=False)]
        return Questions(prompts, texts, tokens, vocabulary, items)


@dataclass(frozen=True, slots=True)
class EngineAnswers:
    """What the engine said: log-probabilities after each prompt, tokens of each text, answers to the items."""

    rows: np.ndarray
    tokens: list[list[int]]
    items: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Finding:
    """How far one file is from the reference. `note` says what the figures alone do not; `warning` what to heed."""

    max_abs_difference: float | None
    mean_kl: float | None
    same_top_token: float | None
    passed: bool | None
    note: str = ""
    warning: str = ""
    drift: Drift | None = None


def shorten(prompts: list[list[int]], count: int) -> list[list[int]]:
    """Take the prompts that are compared, each cut to its last tokens."""
    chosen = [prompt[-PROMPT_TOKENS:] for prompt in prompts if prompt][:count]
    if not chosen:
        raise ExportError(
            "there is no prompt to compare answers on", "the dataset has no evaluation items; mine a longer history"
        )
    return chosen


def reference(base: Base, adapter: Path, prompts: list[list[int]]) -> Reference:
    """Answer `prompts` in PyTorch; one model is in memory at a time."""
    return Reference(torch_answers(base, None, prompts), torch_answers(base, adapter, prompts))


def torch_answers(base: Base, adapter: Path | None, prompts: list[list[int]]) -> np.ndarray:
    """Give the log-probabilities after each prompt, from PyTorch in float32."""
    import torch

    from tuner.models import load_model

    # not on a GPU, whose memory was sized for 16 bits or four: a few short prompts take no time
    return answers_of(load_model(base, adapter, torch.float32, place=False), prompts)


def answers_of(model: torch.nn.Module, prompts: list[list[int]]) -> np.ndarray:
    """Give the log-probabilities after each prompt, from a model in memory."""
    import torch

    device = next(model.parameters()).device
    rows = []
    with torch.inference_mode():
        for prompt in prompts:
            logits = model(torch.tensor([prompt], device=device)).logits[0, -1]
            rows.append(torch.log_softmax(logits.double(), dim=-1).cpu().numpy())
    return np.stack(rows)


def engine_answers(model: Path, adapter: Path | None, questions: Questions, threads: int, log: Path) -> EngineAnswers:
    """Ask the engine all questions."""
    out = log.with_suffix(".npy")
    request = {
        "model": str(model.absolute()),
        "adapter": str(adapter.absolute()) if adapter else None,
        "prompts": questions.prompts,
        "texts": questions.texts,
        "vocabulary": questions.vocabulary,
        "threads": threads,
        "out": str(out.absolute()),
        **questions.items.request(),
    }
    probe = Path(__file__).with_name("probe.py")
    with log.open("w", encoding="utf-8") as stream:
        done = subprocess.run(  # -P: the probe's folder is not searched for modules
            [sys.executable, "-P", str(probe)],
            input=json.dumps(request),
            stdout=subprocess.PIPE,
            stderr=stream,
            text=True,
        )
    if done.returncode != 0:
        raise ExportError(
            f"the engine could not answer from {model.name}: {last_error(log)}", f"its whole log is {log}"
        )
    rows = np.load(out).astype(np.float64)
    out.unlink()
    said = json.loads(done.stdout)
    return EngineAnswers(rows, said["tokens"], said["items"])


def judge(
    expected: np.ndarray, found: np.ndarray, number_format: str, settings: ExportSettings, tokens_equal: bool
) -> Finding:
    """Compare a file's answers with the reference and apply the recipe's limits."""
    if found.shape != expected.shape or np.isnan(found).any():
        return Finding(None, None, None, False, f"the engine gave no answer for some of {expected.shape[1]} tokens")
    largest, divergence = difference(expected, found)
    same = float((expected.argmax(axis=1) == found.argmax(axis=1)).mean())
    if not tokens_equal:
        return Finding(largest, divergence, same, False, "the engine splits a prompt's text into other tokens")
    if number_format in ROUNDED:
        return Finding(largest, divergence, same, None, f"{number_format} rounds every weight: reported, not judged")
    passed = largest <= settings.max_logit_difference and divergence <= settings.max_mean_kl
    return Finding(largest, divergence, same, passed, "" if passed else "the difference is over the recipe's limit")


def judge_answers(finding: Finding, drift: Drift | None, effect_kl: float, settings: ExportSettings) -> Finding:
    """Add what the answers to the items say. `effect_kl` is how far the base is from the tuned model."""
    if drift is None or drift.judged is None:
        return finding
    finding = replace(finding, drift=drift)
    if finding.passed is None:
        return replace(finding, warning=_warning(finding, drift, effect_kl, settings))
    if drift.judged > settings.max_metric_difference:
        said = f"a metric differs by {drift.judged:.3f} over {drift.items} items, near ties left out"
        return replace(finding, passed=False, note=f"{said}; wanted {settings.max_metric_difference:g} at most")
    return finding


def _warning(finding: Finding, drift: Drift, effect_kl: float, settings: ExportSettings) -> str:
    if finding.mean_kl is not None and finding.mean_kl >= effect_kl:
        return "farther from the tuned model than the untuned base is: do not use"
    moved = {name: delta for name, delta in drift.deltas.items() if abs(delta) > settings.max_metric_difference}
    if not moved:
        return ""
    worst = max(moved, key=lambda name: abs(moved[name]))
    return f"{worst} moved by {moved[worst]:+.3f} over {drift.items} items; {drift.differing} answers differ"


def judge_bfloat16(expected: np.ndarray, found: np.ndarray, settings: ExportSettings) -> Finding:
    """Compare a merged folder whose sums are rounded to bfloat16, which keeps only 8 bits.

    Up to `BFLOAT16_ROUNDING` times the limits the figure is reported and not judged: rounding alone reaches that far.
    """
    finding = judge(expected, found, "float", settings, tokens_equal=True)
    largest, divergence = finding.max_abs_difference, finding.mean_kl
    if finding.passed or largest is None or divergence is None:
        return finding
    most, most_kl = BFLOAT16_ROUNDING * settings.max_logit_difference, BFLOAT16_ROUNDING * settings.max_mean_kl
    if largest > most or divergence > most_kl:
        return finding
    return replace(finding, passed=None, note="over the limits by no more than bfloat16's rounding: not judged")


def difference(expected: np.ndarray, found: np.ndarray) -> tuple[float, float]:
    """Give the largest absolute difference and the mean KL divergence of two sets of log-probabilities."""
    expected, found = _normalised(expected), _normalised(found)
    largest = np.abs(expected - found)[expected >= _FLOOR].max()
    divergence = (np.exp(expected) * (expected - found)).sum(axis=1).mean()
    return float(largest), max(float(divergence), 0.0)


def write_report(
    path: Path, effect: float, questions: Questions, findings: dict[str, Finding], settings: ExportSettings
) -> None:
    """Write what was compared, the limits and the findings."""
    report: dict[str, Any] = {
        "compared": "log-probabilities of the whole vocabulary after each prompt, PyTorch float32 against llama.cpp",
        "prompts": len(questions.prompts),
        "prompt_tokens": [len(prompt) for prompt in questions.prompts],
        "items": len(questions.items.asked),
        "effect_of_tuning": effect,
        "limits": {
            "max_abs_difference": settings.max_logit_difference,
            "mean_kl": settings.max_mean_kl,
            "metric_difference": settings.max_metric_difference,
        },
        "artefacts": {name: _as_json(each) for name, each in findings.items()},
    }
    path.write_text(json.dumps(report, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def _as_json(finding: Finding) -> dict[str, Any]:
    fields: dict[str, Any] = {key: getattr(finding, key) for key in finding.__slots__}
    drift = finding.drift
    if drift is not None:
        fields["drift"] = {**{key: getattr(drift, key) for key in drift.__slots__}, "deltas": drift.deltas}
    return fields


def last_error(log: Path) -> str:
    """Find the line of an engine's log that says why it stopped."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if " E " in line or "rror" in line or "ASSERT" in line]
    return (errors or lines or ["it said nothing"])[0]


def _normalised(rows: np.ndarray) -> np.ndarray:
    return rows - np.log(np.exp(rows).sum(axis=1, keepdims=True))
