"""Each API is asked in its own form, `extra` is merged in, and what comes back is read strictly."""

from __future__ import annotations

from typing import Any

import pytest

from tests.evaluate.endpoints.servers import NEIGHBOURS, item, settings, usage
from tuner.errors import RecipeError
from tuner.evaluate.endpoints.failures import Failed
from tuner.evaluate.endpoints.prompts import shown
from tuner.evaluate.endpoints.protocols import Answered, body_of, read_answer, token_limit

ITEM = item()
COMMENTED = (
    "# Compare this snippet from shop/tank.py:\n# def tank_volume(spec):\n#     return spec.width\n"
    "# Path: shop/counter.py\n" + ITEM.prefix
)
ASKED = {"model": "coder", "max_tokens": 64, "temperature": 0}


def body(protocol: str, suffix: str = ITEM.suffix, **fields: Any) -> dict[str, Any]:
    asked = item(suffix=suffix)
    return body_of(settings("http://127.0.0.1:1", protocol, **fields), asked, shown(asked, NEIGHBOURS, 6000))


@pytest.mark.parametrize(
    ("protocol", "limit"),
    [
        ("openai_chat", "max_tokens"),
        ("openai_completions", "max_tokens"),
        ("deepseek_fim", "max_tokens"),
        ("mistral_fim", "max_tokens"),
        ("llama_infill", "n_predict"),
        ("ollama", "num_predict"),
    ],
)
def test_a_body_has_room_for_several_lines_and_no_stop(protocol: str, limit: str) -> None:
    asked = item(kind="body", prefix="def count(self):\n    ", target="n = self.n\n    return n")
    endpoint = settings("http://127.0.0.1:1", protocol, max_new_tokens_block=99)
    made = body_of(endpoint, asked, shown(asked, NEIGHBOURS, 6000))
    fields = made.get("options", made)
    assert fields[limit] == token_limit(made, "x") == 99
    assert "stop" not in made and "stop" not in fields
    if protocol == "openai_chat":
        assert "up to the end of the function that it stands in, indented" in made["messages"][0]["content"]


def answered(protocol: Any, **fields: Any) -> Answered:
    return read_answer(protocol, fields)


def failed(protocol: Any, **fields: Any) -> tuple[str, str]:
    with pytest.raises(Failed) as caught:
        read_answer(protocol, fields)
    return caught.value.void, caught.value.words


def test_chat_is_one_message_without_a_stop_that_a_fence_would_meet() -> None:
    asked = body("openai_chat")
    message = asked.pop("messages")
    assert asked == ASKED
    assert [each["role"] for each in message] == ["user"]
    assert "return <CURSOR/>\n\nprint(count)" in message[0]["content"]


@pytest.mark.parametrize(
    ("protocol", "fields", "question"),
    [
        ("openai_completions", {}, {"prompt": COMMENTED.rstrip(" ")}),
        ("openai_completions", {"infilling": "suffix"}, {"prompt": COMMENTED, "suffix": ITEM.suffix}),
        ("deepseek_fim", {}, {"prompt": COMMENTED, "suffix": ITEM.suffix}),
        ("mistral_fim", {}, {"prompt": COMMENTED, "suffix": ITEM.suffix}),
    ],
)
def test_completions_stop_at_the_end_of_the_line(
    protocol: str, fields: dict[str, Any], question: dict[str, Any]
) -> None:
    assert body(protocol, **fields) == {**ASKED, **question, "stop": ["\n"]}


def test_a_familys_tokens_are_written_into_the_prompt() -> None:
    prompt = body("openai_completions", infilling="qwen")["prompt"]
    assert prompt.startswith("<|repo_name|>shop\n<|file_sep|>shop/tank.py\n")
    assert prompt.endswith("return <|fim_suffix|>\n\nprint(count)\n<|fim_middle|>")
    assert body("openai_completions", infilling="deepseek")["prompt"].startswith("<｜fim▁begin｜>#shop/tank.py\n")


def test_llama_cpp_gets_the_other_files_as_such() -> None:
    assert body("llama_infill") == {
        "model": "coder",
        "input_prefix": ITEM.prefix,
        "input_suffix": ITEM.suffix,
        "input_extra": [{"filename": "shop/tank.py", "text": NEIGHBOURS[0].text}],
        "prompt": "",
        "n_predict": 64,
        "temperature": 0,
        "stop": ["\n"],
        "cache_prompt": False,
        "stream": False,
    }


def test_ollama_gets_a_context_that_holds_the_prompt() -> None:
    assert body("ollama") == {
        "model": "coder",
        "prompt": COMMENTED,
        "suffix": ITEM.suffix,
        "stream": False,
        "options": {"temperature": 0, "num_predict": 64, "num_ctx": 3320, "stop": ["\n"]},
    }


@pytest.mark.parametrize("protocol", ["deepseek_fim", "mistral_fim", "ollama"])
def test_an_empty_suffix_is_the_end_of_a_file_and_not_another_kind_of_question(protocol: str) -> None:
    assert body(protocol, suffix="")["suffix"] == "\n"
    assert body("llama_infill", suffix="")["input_suffix"] == "\n"


