"""The pages of an export say what to type, for what exists and passed, and vLLM's rules are checked before."""

from __future__ import annotations

import json
import subprocess
import tomllib
from pathlib import Path
from typing import Any

from tuner.export.cards import Cards
from tuner.export.parity import Finding
from tuner.records import Artefact, Base

PLAIN: dict[str, Any] = {"peft_type": "LORA", "r": 20, "bias": "none", "target_modules": ["q_proj", "down_proj"]}


def artefact(name: str, file: str, passed: bool | None = True) -> Artefact:
    return Artefact(name, f"export/{file}", f"gguf {file}", "0" * 64, 0.01, 1e-6, passed)


BOTH = [
    artefact("base-gguf", "gguf/base-f16.gguf"),
    artefact("adapter-gguf", "gguf/adapter-f32.gguf"),
    artefact("merged-gguf", "gguf/merged-f16.gguf"),
    artefact("merged-q4_k_m", "gguf/merged-q4_k_m.gguf", None),
]


def written(folder: Path, artefacts: list[Artefact], base: str = "org/Coder-7B", **more: Any) -> dict[str, str]:
    cards = Cards(
        Base(base, "/b", "r", more.get("form", "qwen")),
        "shop-coder-1a2b",
        more.get("adapter", PLAIN),
        artefacts,
        more.get("findings", {}),
        more.get("skipped", {}),
        3.2,
    )
    cards.write(folder)
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_each_engine_has_its_folder_with_the_exact_command(tmp_path: Path) -> None:
    files = written(tmp_path, BOTH)
    assert {name.partition("/")[0] for name in files} == {
        *("README.md", "llama-server", "lm-studio", "ollama", "tabby", "vllm"),
    }
    serve = files["vllm/serve.sh"]
    assert 'vllm serve "${BASE:-org/Coder-7B}" --enable-lora --max-lora-rank 32 --lora-modules tuned=../peft' in serve
    assert "-m ../gguf/base-f16.gguf --lora ../gguf/adapter-f32.gguf --alias tuned" in files["llama-server/serve.sh"]
    assert files["ollama/Modelfile"].startswith(
        "FROM ../gguf/base-f16.gguf\nADAPTER ../gguf/adapter-f32.gguf\nTEMPLATE"
    )
    assert files["ollama/Modelfile.merged"].startswith("FROM ../gguf/merged-f16.gguf\nTEMPLATE")
    assert 'PARAMETER stop "<|fim_pad|>"' in files["ollama/Modelfile"]
    assert "ollama create tuned-merged-q4_k_m -f Modelfile.merged-q4_k_m" in files["ollama/README.md"]
    http = tomllib.loads(files["tabby/config.toml"])["model"]["completion"]["http"]
    assert http["prompt_template"] == "<|fim_prefix|>{prefix}<|fim_suffix|>{suffix}<|fim_middle|>"
    assert json.loads(files["tabby/tabby.json"])["prompt_template"] == http["prompt_template"]
    for name in (each for each in files if each.endswith(".sh")):
        subprocess.run(["sh", "-n", tmp_path / name], check=True)


def test_installing_into_lm_studio_and_tabby_puts_the_file_where_they_look(tmp_path: Path) -> None:
    export, home = tmp_path / "export", tmp_path / "home"
    (export / "gguf").mkdir(parents=True)
    (export / "gguf/merged-f16.gguf").write_bytes(b"GGUF")
    written(export, BOTH)
    for engine in ("lm-studio", "tabby"):
        subprocess.run(["sh", export / engine / "install.sh"], check=True, env={"HOME": str(home)}, capture_output=True)
    assert (home / ".lmstudio/models/tuner/shop-coder-1a2b/merged-f16.gguf").read_bytes() == b"GGUF"
    assert (home / ".tabby/models/tuner/shop-coder-1a2b/ggml/model-00001-of-00001.gguf").read_bytes() == b"GGUF"
    assert (home / ".tabby/models/tuner/shop-coder-1a2b/tabby.json").is_file()


def test_a_failed_file_is_in_no_command_and_its_reason_on_the_first_page(tmp_path: Path) -> None:
    failed = [BOTH[0], artefact("adapter-gguf", "gguf/adapter-f32.gguf", False), *BOTH[2:]]
    findings = {"adapter-gguf": Finding(0.84, 1e-3, 1.0, False, "the difference is over the recipe's limit")}
    files = written(tmp_path, failed, findings=findings)
    assert not any("--lora" in text for name, text in files.items() if name.startswith("llama-server"))
    assert "ollama/Modelfile" not in files
    assert "| FAILED: do not use |" in files["README.md"]
    assert "Warning: adapter-gguf: the difference is over the recipe's limit" in files["README.md"]


def test_a_merged_model_alone_is_served_and_the_missing_adapter_explained(tmp_path: Path) -> None:
    files = written(tmp_path, BOTH[2:], skipped={"adapter-gguf": "llama.cpp drops LoRA on latent attention"})
    assert "llama-server -m ../gguf/merged-f16.gguf --alias tuned" in files["llama-server/serve.sh"]
    assert "There is no Modelfile with an adapter: llama.cpp drops LoRA" in files["ollama/README.md"]
    assert "Not exported: adapter-gguf: llama.cpp drops LoRA on latent attention" in files["README.md"]


def test_a_folder_of_weights_alone_gets_the_page_of_vllm(tmp_path: Path) -> None:
    files = written(tmp_path, [artefact("peft", "peft", None)], base="smollm2-135m-instruct")
    assert set(files) == {"README.md", "vllm/README.md", "vllm/serve.sh"}
    assert "${BASE:?a hub id or the folder of the base}" in files["vllm/serve.sh"]
    assert "`tuner base smollm2-135m-instruct` shows where it lies" in files["vllm/README.md"]


def test_what_vllm_refuses_is_said_with_the_merged_model_in_its_place(tmp_path: Path) -> None:
    files = written(tmp_path, BOTH, adapter=PLAIN | {"use_dora": True})
    assert "- `use_dora` is set: DoRA is not supported" in files["vllm/README.md"]
    assert "exec vllm serve ../merged --served-model-name tuned" in files["vllm/serve.sh"]
