"""Ollama's protocol, with the bodies that Continue and others send."""

from __future__ import annotations

from tests.serve.asking import ask, error_of
from tests.serve.conftest import Served
from tests.serve.runs import CODE, PATH

SHOW = b'{"name":"tuned"}'
GENERATE = (
    b'{"model":"tuned","prompt":"import json\\n\\n\\nclass Cou","suffix":":\\n    pass","raw":true,'
    b'"options":{"temperature":0.01,"num_predict":16,"stop":["\\n\\n"],"num_ctx":4096,"num_gpu":-1},'
    b'"keep_alive":1800,"stream":true}'
)


def test_a_model_says_that_it_understands_a_suffix(served: Served) -> None:
    shown = ask(served.url, "/api/show", SHOW).json
    assert ".Suffix" in shown["template"] and "insert" in shown["capabilities"]
    assert shown["model_info"]["tuner.context_length"] == 1024
    assert ask(served.url, "/api/show", {"model": "tuned:latest"}).status == 200


def test_what_continue_sends_is_answered_line_by_line(served: Served) -> None:
    reply = ask(served.url, "/api/generate", GENERATE)
    assert reply.headers["content-type"].startswith("application/x-ndjson")
    assert [each["done"] for each in reply.lines] == [False] * (len(reply.lines) - 1) + [True]
    assert reply.lines[-1]["done_reason"] in ("stop", "length") and reply.lines[-1]["eval_count"] > 0


def test_a_suffix_gives_the_answer_that_every_client_gets(infilling: Served) -> None:
    hole = {"model": "base", "prompt": CODE[:300], "suffix": CODE[340:], "path": PATH}
    answer = ask(infilling.url, "/api/generate", hole | {"stream": False}).json
    assert answer["response"] == ask(infilling.url, "/v1/completions", hole).json["choices"][0]["text"]
    assert answer["done"] is True


def test_without_a_suffix_a_prompt_is_a_message_and_raw_text_is_not(served: Served) -> None:
    body = {"model": "base", "prompt": "import json", "stream": False, "options": {"num_predict": 4}}
    message, raw = (ask(served.url, "/api/generate", body | {"raw": raw}).json for raw in (False, True))
    assert message["prompt_eval_count"] > raw["prompt_eval_count"]
    chat = {"model": "base", "messages": [{"role": "user", "content": "import json"}], "stream": False}
    said = ask(served.url, "/api/chat", chat | {"options": {"num_predict": 4}}).json
    assert said["message"] == {"role": "assistant", "content": message["response"]}


def test_an_empty_prompt_only_loads_the_model(served: Served) -> None:
    assert ask(served.url, "/api/generate", {"model": "tuned"}).json["done_reason"] == "load"
    assert ask(served.url, "/api/chat", {"model": "tuned"}).json["done_reason"] == "load"


def test_an_unknown_model_is_said_in_ollama_s_way(served: Served) -> None:
    reply = ask(served.url, "/api/generate", {"model": "llama3", "prompt": "x"})
    assert reply.status == 404 and error_of(reply).startswith("there is no model 'llama3' here; known are ")
    assert list(reply.json) == ["error"]


def test_names_and_version_are_listed(served: Served) -> None:
    tags = ask(served.url, "/api/tags").json["models"]
    assert f"{served.run.folder.name}:latest" == tags[0]["name"] and {each["size"] for each in tags} != {0}
    assert "version" in ask(served.url, "/api/version").json
