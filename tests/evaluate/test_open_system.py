"""A local system is held as the recipe says, and says what to lower where memory is short."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from tests.train.examples import base_record, small_base
from tuner.errors import EvaluateError, MachineError
from tuner.evaluate.open_system import local_system
from tuner.models import load_judge
from tuner.recipe import EvaluateSettings
from tuner.records import Item
from tuner.render import Renderer


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_base(tmp_path_factory.mktemp("held") / "base", width=64)


def test_a_base_in_four_bits_answers_and_scores_all_but_as_a_whole_one(base: Path, items: list[Item]) -> None:
    renderer, bits = Renderer.from_folder(base, "shop"), {}
    for held in ("none", "nf4"):
        settings = EvaluateSettings(quantization=held, max_prompt_tokens=64, max_new_tokens=8, batch=8)
        with local_system("base", base_record(base), base, base, renderer, settings) as system:
            model = system.decoder.model  # type: ignore[attr-defined]
            kinds = {type(layer).__name__ for layer in model.modules()}
            assert ("Linear4bit" in kinds) == (held == "nf4")
            bits[held] = sum(each.bits or 0.0 for each in system.answer(items))
    assert bits["nf4"] != bits["none"] and math.isclose(bits["nf4"], bits["none"], rel_tol=0.05)


def test_where_answers_take_too_much_memory_it_is_said_what_to_lower(base: Path) -> None:
    def ended_by(error: Exception, **settings: object) -> Exception:
        chosen = EvaluateSettings.model_validate(settings)
        with (
            pytest.raises(Exception) as caught,
            local_system("base", base_record(base), base, base, Renderer.from_folder(base, "shop"), chosen),
        ):
            raise error
        return caught.value

    said = ended_by(torch.OutOfMemoryError("CUDA out of memory"))
    assert isinstance(said, EvaluateError)
    assert str(said) == (
        "out of memory while answering 32 items at once\n"
        'hint: SET="evaluate.batch=8", or SET="evaluate.quantization=nf4", or SET="evaluate.max_prompt_tokens=128"; '
        "the adapter is kept"
    )
    least = ended_by(RuntimeError("DefaultCPUAllocator: can't allocate memory"), batch=1, quantization="nf4")
    assert str(least).endswith('hint: SET="evaluate.max_prompt_tokens=128"; the adapter is kept')
    other = RuntimeError("another fault")
    assert ended_by(other) is other


def test_a_base_that_does_not_fit_the_card_is_named(base: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("transformers.PreTrainedModel.to", full)
    with pytest.raises(MachineError) as caught:
        load_judge(base_record(base), None, "none")
    assert str(caught.value) == (
        f"{base_record(base).name}: out of memory while loading the base\n"
        'hint: choose a smaller base with BASE=, or SET="evaluate.quantization=nf4" where it is evaluated'
    )
