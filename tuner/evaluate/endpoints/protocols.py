"""Write the body of a request in each API's own form, and read each API's answer.

In: an endpoint's settings and what is shown of an item; later, the JSON that came back. Out: a body; an `Answered` with
the text as it came and the tokens that the API counted. What is no answer is a `Failed`.

    openai_chat         /chat/completions    one message; also OpenRouter, vLLM, LM Studio, llama-server
    openai_completions  /completions         prefix, with suffix or a family's tokens where `infilling` says so
    deepseek_fim        /completions         prefix and suffix, below /beta
    mistral_fim         /fim/completions     prefix and suffix
    llama_infill        /infill              prefix, suffix and other files; llama.cpp
    ollama              /api/generate        prefix and suffix; the model's template must know one

All ask greedily. Asked for a line, all but chat stop at its end; a chat model may begin with a fence, so that its first
line is not its answer. Asked for a body of several lines, none has a stop: where a body ends is seen in the answer, and
`max_new_tokens_block` bounds what that may cost.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tuner.errors import RecipeError
from tuner.evaluate.endpoints.failures import Failed
from tuner.evaluate.endpoints.prompts import Shown, chat_message, commented, cursor_mark, with_tokens
from tuner.fim_forms import DEEPSEEK, QWEN
from tuner.recipe import Endpoint, Protocol
from tuner.records import ONE_LINE_KINDS, Item

PATHS: dict[Protocol, str] = {
    "openai_chat": "/chat/completions",
    "openai_completions": "/completions",
    "deepseek_fim": "/completions",
    "mistral_fim": "/fim/completions",
    "llama_infill": "/infill",
    "ollama": "/api/generate",
}
_TOKENS = {"qwen": QWEN, "deepseek": DEEPSEEK}
_LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens", "n_predict", "num_predict")
_LINE_END = ["\n"]
_CHARS_PER_TOKEN = 2  # code has three or more; an Ollama context that is too small cuts the prompt in silence
_SPARE_TOKENS = 256


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer as it came. `without_text` says why there is none where the API gives a reason, else None."""

    raw: str
    prompt_tokens: int | None
    tokens: int | None
    model: str | None
    without_text: str | None = None


def body_of(settings: Endpoint, item: Item, code: Shown) -> dict[str, Any]:
    """Write the request for one item, with `extra` merged in."""
    return _merged(_plain_body(settings, item, code), settings.extra)


def token_limit(body: dict[str, Any], where: str) -> int:
    """Give the most tokens that a body asks for; one without a limit could cost anything, and is refused."""
    found = [fields[name] for fields in (body, body.get("options") or {}) for name in _LIMITS if name in fields]
    if not found or not all(isinstance(each, int) and each > 0 for each in found):
        raise RecipeError(
            f"{where}.extra: it leaves the request without a limit of tokens",
            f"put one there, such as max_completion_tokens, or leave max_tokens to {where}.max_new_tokens",
        )
    return max(found)


def read_answer(protocol: Protocol, body: dict[str, Any]) -> Answered:
    """Read an API's answer; one that holds no text where its text must stand is a failure of class protocol."""
    match protocol:
        case "llama_infill":
            counts = (_count(body, "tokens_evaluated"), _count(body, "tokens_predicted"))
            return Answered(_text(body, "content"), *counts, _model(body))
        case "ollama":
            counts = (_count(body, "prompt_eval_count"), _count(body, "eval_count"))
            return Answered(_text(body, "response"), *counts, _model(body))
        case _:
            return _read_choice(protocol, body)


def _plain_body(settings: Endpoint, item: Item, code: Shown) -> dict[str, Any]:
    is_line = item.kind in ONE_LINE_KINDS
    most = settings.max_new_tokens if is_line else settings.max_new_tokens_block
    stop: dict[str, Any] = {"stop": _LINE_END} if is_line else {}
    asked: dict[str, Any] = {"model": settings.model, "max_tokens": most, "temperature": 0}
    # a file ends with a line end; an empty suffix is read as "no suffix", which is another question
    after = code.after or "\n"
    match settings.protocol:
        case "openai_chat":
            message = chat_message(item, code, cursor_mark(code))
            return {**asked, "messages": [{"role": "user", "content": message}]}
        case "openai_completions" if settings.infilling in _TOKENS:
            return {**asked, "prompt": with_tokens(_TOKENS[settings.infilling], item, code), **stop}
        case "openai_completions" if settings.infilling == "none":
            # tokens begin with a blank: after one, a model that is not healed has hardly anything left to say
            return {**asked, "prompt": commented(item, code).rstrip(" \t"), **stop}
        case "openai_completions" | "deepseek_fim" | "mistral_fim":
            return {**asked, "prompt": commented(item, code), "suffix": after, **stop}
        case "ollama":
            room = settings.max_prompt_chars // _CHARS_PER_TOKEN + most + _SPARE_TOKENS
            options = {"temperature": 0, "num_predict": most, "num_ctx": room, **stop}
            question = {"prompt": commented(item, code), "suffix": after}
            return {"model": settings.model, **question, "stream": False, "options": options}
        case "llama_infill":
            return {
                "model": settings.model,
                "input_prefix": code.before,
                "input_suffix": after,
                "input_extra": [{"filename": each.path, "text": each.text} for each in code.others],
                "prompt": "",
                "n_predict": most,
                "temperature": 0,
                **stop,
                "cache_prompt": False,  # an answer must not depend on what was asked before it
                "stream": False,
            }
    raise AssertionError(settings.protocol)


def _merged(body: dict[str, Any], extra: dict[str, Any]) -> dict[str, Any]:
    """Merge as RFC 7396 does: mappings field by field, and null takes a field out."""
    merged = dict(body)
    for name, value in extra.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            inner = merged.get(name)
            merged[name] = _merged(inner if isinstance(inner, dict) else {}, value)
        else:
            merged[name] = value
    return merged


def _read_choice(protocol: Protocol, body: dict[str, Any]) -> Answered:
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        raise Failed("protocol", "answered without any choice", billed=True)
    choice = choices[0]
    finish = choice.get("finish_reason")
    if finish == "content_filter":
        # what a filter of the vendor's cut off or held back is not what the model answered
        raise Failed("protocol", "held the answer back by a content filter", billed=True)
    if finish == "error":
        raise Failed("server", "reports that the model failed while it was answering", retry=True, billed=True)
    usage = body.get("usage")
    counted = usage if isinstance(usage, dict) else {}
    counts = (_count(counted, "prompt_tokens"), _count(counted, "completion_tokens"))
    if protocol in ("openai_completions", "deepseek_fim"):
        return Answered(_text(choice, "text"), *counts, _model(body))
    message = choice.get("message")
    if not isinstance(message, dict):
        raise Failed("protocol", "answered with a choice that has no message", billed=True)
    content = message.get("content")
    if isinstance(content, list):  # parts, as some gateways give them
        content = "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    if content:
        return Answered(_text({"content": content}, "content"), *counts, _model(body))
    if message.get("refusal"):
        return Answered("", *counts, _model(body), "refused")
    reasoned = message.get("reasoning") or message.get("reasoning_content") or finish == "length"
    return Answered("", *counts, _model(body), "only_reasoning" if reasoned else None)


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise Failed("protocol", f"answered without the text that `{name}` should hold", billed=True)
    return value


def _count(fields: dict[str, Any], name: str) -> int | None:
    value = fields.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _model(body: dict[str, Any]) -> str | None:
    value = body.get("model")
    return value if isinstance(value, str) and value else None
