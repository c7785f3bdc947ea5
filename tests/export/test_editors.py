"""Each editor gets settings that its own parser reads, with this base's template and never one chosen by a name."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tuner.errors import ExportError
from tuner.export.editors import EDITORS, Served, write_editor
from tuner.export.infill_templates import form_named, infill_template, ollama_template
from tuner.fim_forms import FORMS

URL = "http://127.0.0.1:8012"
MODEL = 'it\'s "7b"'  # a name that every language has to quote
QWEN = "<|fim_prefix|>BEFORE<|fim_suffix|>AFTER<|fim_middle|>"
KEY = "TUNER_KEY"


def served(form: str = "qwen", model: str = "shop-1a2b", key_name: str | None = None) -> Served:
    return Served(model, URL, form, context_tokens=4096, max_new_tokens=48, key_name=key_name)


def settings(folder: Path, editor: str, name: str, **given: Any) -> Any:
    """Write an editor's files and parse one of them."""
    write_editor(editor, served(**given), folder)
    text = (folder / name).read_text(encoding="utf-8")
    if name.endswith(".json"):
        return json.loads(text)
    return yaml.safe_load(text) if name.endswith(".yaml") else tomllib.loads(text)


@pytest.mark.parametrize("form", [form.name for form in FORMS])
@pytest.mark.parametrize("editor", EDITORS)
def test_every_editor_gets_a_page_and_settings_that_name_the_server(tmp_path: Path, editor: str, form: str) -> None:
    page, *files = write_editor(editor, served(form), tmp_path)
    assert page.name == "README.md"
    assert "tuner serve" in page.read_text() and "1. " in page.read_text()
    assert files
    for path in files:
        text = path.read_text(encoding="utf-8")
        assert URL in text and text.endswith("\n")
        assert not re.search(r"<[<%#]|[>%#]>(?!\|)", text.replace("<|", "").replace("|>", ""))  # no sign is left over
        if path.suffix == ".json":
            json.loads(text)
        elif path.suffix == ".toml":
            tomllib.loads(text)
        elif path.suffix == ".yaml":
            yaml.safe_load(text)


def test_continue_sends_both_texts_apart_and_has_a_template_all_the_same(tmp_path: Path) -> None:
    models = settings(tmp_path, "continue", "config.yaml", model=MODEL.replace('"', ""))["models"]
    complete = next(model for model in models if model["roles"] == ["autocomplete"])
    assert (complete["provider"], complete["apiBase"]) == ("mistral", f"{URL}/v1/")  # POST /v1/fim/completions
    assert complete["promptTemplates"]["autocomplete"] == "{{{prefix}}}"
    rendered = settings(tmp_path, "continue", "config-template.yaml")["models"][0]
    template = rendered["promptTemplates"]["autocomplete"]
    assert template.replace("{{{prefix}}}", "BEFORE").replace("{{{suffix}}}", "AFTER") == QWEN
    assert rendered["defaultCompletionOptions"]["stop"] == list(form_named("qwen").stops)


def test_zed_gets_a_protocol_without_templates_and_a_named_format_beside_it(tmp_path: Path) -> None:
    found = settings(tmp_path, "zed", "settings.json", model=MODEL)["edit_predictions"]
    assert found == {"provider": "codestral", "codestral": {"api_url": URL, "model": MODEL, "max_tokens": 48}}
    named = settings(tmp_path, "zed", "settings-template.json", form="deepseek")["edit_predictions"]
    assert named["open_ai_compatible_api"]["prompt_format"] == "deepseek_coder"  # and not "infer"
    write_editor("zed", served("prefix_only"), tmp_path)
    assert not (tmp_path / "settings-template.json").exists()  # what another base left there is gone too


def test_llama_vscode_keeps_the_adapter_at_full_strength(tmp_path: Path) -> None:
    found = settings(tmp_path, "llama.vscode", "settings.json", model=MODEL)
    assert found["llama-vscode.endpoint"] == URL
    assert found["llama-vscode.lora_completion"] == ""  # anything else makes it send scale 0.5
    template = found["llama-vscode.openai_prompt_template"]
    assert template.replace("{inputPrefix}{prompt}", "BEFORE").replace("{inputSuffix}", "AFTER") == QWEN


