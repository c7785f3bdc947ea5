"""The stage writes every artefact, says how far each is from the evaluated model, and goes on after a failure."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.export.bundles import tiny_bundle
from tuner.errors import ExportError
from tuner.export import stage
from tuner.export.cards import Cards
from tuner.progress import Progress
from tuner.recipe import ExportSettings
from tuner.records import Adapter, Artefact, Base, sha256_file
from tuner.rundir import Workspace


def test_every_artefact_is_written_checked_and_explained(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    _, bundle = tiny_bundle(tmp_path, "llama", r=20)
    found = {each.name: each for each in bundle.artefacts}
    assert list(found) == ["peft", "base-gguf", "adapter-gguf", "merged", "merged-gguf"]
    assert {name: each.passed for name, each in found.items()} == {
        "peft": None,
        "base-gguf": True,
        "adapter-gguf": True,
        "merged": True,
        "merged-gguf": True,
    }
    assert bundle.skipped == {}
    for each in bundle.artefacts:
        assert (tmp_path / each.path).exists()
    adapter = found["adapter-gguf"]
    assert adapter.path == "export/gguf/adapter-f32.gguf"
    assert adapter.sha256 == sha256_file(tmp_path / adapter.path)
    assert bundle.metrics["export.parity.adapter-gguf.max_abs_difference"] == adapter.max_abs_difference
    assert bundle.metrics["export.parity.effect_of_tuning"] > 0.5

    report = json.loads((tmp_path / "export/parity.json").read_text())
    assert report["artefacts"]["base-gguf"]["passed"] is True
    readme = (tmp_path / "export/README.md").read_text()
    assert "--enable-lora --max-lora-rank 32 --lora-modules tuned=peft" in readme
    assert "llama-server -m gguf/base-f16.gguf --lora gguf/adapter-f32.gguf" in readme
    assert str(tmp_path) not in readme
    assert (
        (tmp_path / "export/ollama/Modelfile")
        .read_text()
        .startswith("FROM ../gguf/base-f16.gguf\nADAPTER ../gguf/adapter-f32.gguf\n")
    )


def test_limits_that_no_file_meets_mark_it_failed_and_the_stage_goes_on(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    _, bundle = tiny_bundle(tmp_path, "llama", ExportSettings(parity_prompts=1, max_logit_difference=1e-9))
    assert {each.name: each.passed for each in bundle.artefacts}["adapter-gguf"] is False
    assert "FAILED: do not use" in (tmp_path / "export/README.md").read_text()


def test_a_base_that_gguf_cannot_express_leaves_the_peft_folder_and_the_reason(tmp_path: Path) -> None:
    base, adapter, work = fake_run(tmp_path, "DeepseekV2ForCausalLM")
    bundle = stage.run(base, adapter, [[1, 2]], ExportSettings(), work)
    assert [each.name for each in bundle.artefacts] == ["peft"]
    assert "llama.cpp drops LoRA on latent attention" in bundle.skipped["gguf"]
    assert "Not exported: gguf" in (tmp_path / "out/export/README.md").read_text()


def test_an_adapter_of_another_revision_and_a_run_without_prompts_are_refused(tmp_path: Path) -> None:
    base, adapter, work = fake_run(tmp_path, "LlamaForCausalLM")
    with pytest.raises(ExportError, match="there is no prompt to compare answers on"):
        stage.run(base, adapter, [[]], ExportSettings(), work)
    with pytest.raises(ExportError, match="trained on base revision r1, this base is r2"):
        stage.run(Base("b", base.path, "r2", "qwen"), adapter, [[1]], ExportSettings(), work)
    assert not (tmp_path / "out/export").exists()


def test_ollama_learns_how_the_family_writes_infilling() -> None:
    artefact = Artefact("peft", "export/peft", "peft", "", None, None, None)
    text = Cards(Base("b", "/b", "r", "qwen"), {"r": 8}, [artefact], {}, None).modelfile(
        "../gguf/merged-f16.gguf", None
    )
    assert "{{ if .Suffix }}<|fim_prefix|>{{ .Prompt }}<|fim_suffix|>{{ .Suffix }}<|fim_middle|>{{ else }}" in text
    assert "ADAPTER" not in text
    assert 'PARAMETER stop "<|endoftext|>"' in text


def test_importing_the_stage_loads_no_torch() -> None:
    code = "import sys, tuner.export.stage, tuner.serve.stage; sys.exit(not sys.modules.keys().isdisjoint(sys.argv))"
    assert subprocess.run([sys.executable, "-c", code, "torch", "transformers", "xllamacpp"]).returncode == 0


def fake_run(folder: Path, architecture: str) -> tuple[Base, Adapter, Workspace]:
    for name in ("base", "adapter", "out", "scratch"):
        (folder / name).mkdir()
    (folder / "base/config.json").write_text(json.dumps({"architectures": [architecture]}))
    (folder / "adapter/adapter_config.json").write_text(json.dumps({"peft_type": "LORA", "r": 8}))
    work = Workspace(folder, folder / "out", folder / "scratch", Progress())
    return Base("b", str(folder / "base"), "r1", "qwen"), Adapter("adapter", "b", "r1", "0", {}), work