def test_extra_is_merged_field_by_field_and_null_takes_a_field_out() -> None:
    extra = {"options": {"num_ctx": 8192, "stop": None}, "keep_alive": "5m"}
    asked = body("ollama", extra=extra)
    assert asked["options"] == {"temperature": 0, "num_predict": 64, "num_ctx": 8192}
    assert asked["keep_alive"] == "5m"
    asked = body("openai_chat", extra={"temperature": None, "max_tokens": None, "max_completion_tokens": 400})
    assert {name for name in asked if name != "messages"} == {"model", "max_completion_tokens"}


def test_the_limit_of_tokens_is_found_wherever_it_stands() -> None:
    assert token_limit(body("openai_chat"), "x") == 64
    assert token_limit(body("ollama"), "x") == 64
    assert token_limit(body("llama_infill", max_new_tokens=8), "x") == 8
    assert token_limit(body("openai_chat", extra={"max_completion_tokens": 4000}), "x") == 4000


@pytest.mark.parametrize("extra", [{"max_tokens": None}, {"max_tokens": -1}, {"max_tokens": "many"}])
def test_a_request_without_a_limit_of_tokens_is_refused(extra: dict[str, Any]) -> None:
    with pytest.raises(RecipeError) as caught:
        token_limit(body("openai_chat", extra=extra), "compare.endpoints.gpt")
    assert caught.value.message == "compare.endpoints.gpt.extra: it leaves the request without a limit of tokens"
    assert caught.value.hint == (
        "put one there, such as max_completion_tokens, or leave max_tokens to compare.endpoints.gpt.max_new_tokens"
    )


@pytest.mark.parametrize(
    ("protocol", "fields"),
    [
        ("openai_chat", {"choices": [{"message": {"content": "x"}}], "usage": usage(), "model": "m"}),
        ("openai_chat", {"choices": [{"message": {"content": [{"text": "x"}]}}], "usage": usage(), "model": "m"}),
        ("mistral_fim", {"choices": [{"message": {"content": "x"}}], "usage": usage(), "model": "m"}),
        ("openai_completions", {"choices": [{"text": "x"}], "usage": usage(), "model": "m"}),
        ("deepseek_fim", {"choices": [{"text": "x"}], "usage": usage(), "model": "m"}),
        ("llama_infill", {"content": "x", "tokens_evaluated": 20, "tokens_predicted": 5, "model": "m"}),
        ("ollama", {"response": "x", "prompt_eval_count": 20, "eval_count": 5, "model": "m", "done": True}),
    ],
)
def test_text_tokens_and_model_are_read_from_every_protocol(protocol: Any, fields: dict[str, Any]) -> None:
    assert read_answer(protocol, fields) == Answered("x", 20, 5, "m")


def test_tokens_that_are_not_counted_are_not_guessed() -> None:
    assert answered("ollama", response="x") == Answered("x", None, None, None)
    odd = {"prompt_tokens": -1, "completion_tokens": True}
    assert answered("openai_completions", choices=[{"text": "x"}], usage=odd) == Answered("x", None, None, None)


def test_an_empty_completion_is_an_answer() -> None:
    assert answered("ollama", response="").raw == ""
    assert answered("openai_chat", choices=[{"message": {"content": ""}}]) == Answered("", None, None, None)


@pytest.mark.parametrize(
    ("message", "finish", "why"),
    [
        ({"content": None, "refusal": "I cannot"}, "stop", "refused"),
        ({"content": "", "reasoning": "The cursor"}, "stop", "only_reasoning"),
        ({"content": "", "reasoning_content": "The cursor"}, "stop", "only_reasoning"),
        ({"content": ""}, "length", "only_reasoning"),
        ({"content": ""}, "stop", None),
    ],
)
def test_why_a_chat_model_gave_no_text_is_told(message: dict[str, Any], finish: str, why: str | None) -> None:
    assert answered("openai_chat", choices=[{"message": message, "finish_reason": finish}]).without_text == why


def test_what_holds_no_text_is_no_answer() -> None:
    nothing = ("protocol", "answered without any choice")
    assert failed("openai_chat", choices=[]) == nothing
    assert failed("mistral_fim") == nothing
    assert failed("openai_chat", choices=[{}]) == ("protocol", "answered with a choice that has no message")
    missing = "answered without the text that `{}` should hold"
    assert failed("openai_completions", choices=[{"text": None}]) == ("protocol", missing.format("text"))
    assert failed("llama_infill", response="x") == ("protocol", missing.format("content"))
    assert failed("ollama", content="x") == ("protocol", missing.format("response"))


def test_a_filter_of_the_vendors_is_no_answer_of_the_model() -> None:
    choice = {"text": "x", "finish_reason": "content_filter"}
    assert failed("openai_completions", choices=[choice]) == ("protocol", "held the answer back by a content filter")
    assert failed("openai_chat", choices=[{"finish_reason": "error"}])[0] == "server"
