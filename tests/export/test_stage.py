"""The stage writes every artefact, says how far each is from the evaluated model, and goes on after a failure."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.export.bundles import FEW, tiny_bundle
from tuner.errors import ExportError
from tuner.export import stage
from tuner.progress import Progress
from tuner.recipe import ExportSettings
from tuner.records import Adapter, Base, sha256_file
from tuner.rundir import Workspace


def test_every_artefact_is_written_checked_and_explained(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    _, bundle = tiny_bundle(tmp_path, "llama", ExportSettings(parity_prompts=1), r=20)
    found = {each.name: each for each in bundle.artefacts}
    assert {name: each.passed for name, each in found.items()} == {
        "peft": None,
        "base-gguf": True,
        "adapter-gguf": True,
        "base-q8_0": None,
        "base-q4_k_m": None,
        "merged": True,
        "merged-gguf": True,
        "merged-q8_0": None,
        "merged-q4_k_m": None,
    }
    assert bundle.skipped == {}
    for each in bundle.artefacts:
        assert (tmp_path / each.path).exists()
    adapter = found["adapter-gguf"]
    assert adapter.path == "export/gguf/adapter-f32.gguf"
    assert adapter.sha256 == sha256_file(tmp_path / adapter.path)
    assert bundle.metrics["export.parity.adapter-gguf.max_abs_difference"] == adapter.max_abs_difference
    assert bundle.metrics["export.parity.effect_of_tuning"] > 0.5
    sizes = {name: (tmp_path / found[name].path).stat().st_size for name in found if name.startswith("merged-")}
    assert sizes["merged-gguf"] > sizes["merged-q8_0"] >= sizes["merged-q4_k_m"]

    report = json.loads((tmp_path / "export/parity.json").read_text())
    assert report["artefacts"]["base-gguf"]["passed"] is True
    assert report["artefacts"]["merged-q4_k_m"]["note"] == "q4_k_m rounds every weight: reported, not judged"
    readme = (tmp_path / "export/README.md").read_text()
    assert "| `gguf/base-f16.gguf` | f16 | " in readme
    assert str(tmp_path) not in readme


def test_limits_that_no_file_meets_mark_it_failed_and_the_stage_goes_on(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    _, bundle = tiny_bundle(tmp_path, "llama", FEW.model_copy(update={"max_logit_difference": 1e-9}))
    assert {each.name: each.passed for each in bundle.artefacts}["adapter-gguf"] is False
    assert "FAILED: do not use" in (tmp_path / "export/README.md").read_text()


def test_a_base_that_gguf_cannot_express_leaves_the_peft_folder_and_the_reason(tmp_path: Path) -> None:
    base, adapter, work = fake_run(tmp_path, "DeepseekV3ForCausalLM")
    bundle = stage.run(base, adapter, [[1, 2]], ExportSettings(), work)
    assert [each.name for each in bundle.artefacts] == ["peft"]
    assert "it chooses experts by groups and sigmoid scores" in bundle.skipped["gguf"]
    assert "Not exported: gguf" in (tmp_path / "out/export/README.md").read_text()


def test_what_is_trained_on_latent_attention_and_fused_experts_is_served_merged(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    _, bundle = tiny_bundle(tmp_path, "deepseek2", r=4, target_modules="all-linear")
    assert {each.name: each.passed for each in bundle.artefacts} == {
        "peft": None,
        "base-gguf": True,
        "merged": True,
        "merged-gguf": True,
    }
    assert bundle.skipped["adapter-gguf"] == (
        "llama.cpp drops LoRA on latent attention without a word, so that the served model is not the evaluated one; "
        "take the merged model, as a folder or as GGUF"
    )
    assert bundle.metrics["export.parity.effect_of_tuning"] > 0.5  # else the merged file could be the base
    assert not (tmp_path / "export/gguf/adapter-f32.gguf").exists()
    assert "-m ../gguf/merged-f16.gguf" in (tmp_path / "export/llama-server/serve.sh").read_text()


def test_a_large_base_gets_no_second_copies_unless_they_are_asked_for(tmp_path: Path) -> None:
    torch.set_num_threads(1)
    _, bundle = tiny_bundle(tmp_path, "llama", ExportSettings(parity_prompts=1, copies_up_to_billions=0.0001))
    assert [each.name for each in bundle.artefacts] == ["peft", "base-gguf", "adapter-gguf", "merged"]
    assert set(bundle.skipped) == {"merged-gguf", "q8_0", "q4_k_m"}
    assert bundle.skipped["q8_0"] == (
        "the base has 0.0 billion weights, copies are written up to 0.0001; "
        'SET="export.copies_up_to_billions=..." raises it'
    )


def test_an_adapter_of_another_revision_and_a_run_without_prompts_are_refused(tmp_path: Path) -> None:
    base, adapter, work = fake_run(tmp_path, "LlamaForCausalLM")
    with pytest.raises(ExportError, match="there is no prompt to compare answers on"):
        stage.run(base, adapter, [[]], ExportSettings(), work)
    with pytest.raises(ExportError, match="trained on base revision r1, this base is r2"):
        stage.run(Base("b", base.path, "r2", "qwen"), adapter, [[1]], ExportSettings(), work)
    assert not (tmp_path / "out/export").exists()


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
