"""Every failure has its class, and only what can get better is asked again."""

from __future__ import annotations

import json

import pytest

from tuner.evaluate.endpoints.failures import Failed, of_body, of_no_json, of_status, retry_after


def said(message: str = "no", **more: object) -> str:
    return json.dumps({"error": {"message": message, **more}})


@pytest.mark.parametrize(
    ("status", "text", "void", "retry", "final"),
    [
        (401, said(), "auth", False, True),
        (402, said("Insufficient Balance"), "quota", False, True),
        (403, said(), "no_access", False, True),
        (403, said("flagged", metadata={"reasons": ["x"]}), "protocol", False, False),
        (404, said("model 'coder' not found"), "no_model", False, True),
        (429, said(), "rate", True, False),
        (429, said(code="insufficient_quota"), "quota", False, True),
        (429, said(type="insufficient_quota"), "quota", False, True),
        (500, said(), "server", True, False),
        (529, said("Overloaded"), "server", True, False),
        (503, "<html>", "server", True, False),
        (408, said(), "server", True, False),
        (501, said("This server does not support infill"), "protocol", False, True),
        (400, json.dumps({"error": "registry.ollama.ai/library/x does not support insert"}), "protocol", False, True),
        (400, said("suffix is not currently supported"), "protocol", False, True),
        (400, said("coder is not a valid model ID"), "no_model", False, True),
        (400, said("Invalid value: 'temperature' is not supported with this model"), "protocol", False, False),
        (400, said("The model `coder` does not exist"), "no_model", False, True),
        (400, json.dumps({"message": "Invalid model: coder", "code": "1500"}), "no_model", False, True),
        (400, said(code="model_not_found"), "no_model", False, True),
        (422, json.dumps({"detail": [{"loc": ["body", "prompt"], "msg": "too long"}]}), "protocol", False, False),
        (400, said("request (5001 tokens) exceeds the available context size"), "protocol", False, False),
        (307, "", "protocol", False, True),
        (418, "", "protocol", False, False),
    ],
)
def test_a_status_has_its_class(status: int, text: str, void: str, retry: bool, final: bool) -> None:
    failed = of_status(status, text, {})
    assert (failed.void, failed.retry, failed.final) == (void, retry, final)


@pytest.mark.parametrize(
    ("status", "text", "words"),
    [
        (500, said("out of\n  memory"), "answered 500: out of memory"),
        (500, '{"error": "runner died"}', "answered 500: runner died"),
        (422, '{"detail": ["too long"]}', 'answered 422: ["too long"]'),
        (500, "plain words", "answered 500: plain words"),
        (502, "<html><title>Bad Gateway</title>", "answered 502"),
        (500, "", "answered 500"),
        (500, said("x" * 300), "answered 500: " + "x" * 200 + "…"),
        (401, said("Incorrect API key provided: sk-ab****yz"), "answered 401: the key was refused"),
        (302, "", "answered 302: it sends on to another address"),
    ],
)
def test_the_servers_words_are_repeated_in_short_and_never_those_on_a_key(status: int, text: str, words: str) -> None:
    assert of_status(status, text, {}).words == words


def test_a_failure_inside_a_success_is_found() -> None:
    assert of_body({"choices": []}) is None and of_body({"error": None}) is None
    quota = of_body({"error": {"code": 402, "message": "more credits"}})
    assert quota is not None and (quota.void, quota.words) == ("quota", "answered 402: more credits")
    odd = of_body({"error": {"code": "odd", "message": "failed"}})
    assert odd is not None and (odd.void, odd.words) == ("protocol", "answered 200: failed")
    text = of_body({"error": "failed"})
    assert text is not None and text.words == "answered 200: failed"


@pytest.mark.parametrize(
    ("text", "kind", "void", "words"),
    [
        ('{"choices": [{"te', "application/json", "truncated", "broke off its answer: the JSON has no end"),
        ("<!doctype html><title> Sign\nin </title>", "text/html", "protocol", "answered with an HTML page: Sign in"),
        ("<html>", "text/plain", "protocol", "answered with an HTML page"),
        ("data: [DONE]", "text/event-stream", "protocol", "answered with no JSON: data: [DONE]"),
        ("", "application/json", "protocol", "answered with no JSON"),
    ],
)
def test_what_is_no_json_broke_off_or_is_something_else(text: str, kind: str, void: str, words: str) -> None:
    failed = of_no_json(text, kind)
    assert (failed.void, failed.words, failed.retry) == (void, words, void == "truncated")


def test_the_pause_that_a_server_asks_for_is_read_in_every_form() -> None:
    assert retry_after({"retry-after": "7"}) == 7.0
    assert retry_after({"retry-after": "-7"}) == 0.0
    assert retry_after({"retry-after-ms": "250", "retry-after": "7"}) == 0.25
    assert retry_after({"retry-after": "inf"}) is None
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({}) is None


def test_a_date_is_taken_against_the_servers_clock_and_not_ours() -> None:
    date = {"date": "Sun, 06 Nov 1994 08:49:37 GMT", "retry-after": "Sun, 06 Nov 1994 08:50:07 GMT"}
    assert retry_after(date) == 30.0
    assert retry_after({**date, "retry-after": date["date"]}) == 0.0
    assert retry_after({"retry-after": date["retry-after"]}) is None


def test_a_server_that_forbids_another_attempt_is_obeyed() -> None:
    assert not of_status(500, "", {"x-should-retry": "false"}).retry
    assert not of_status(429, "", {"x-should-retry": "false"}).retry


def test_final_voids_are_final() -> None:
    assert Failed("quota", "x").final and not Failed("rate", "x").final
