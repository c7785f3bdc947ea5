"""Exported files answer like the PEFT model in the real engine, and a file that is subtly wrong is caught."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import PeftModel
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer
from transformers import AutoModelForCausalLM

from tests.export.bundles import CODE, tokens_of
from tests.export.checkpoints import ARCHITECTURES, tiny_adapter, tiny_checkpoint
from tuner.export import parity
from tuner.export.gguf_base import write_gguf
from tuner.export.gguf_lora import write_gguf_lora
from tuner.export.weights import read_json, read_lora
from tuner.models import load_judge
from tuner.recipe import ExportSettings
from tuner.records import Base

LIMITS = ExportSettings()
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}


@dataclass
class Exported:
    """A tiny model with its adapter, its GGUF files, and what PyTorch answers."""

    folder: Path
    prompts: list[list[int]]
    base_answers: np.ndarray
    tuned_answers: np.ndarray

    @property
    def base(self) -> Path:
        return self.folder / "base"

    @property
    def adapter(self) -> Path:
        return self.folder / "adapter"

    def ask(
        self, model: Path, adapter: Path | None, texts: list[str] | None = None
    ) -> tuple[np.ndarray, list[list[int]]]:
        questions = parity.Questions(self.prompts, texts or [], [], self.tuned_answers.shape[1])
        answers = parity.engine_answers(model, adapter, questions, 1, self.folder / "engine.log")
        return answers.rows, answers.tokens

    def finding(self, adapter: Path) -> parity.Finding:
        """Convert an adapter folder, run it on the GGUF base, and judge it against the true one."""
        out = self.folder / f"{adapter.name}.gguf"
        write_gguf_lora(adapter, read_json(self.base / "config.json"), out)
        answers, _ = self.ask(self.folder / "base.gguf", out)
        return parity.judge(self.tuned_answers, answers, "f32", LIMITS, tokens_equal=True)


def export(
    folder: Path, architecture: str, prompts: int, short: bool = True, config: dict[str, Any] | None = None, **lora: Any
) -> Exported:
    base = tiny_checkpoint(folder / "base", architecture, short=short, **(config or {}))
    adapter = tiny_adapter(folder / "adapter", base, **lora)
    ids = tokens_of(base)
    chosen = [ids[:60], ids[:24]][:prompts]
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).eval()
    base_answers = parity.answers_of(model, chosen)
    tuned_answers = parity.answers_of(PeftModel.from_pretrained(model, adapter).eval(), chosen)
    write_gguf(base, folder / "base.gguf", "f32", "tiny")
    return Exported(folder, chosen, base_answers, tuned_answers)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    return export(tmp_path_factory.mktemp("llama"), "llama", prompts=2, use_rslora=True)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_base_with_adapter_answers_like_peft_and_splits_text_alike(tmp_path: Path, architecture: str) -> None:
    short = architecture == "qwen3"  # its tokenizer is that of qwen2, which is here as a whole
    model = export(tmp_path, architecture, prompts=1, short=short)
    effect, _ = parity.difference(model.base_answers, model.tuned_answers)
    assert effect > 10 * LIMITS.max_logit_difference  # else the limits would mean nothing

    write_gguf_lora(model.adapter, read_json(model.base / "config.json"), tmp_path / "adapter.gguf")
    texts = [
        Path(parity.__file__).read_text(encoding="utf-8"),
        CODE,
        "\t\tx  =  1\r\n\n\n  y='a'  \n",
        "<|im_end|>a <｜fim▁hole｜> 007",
    ]
    answers, tokens = model.ask(tmp_path / "base.gguf", tmp_path / "adapter.gguf", texts)
    largest, divergence = parity.difference(model.tuned_answers, answers)
    assert largest < 0.01
    assert divergence < 1e-5
    tokenizer = Tokenizer.from_file(str(model.base / "tokenizer.json"))
    assert tokens == [tokenizer.encode(text).ids for text in texts]


def test_base_and_merged_alone_answer_like_torch(llama: Exported) -> None:
    answers, _ = llama.ask(llama.folder / "base.gguf", None)
    assert parity.judge(llama.base_answers, answers, "f32", LIMITS, tokens_equal=True).passed
    merged = llama.folder / "merged.gguf"
    write_gguf(llama.base, merged, "f16", "tiny", read_lora(llama.adapter))
    answers, _ = llama.ask(merged, None)
    assert parity.judge(llama.tuned_answers, answers, "f16", LIMITS, tokens_equal=True).passed
    assert not parity.judge(llama.base_answers, answers, "f16", LIMITS, tokens_equal=True).passed


def test_ranks_and_alphas_that_differ_by_layer_are_kept(tmp_path: Path) -> None:
    patterns = {
        "rank_pattern": {"q_proj": 4, "layers.1.mlp.up_proj": 2},
        "alpha_pattern": {"down_proj": 64, "^.*k_proj": 3},
    }
    model = export(tmp_path, "llama", prompts=1, **patterns)
    assert model.finding(model.adapter).passed


def test_llama3_rope_and_attention_biases_are_kept(tmp_path: Path) -> None:
    model = export(tmp_path, "llama", prompts=1, config={"rope_parameters": LLAMA3, "attention_bias": True})
    assert model.finding(model.adapter).passed


def test_weights_of_fewer_bits_are_reported_and_not_judged(llama: Exported) -> None:
    differences = []
    for number_format in ("q8_0", "q4_k_m"):
        file = llama.folder / f"{number_format}.gguf"
        write_gguf(llama.base, file, number_format, "tiny")
        answers, _ = llama.ask(file, None)
        finding = parity.judge(llama.base_answers, answers, number_format, LIMITS, tokens_equal=True)
        assert finding.passed is None
        assert finding.note == f"{number_format} rounds every weight: reported, not judged"
        differences.append(finding.max_abs_difference)
    assert 0 < differences[0] < differences[1] < 5  # fewer bits, farther off


def unpermuted(weights: dict[str, np.ndarray]) -> None:
    for name, rows in weights.items():
        heads = {"q_proj": 4, "k_proj": 2}.get(name.split(".")[-3])
        if heads and "lora_B" in name:
            halves = rows.reshape(heads, -1, 2, rows.shape[1]).swapaxes(1, 2)
            weights[name] = np.ascontiguousarray(halves.reshape(rows.shape))


def swapped_layers(weights: dict[str, np.ndarray]) -> None:
    for name in [each for each in weights if ".layers.0." in each]:
        other = name.replace(".layers.0.", ".layers.1.")
        weights[name], weights[other] = weights[other], weights[name]


def swapped_halves(weights: dict[str, np.ndarray]) -> None:
    """B in A's place and A in B's, on the square matrices, where every shape still fits."""
    for name in [each for each in weights if "lora_A" in each and ("q_proj" in each or "o_proj" in each)]:
        partner = name.replace("lora_A", "lora_B")
        a, b = weights[name], weights[partner]
        weights[name], weights[partner] = np.ascontiguousarray(b.T), np.ascontiguousarray(a.T)


def dropped_layer(weights: dict[str, np.ndarray]) -> None:
    for name in [each for each in weights if ".layers.0." in each]:
        del weights[name]


def zeroed_layer(weights: dict[str, np.ndarray]) -> None:
    for name in weights:
        if ".layers.1.mlp" in name and "lora_B" in name:
            weights[name] = np.zeros_like(weights[name])


@pytest.mark.parametrize("fault", [None, unpermuted, swapped_layers, swapped_halves, dropped_layer, zeroed_layer])
def test_a_faulty_adapter_is_caught_and_the_true_one_is_not(llama: Exported, fault: Any) -> None:
    faulty = llama.folder / (fault.__name__ if fault else "true")
    shutil.copytree(llama.adapter, faulty)
    weights = load_file(faulty / "adapter_model.safetensors")
    if fault:
        fault(weights)
    save_file(weights, faulty / "adapter_model.safetensors")
    finding = llama.finding(faulty)
    assert finding.passed is (fault is None), finding


def test_a_scale_without_the_root_of_rslora_is_caught(llama: Exported) -> None:
    faulty = llama.folder / "unscaled"
    shutil.copytree(llama.adapter, faulty)
    config = json.loads((faulty / "adapter_config.json").read_text())
    (faulty / "adapter_config.json").write_text(json.dumps(config | {"use_rslora": False}))
    assert llama.finding(faulty).passed is False


def test_other_tokens_for_the_same_text_fail_even_with_equal_answers() -> None:
    row = np.log(np.full((1, 4), 0.25))
    assert parity.judge(row, row, "f16", LIMITS, tokens_equal=True).passed is True
    assert parity.judge(row, row, "f16", LIMITS, tokens_equal=False).passed is False
    assert parity.judge(row, np.full((1, 4), np.nan), "f16", LIMITS, tokens_equal=True).passed is False


def test_a_folder_in_bfloat16_is_excused_for_rounding_and_not_for_more() -> None:
    rows = np.log(np.array([[0.5, 0.3, 0.2]]))
    for shift, passed in ((0.001, True), (0.2, None), (0.9, False)):
        settings = ExportSettings(max_mean_kl=1.0)
        found = rows + np.array([[0.0, 0.0, shift]])
        assert parity.judge_bfloat16(rows, found, settings).passed is passed


def test_the_reference_is_computed_beside_a_gpu_and_not_on_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def card() -> torch.device:
        raise AssertionError("the card was asked for")

    base = Base("tiny", str(tiny_checkpoint(tmp_path / "base", "llama")), "1" * 40, "prefix_only")
    monkeypatch.setattr("tuner.models.device", card)  # its memory was sized for 16 bits or four
    assert parity.torch_answers(base, None, [[5, 6, 7]]).shape[0] == 1
    with pytest.raises(AssertionError, match="the card was asked for"):
        load_judge(base, None, "none")