def test_tabby_and_proxyai_ask_our_server(tmp_path: Path) -> None:
    assert settings(tmp_path, "tabby", "config.toml")["server"] == {"endpoint": URL, "token": ""}
    body = settings(tmp_path, "jetbrains", "proxyai.json", model=MODEL)["body"]
    assert (body["model"], body["prompt"], body["suffix"]) == (MODEL, "$PREFIX", "$SUFFIX")


def test_minuet_sends_the_code_and_nothing_before_it(tmp_path: Path) -> None:
    write_editor("neovim", served(model=MODEL), tmp_path)
    lua = (tmp_path / "minuet.lua").read_text()
    assert 'model = "it\'s \\"7b\\""' in lua
    assert re.search(r"prompt = function\(before, _, _\)\s+return before\s+end", lua)
    assert lua.count("{") == lua.count("}") and lua.count("(") == lua.count(")")
    write_editor("emacs", served(model=MODEL), tmp_path)
    lisp = (tmp_path / "minuet.el").read_text()
    code = re.sub(r'"(?:\\.|[^"\\])*"|;.*', "", lisp)
    assert code.count("(") == code.count(")")
    assert ':model "it\'s \\"7b\\"")' in lisp


@pytest.mark.skipif(shutil.which("vim") is None, reason="vim is not installed")
def test_vim_reads_its_settings(tmp_path: Path) -> None:
    write_editor("llama.vim", served(model=MODEL), tmp_path)
    script = f"call writefile([json_encode(g:llama_config)], '{tmp_path}/out.json')"
    command = ["vim", "-N", "-es", "-u", "NONE", "-S", tmp_path / "llama.vim", "-c", script, "-c", "qa!"]
    subprocess.run(command, check=True, timeout=20)
    found = json.loads((tmp_path / "out.json").read_text())
    assert (found["endpoint_fim"], found["model_fim"], found["api_key"]) == (f"{URL}/infill", MODEL, "")


@pytest.mark.parametrize("editor", EDITORS)
def test_a_servers_key_is_named_and_never_written(tmp_path: Path, editor: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY, "s3cret-value")
    texts = [path.read_text(encoding="utf-8") for path in write_editor(editor, served(key_name=KEY), tmp_path)]
    assert not any("s3cret-value" in text for text in texts)
    named = {"jetbrains": "CUSTOM_SERVICE_API_KEY"}.get(editor, KEY)
    assert any(named in text for text in texts)


def test_an_unknown_editor_is_refused_with_those_that_are_known(tmp_path: Path) -> None:
    with pytest.raises(
        ExportError, match=r"--editor notepad: wanted one of continue, llama\.vscode, llama\.vim, tabby"
    ):
        write_editor("notepad", served(), tmp_path)


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        ("qwen", "<|fim_prefix|>{{ .Prompt }}<|fim_suffix|>{{ .Suffix }}<|fim_middle|>"),
        ("deepseek", "<｜fim▁begin｜>{{ .Prompt }}<｜fim▁hole｜>{{ .Suffix }}<｜fim▁end｜>"),
        ("prefix_only", "{{ .Prompt }}"),
        (
            "glm",
            "<|user|>\n###PATH:\n###LANGUAGE:\n###MODE:BLOCK\n<|code_suffix|>{{ .Suffix }}"
            "<|code_prefix|>{{ .Prompt }}<|code_middle|><|assistant|>\n",
        ),
    ],
)
def test_ollama_infills_in_the_form_of_the_family(form: str, wanted: str) -> None:
    template = ollama_template(form_named(form))
    assert template.startswith("{{ if .Suffix }}" + wanted + "{{ else }}")
    assert template.endswith("{{ end }}")
    assert template.count("{{ if") + template.count("{{ range") == template.count("{{ end }}")
    assert infill_template(form_named(form), "{{ .Prompt }}", "{{ .Suffix }}") == wanted
