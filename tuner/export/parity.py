"""Prove that an exported file is still the model that was evaluated.

What is compared: after each prompt, given as token ids, the log-probabilities of the *whole* vocabulary. On one side
PyTorch with the PEFT adapter, in float32; on the other the exported file in the real engine (llama.cpp, as it is
served, so with its 16-bit cache). `max_abs_difference` is the largest difference over all prompts and all tokens that
PyTorch gives at least e^-50 (below, the engine's float32 probabilities lose their digits); `mean_kl` is the mean over
prompts of KL(PyTorch || engine) in nats. Greedy text would not do: it stays the same with q and k in the wrong order.

Beside that, each prompt's text must give the same token ids in the engine as in the tokenizer.

`effect` is the same difference between base and tuned model in PyTorch: a tolerance means something only if it is well
below. Files in f32 and f16 are judged by the recipe's limits. 8-bit files round every weight, so that a fault of the
export and their rounding look alike: their difference is reported and `passed` is None.
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
from tuner.recipe import ExportSettings
from tuner.records import Base

if TYPE_CHECKING:
    import torch

PROMPT_TOKENS = 64  # wiring faults show in the first tokens; longer prompts only take longer
ROUNDING = 5  # measured on a 135M bf16 base: 1.3 times the limits
_FLOOR = -50.0


@dataclass(frozen=True, slots=True)
class Reference:
    """What PyTorch answers: one row of log-probabilities a prompt, for the base and for the tuned model."""

    base: np.ndarray
    tuned: np.ndarray

    @property
    def effect(self) -> float:
        """Say how far tuning moved the answers."""
        return difference(self.base, self.tuned)[0]


@dataclass(frozen=True, slots=True)
class Questions:
    """What both sides are asked: prompts as token ids, and texts with the tokens that the tokenizer makes of them."""

    prompts: list[list[int]]
    texts: list[str]
    tokens: list[list[int]]
    vocabulary: int

    @staticmethod
    def make(prompts: list[list[int]], texts: list[str], base_folder: Path, vocabulary: int) -> Questions:
        """Ask `prompts` and their texts, and `texts` beside them."""
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(base_folder / "tokenizer.json"))
        texts = tokenizer.decode_batch(prompts, skip_special_tokens=False) + texts
        tokens = [each.ids for each in tokenizer.encode_batch(texts, add_special_tokens=False)]
        return Questions(prompts, texts, tokens, vocabulary)


@dataclass(frozen=True, slots=True)
class Finding:
    """How far one file is from the reference. `note` says what the figures alone do not."""

    max_abs_difference: float | None
    mean_kl: float | None
    same_top_token: float | None
    passed: bool | None
    note: str = ""


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

    return answers_of(load_model(base, adapter, torch.float32), prompts)


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


def engine_answers(
    model: Path, adapter: Path | None, questions: Questions, threads: int, log: Path
) -> tuple[np.ndarray, list[list[int]]]:
    """Give the log-probabilities after each prompt and the tokens of each text, from the engine."""
    out = log.with_suffix(".npy")
    request = {
        "model": str(model.absolute()),
        "adapter": str(adapter.absolute()) if adapter else None,
        "prompts": questions.prompts,
        "texts": questions.texts,
        "vocabulary": questions.vocabulary,
        "threads": threads,
        "out": str(out.absolute()),
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
    answers = np.load(out).astype(np.float64)
    out.unlink()
    return answers, json.loads(done.stdout)


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
    if number_format == "q8_0":
        return Finding(largest, divergence, same, None, "8-bit weights: the difference is reported, not judged")
    passed = largest <= settings.max_logit_difference and divergence <= settings.max_mean_kl
    return Finding(largest, divergence, same, passed, "" if passed else "the difference is over the recipe's limit")


def judge_rounded(expected: np.ndarray, found: np.ndarray, settings: ExportSettings) -> Finding:
    """Compare the merged folder, whose sums are rounded to the base's own 16 bits: bf16 keeps only 8 of them.

    Up to `ROUNDING` times the limits the figure is reported and not judged, since rounding alone reaches that far.
    """
    finding = judge(expected, found, "float", settings, tokens_equal=True)
    largest, divergence = finding.max_abs_difference, finding.mean_kl
    if finding.passed or largest is None or divergence is None:
        return finding
    if largest > ROUNDING * settings.max_logit_difference or divergence > ROUNDING * settings.max_mean_kl:
        return finding
    return replace(finding, passed=None, note="over the limits by no more than 16-bit rounding of the sums: not judged")


def difference(expected: np.ndarray, found: np.ndarray) -> tuple[float, float]:
    """Give the largest absolute difference and the mean KL divergence of two sets of log-probabilities."""
    expected, found = _normalised(expected), _normalised(found)
    largest = np.abs(expected - found)[expected >= _FLOOR].max()
    divergence = (np.exp(expected) * (expected - found)).sum(axis=1).mean()
    return float(largest), max(float(divergence), 0.0)


def write_report(
    path: Path, effect: float, prompts: list[list[int]], findings: dict[str, Finding], settings: ExportSettings
) -> None:
    """Write what was compared, the limits and the findings."""
    report: dict[str, Any] = {
        "compared": "log-probabilities of the whole vocabulary after each prompt, PyTorch float32 against llama.cpp",
        "prompts": len(prompts),
        "prompt_tokens": [len(prompt) for prompt in prompts],
        "effect_of_tuning": effect,
        "limits": {"max_abs_difference": settings.max_logit_difference, "mean_kl": settings.max_mean_kl},
        "artefacts": {name: {key: getattr(each, key) for key in each.__slots__} for name, each in findings.items()},
    }
    path.write_text(json.dumps(report, indent=1, sort_keys=True) + "\n", encoding="utf-8")


def last_error(log: Path) -> str:
    """Find the line of an engine's log that says why it stopped."""
    lines = [line.strip() for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    errors = [line for line in lines if " E " in line or "rror" in line or "ASSERT" in line]
    return (errors or lines or ["it said nothing"])[0]


def _normalised(rows: np.ndarray) -> np.ndarray:
    return rows - np.log(np.exp(rows).sum(axis=1, keepdims=True))
