"""A model that forgot is seen, one that did not is not, and what cannot be told is called inconclusive."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch
from transformers import LlamaForCausalLM

from tuner.comparison import Gate
from tuner.errors import EvaluateError
from tuner.evaluate.probes.library import sample
from tuner.evaluate.probes.stage import read_forgetting, run
from tuner.forgetting import forgetting_gate
from tuner.probing import Forgetting, Probed
from tuner.progress import Progress
from tuner.records import Interval
from tuner.render import Renderer
from tuner.rundir import Workspace


def probed(
    folder: Path, system: str, model: LlamaForCausalLM, renderer: Renderer, base: Forgetting | None = None
) -> tuple[Probed, Forgetting]:
    work = Workspace(folder, folder, folder, Progress())
    found = run(system, lambda: model, renderer, sample(6, "gate"), base, work)
    return found, read_forgetting(folder / found.probes)


def worse(model: LlamaForCausalLM) -> LlamaForCausalLM:
    """Make a model that is surer of wrong things."""
    other = copy.deepcopy(model)
    with torch.no_grad():
        other.lm_head.weight.mul_(1.5)
    return other


def test_a_model_against_itself_has_forgotten_nothing(
    tiny_model: LlamaForCausalLM, renderer: Renderer, tmp_path: Path
) -> None:
    _, base = probed(tmp_path, "base", tiny_model, renderer)
    found, tuned = probed(tmp_path, "tuned", tiny_model, renderer, base)
    assert base.increase is None
    assert tuned.increase == Interval(0.0, 0.0, 0.0, 6)
    assert found.metrics["eval.tuned_vs_base.stdlib_bits_per_byte_relative.delta"] == 0.0
    assert forgetting_gate(tuned.increase, 0.01).passed is True


def test_a_model_that_forgot_fails_the_gate(tiny_model: LlamaForCausalLM, renderer: Renderer, tmp_path: Path) -> None:
    of_base, base = probed(tmp_path, "base", tiny_model, renderer)
    found, tuned = probed(tmp_path, "tuned", worse(tiny_model), renderer, base)
    assert tuned.increase is not None and tuned.increase.low > 0.01
    assert forgetting_gate(tuned.increase, 0.01).passed is False
    both = [each.metrics[f"eval.{name}.stdlib_bits_per_byte"] for name, each in (("base", of_base), ("tuned", found))]
    assert both[1] / both[0] - 1 == pytest.approx(tuned.increase.value)
    assert found.said.startswith(f"standard library {both[1]:.3f} bits per byte, +")


def test_systems_are_compared_over_one_library_alone(
    tiny_model: LlamaForCausalLM, renderer: Renderer, tmp_path: Path
) -> None:
    found, base = probed(tmp_path, "base", tiny_model, renderer)
    values = json.loads((tmp_path / found.probes).read_text(encoding="utf-8")) | {"sha256": "0" * 64, "python": "3.9.1"}
    (tmp_path / found.probes).write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(EvaluateError) as caught:
        probed(tmp_path, "tuned", tiny_model, renderer, read_forgetting(tmp_path / found.probes))
    assert str(caught.value) == (
        f"base was scored on the standard library of Python 3.9.1 (sample 000000000000), this is {base.python} (sample "
        f"{base.sha256[:12]})\nhint: run both with the same interpreter"
    )


@pytest.mark.parametrize(
    ("low", "value", "high", "passed", "ending"),
    [
        (-0.02, 0.0, 0.009, True, ""),
        (0.011, 0.03, 0.05, False, ""),
        (-0.01, 0.004, 0.02, True, ", which the interval spans"),
        (-0.01, 0.014, 0.02, False, ", which the interval spans"),
    ],
)
def test_the_gate_holds_the_increase_against_the_limit_and_says_what_the_interval_leaves_open(
    low: float, value: float, high: float, passed: bool, ending: str
) -> None:
    said = (
        f"bits per byte on Python's standard library {100 * value:+.1f} % "
        f"[{100 * low:+.1f} %, {100 * high:+.1f} %] against base, limit +1.0 %{ending}"
    )
    found = forgetting_gate(Interval(value, low, high, 32), 0.01, "Python")
    assert found == Gate("stdlib_bits_per_byte", value, 0.01, passed, said)


def test_a_repository_in_another_language_is_said() -> None:
    said = forgetting_gate(Interval(0.0, 0.0, 0.0, 32), 0.01, "typescript").said
    assert said.endswith("; the repository is mostly typescript, so this is forgetting of another language")
