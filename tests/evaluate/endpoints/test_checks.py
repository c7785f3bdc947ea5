"""What must not or cannot be asked is refused before anything is sent, in words that say what to do."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from tuner.errors import RecipeError
from tuner.evaluate.endpoints.checks import checked_key
from tuner.evaluate.endpoints.clients import is_loopback
from tuner.recipe import Endpoint, Price
from tuner.recipe_file import load

PRICE = Price(input=5.0, output=30.0)
KEY = "sk-or-v1-0123456789abcdef"
AWAY: dict[str, Any] = {"protocol": "openai_chat", "url": "https://api.example.com/v1", "model": "gpt-5.5"}


def refused(known: Price | None = PRICE, **fields: Any) -> tuple[str, str | None]:
    with pytest.raises(RecipeError) as caught:
        checked_key("gpt", Endpoint(**{**AWAY, **fields}), known)
    assert KEY not in str(caught.value)
    return caught.value.message, caught.value.hint


def test_code_leaves_this_machine_only_where_the_recipe_says_so() -> None:
    assert refused() == (
        "compare.endpoints.gpt: api.example.com is not this machine: the code around every item would be sent there",
        "if that is allowed for this code, set `compare.endpoints.gpt.send_code: true` in the recipe",
    )
    assert checked_key("gpt", Endpoint(**AWAY, send_code=True), PRICE) is None


def test_an_unknown_price_is_refused_since_no_budget_could_be_kept() -> None:
    assert refused(None, send_code=True) == (
        "compare.endpoints.gpt: no price of `gpt-5.5` is known, so its budget ($5) cannot be kept",
        "give it in the recipe, in dollars per million tokens: "
        'compare: {prices: {"gpt-5.5": {input: 1.0, output: 5.0}}}',
    )
    assert "no price of `mine`" in refused(None, send_code=True, price="mine", budget_dollars=0)[0]
    assert checked_key("gpt", Endpoint(**AWAY, send_code=True, budget_dollars=0), Price(input=0, output=0)) is None


def test_this_machine_needs_neither_leave_nor_price() -> None:
    for url in ("http://127.0.0.1:8012/v1", "http://localhost:1234/v1", "http://[::1]:80", "http://127.8.9.1"):
        assert checked_key("here", Endpoint(**{**AWAY, "url": url}), None) is None


@pytest.mark.parametrize(
    "url", ["http://10.0.0.5:8000/v1", "http://localhost.example.com/v1", "http://127.0.0.1.example.com", "http://0x7f"]
)
def test_an_address_that_only_looks_like_this_machine_is_not(url: str) -> None:
    assert not is_loopback(url)


def test_a_missing_key_is_named_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    missing = (
        "compare.endpoints.gpt: the environment variable GPT_KEY is not set, and the recipe says that it holds the key",
        "export GPT_KEY=... in this shell, and run the same command again",
    )
    monkeypatch.delenv("GPT_KEY", raising=False)
    assert refused(send_code=True, key="GPT_KEY") == missing
    monkeypatch.setenv("GPT_KEY", "")
    assert refused(send_code=True, key="GPT_KEY") == missing
    monkeypatch.setenv("GPT_KEY", KEY)
    assert checked_key("gpt", Endpoint(**AWAY, send_code=True, key="GPT_KEY"), PRICE) == KEY


@pytest.mark.parametrize("key", [KEY + "\n", KEY + " ", KEY + "\u2026", "Bearer " + KEY])
def test_a_key_that_no_header_can_carry_is_refused_and_not_shown(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setenv("GPT_KEY", key)
    assert refused(send_code=True, key="GPT_KEY") == (
        "compare.endpoints.gpt: the environment variable GPT_KEY holds a blank, a line end or a character outside "
        "ASCII, which no key has",
        "export GPT_KEY again, without what was copied along with the key",
    )


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"url": "api.example.com/v1"}, "url: wanted an address such as https://host/v1"),
        ({"url": "ftp://host"}, "url: wanted an address such as https://host/v1"),
        ({"url": "https://me:secret@host/v1"}, "url: wanted an address alone, without user, password or ?; "),
        ({"url": f"https://host/v1?key={KEY}"}, "url: wanted an address alone, without user, password or ?; "),
        ({"key": KEY}, "key: wanted the name of an environment variable in capitals, never the key itself"),
        ({"infilling": "qwen"}, "infilling: openai_chat has a form of its own; only openai_completions takes it"),
        ({"extra": {"stream": True}}, "extra: `stream` is set by the program"),
        ({"extra": {"n": 5}}, "extra: `n` is set by the program"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(fields: dict[str, Any], fault: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Endpoint(**{**AWAY, **fields})
    assert fault in caught.value.errors()[0]["msg"]


def test_a_key_that_was_written_into_a_recipe_is_not_repeated(tmp_path: Any) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "compare:\n  endpoints:\n    gpt:\n      protocol: openai_chat\n      url: https://api.example.com/v1\n"
        f"      model: gpt-5.5\n      key: {KEY}\n"
    )
    with pytest.raises(RecipeError) as caught:
        load(path)
    assert caught.value.message == (
        f"{path}:3: `compare.endpoints.gpt`: key: wanted the name of an environment variable in capitals, "
        "never the key itself"
    )
