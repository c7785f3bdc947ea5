"""Every wrong BASE= is refused in one line, before torch is imported and before anything is mined."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from tests.train.examples import small_base
from tuner import bases
from tuner.errors import MachineError, TunerError

FAMILIES = "choose a Qwen2.5-Coder, Qwen3, DeepSeek-Coder or SmolLM2 base"
AGAIN = "copy or download the base again"
HOLDS = "a base folder holds config.json, tokenizer.json and *.safetensors"
UNLOADED = "other weight formats can run code and are not loaded; save the base with `save_pretrained`"


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_base(tmp_path_factory.mktemp("checkpoint") / "base")


@pytest.fixture
def copy(original: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(original, tmp_path / "base"))


def refusal(name: object, cache: Path) -> tuple[str, str | None]:
    """Resolve a wrong base; return the message without its `BASE=...: `, and the hint."""
    with pytest.raises(TunerError) as caught:
        bases.resolve(str(name), cache)
    assert "\n" not in caught.value.message
    assert caught.value.exit_status == 2
    assert caught.value.message.startswith(f"BASE={name}: ")
    return caught.value.message.removeprefix(f"BASE={name}: "), caught.value.hint


def edit_config(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize("missing", ["config.json", "tokenizer.json"])
def test_a_folder_that_lacks_a_file(missing: str, copy: Path, tmp_path: Path) -> None:
    (copy / missing).unlink()
    assert refusal(copy, tmp_path) == (f"{copy} has no {missing}", HOLDS)


def test_weights_that_are_pickles_or_absent(copy: Path, tmp_path: Path) -> None:
    (copy / "model.safetensors").unlink()
    assert refusal(copy, tmp_path) == (f"{copy} has no *.safetensors", UNLOADED)
    (copy / "pytorch_model.bin").write_bytes(b"\x80\x04N.")
    assert refusal(copy, tmp_path) == (f"{copy} has no *.safetensors, only pytorch_model.bin", UNLOADED)


def test_weights_that_were_cut_short(copy: Path, tmp_path: Path) -> None:
    path = copy / "model.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    size = len(whole)
    assert refusal(copy, tmp_path) == (f"{path} is damaged: it has {size - 7} bytes, wanted {size}", AGAIN)
    for content in (b"", whole[:20], b"\xff" * 4096, (2).to_bytes(8, "little") + b"{}"):
        path.write_bytes(content)
        assert refusal(copy, tmp_path) == (f"{path} is damaged: it has no safetensors header", AGAIN)


def test_a_shard_that_is_missing(copy: Path, tmp_path: Path) -> None:
    index = {"weight_map": {"a": "model.safetensors", "b": "model-00002-of-00002.safetensors"}}
    (copy / "model.safetensors.index.json").write_text(json.dumps(index))
    assert refusal(copy, tmp_path) == (
        f"{copy} lacks model-00002-of-00002.safetensors, which model.safetensors.index.json names",
        AGAIN,
    )


def test_files_that_are_not_json(copy: Path, tmp_path: Path) -> None:
    config = (copy / "config.json").read_text()
    (copy / "config.json").write_text(config[:-3])
    message, hint = refusal(copy, tmp_path)
    assert message.startswith(f"{copy}/config.json is not JSON: Expecting") and hint == AGAIN
    (copy / "config.json").write_text("[]")
    assert refusal(copy, tmp_path) == (f"{copy}/config.json is not a JSON object", AGAIN)
    (copy / "config.json").write_text(config)
    (copy / "tokenizer.json").write_text('{"model"')
    assert refusal(copy, tmp_path)[0].startswith("tokenizer.json: cannot be loaded: EOF while parsing")


def test_an_architecture_that_transformers_does_not_know(copy: Path, tmp_path: Path) -> None:
    edit_config(copy, model_type="fancynet")
    message = f"config.json says model_type 'fancynet', which transformers {version('transformers')} does not know"
    assert refusal(copy, tmp_path) == (message, FAMILIES)


def test_config_tokenizer_and_weights_of_different_models(copy: Path, tmp_path: Path) -> None:
    tokenizer = Tokenizer.from_file(str(copy / "tokenizer.json"))
    rows = tokenizer.get_vocab_size()
    tokenizer.add_tokens(["one_more"])
    tokenizer.save(str(copy / "tokenizer.json"))
    assert refusal(copy, tmp_path) == (
        f"the tokenizer has token {rows}, the embedding only {rows} rows",
        "the tokenizer belongs to another model",
    )
    edit_config(copy, vocab_size=100)
    assert refusal(copy, tmp_path) == (
        f"config.json says vocab_size 100, the embedding has {rows} rows",
        "the weights belong to another model",
    )


def test_a_base_without_a_known_infilling_form(copy: Path, tmp_path: Path) -> None:
    text = (copy / "tokenizer.json").read_text()
    (copy / "tokenizer.json").write_text(text.replace("<file_sep>", "<other_sep>"))
    assert bases.resolve(str(copy), tmp_path).fim_form == "plain"
    (copy / "tokenizer.json").write_text(text.replace("<|endoftext|>", "<other_end>"))
    known = "qwen, r1_qwen, deepseek, glm, prefix_only, plain_glm, plain_deepseek, plain_llama, plain"
    assert refusal(copy, tmp_path) == (
        f"no known infilling form, its vocabulary holds the control tokens of none of: {known}",
        FAMILIES,
    )


def test_names_that_are_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    give = "give a GGUF file, a folder, or a hub id such as Qwen/Qwen2.5-Coder-1.5B"
    assert refusal("models/x.gguf", tmp_path) == ("no such file", give)
    for name in ("qwen", "a/b/c", "./here/x"):
        assert refusal(name, tmp_path) == (
            "no such file or folder, and not a hub id",
            "give a GGUF file, a folder, a hub id such as Qwen/Qwen2.5-Coder-1.5B, or smollm2-135m-instruct",
        )


def test_files_that_are_no_whole_gguf(tmp_path: Path) -> None:
    path = tmp_path / "x.gguf"
    path.write_bytes(b"<html>")
    assert refusal(path, tmp_path) == (
        "not a GGUF file, it does not begin with GGUF",
        "give a GGUF file, a folder or a hub id",
    )
    with bases.embedded_gguf().open("rb") as stream:
        path.write_bytes(stream.read(1_000_000))
    message, hint = refusal(path, tmp_path)
    assert message.startswith("cannot be loaded: ")
    assert hint == "is it whole, and of an architecture that transformers knows?"
    assert not [each for each in (tmp_path / "bases").iterdir() if each.is_dir()]


def test_a_cache_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError) as caught:
        bases.resolve("smollm2-135m-instruct", tmp_path / "file")
    assert caught.value.message == f"{tmp_path}/file/bases: cannot be written: Not a directory"
    assert caught.value.hint == "set XDG_CACHE_HOME to a folder that can"


def test_a_hub_id_while_offline(tmp_path: Path) -> None:
    assert refusal("acme/nothing", tmp_path) == (
        "not a local file or folder, and the hub did not give it: "
        "HF_HUB_OFFLINE is set, and the hub's cache does not hold it",
        "check the name and the network, or use a local copy; BASE=smollm2-135m-instruct needs neither",
    )
    assert refusal("acme/no--thing", tmp_path)[0].startswith("not a local file or folder, and the hub")


def test_a_hub_id_in_the_hubs_cache_needs_no_network_and_its_faults_are_named(original: Path, tmp_path: Path) -> None:
    stored = tmp_path / "hub/models--acme--small"
    snapshot = stored / "snapshots/0123456789abcdef"
    shutil.copytree(original, snapshot)
    (stored / "refs").mkdir()
    (stored / "refs/main").write_text("0123456789abcdef")
    code = (
        "import sys; from pathlib import Path; from tuner import bases, errors\n"
        "try: print(bases.resolve('acme/small', Path('unused')).revision)\n"
        "except errors.BaseError as error: print(error.message)\n"
        "print('torch' in sys.modules, 'transformers' in sys.modules)\n"
    )

    def resolved() -> list[str]:
        env = {**os.environ, "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"}
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=True)
        return done.stdout.splitlines()

    assert resolved() == ["0123456789abcdef", "False False"]
    (snapshot / "tokenizer.json").unlink()
    assert resolved() == [f"BASE=acme/small: {snapshot} has no tokenizer.json", "False False"]
