"""Mistral's infilling protocol, as Continue speaks it."""

from __future__ import annotations

import pytest

from tests.serve.asking import ask
from tests.serve.conftest import Served
from tests.serve.runs import CODE, PATH

CONTINUE = (
    b'{"model":"tuned","prompt":"import json\\n\\n\\nclass Cou",'
    b'"suffix":":\\n    pass","max_tokens":16,"temperature":0.01,"stop":["\\n\\n"],"stream":true}'
)


@pytest.mark.parametrize("path", ["/v1/fim/completions", "/fim/completions"])
def test_what_continue_sends_is_answered_with_deltas(served: Served, path: str) -> None:
    reply = ask(served.url, path, CONTINUE)
    assert reply.status == 200 and reply.events[-1] == "[DONE]"
    assert all("content" in each["choices"][0]["delta"] for each in reply.events[:-1])
    assert reply.events[-2]["choices"][0]["finish_reason"] in ("stop", "length")


def test_whole_and_streamed_answers_are_those_of_every_client(infilling: Served) -> None:
    hole = {"model": "base", "prompt": CODE[:300], "suffix": CODE[340:], "path": PATH}
    whole = ask(infilling.url, "/v1/fim/completions", hole).json["choices"][0]["message"]["content"]
    events = ask(infilling.url, "/v1/fim/completions", hole | {"stream": True}).events[:-1]
    assert "".join(each["choices"][0]["delta"]["content"] for each in events) == whole
    assert whole == ask(infilling.url, "/v1/completions", hole).json["choices"][0]["text"]


def test_the_newer_name_of_the_token_limit_is_known(served: Served) -> None:
    body = {"model": "base", "prompt": "import js", "max_completion_tokens": 1}
    assert ask(served.url, "/v1/fim/completions", body).json["usage"]["completion_tokens"] == 1


def test_a_null_suffix_is_the_end_of_the_file(served: Served) -> None:
    body = {"model": "base", "prompt": "import js", "suffix": None, "max_tokens": 4, "random_seed": 7}
    assert ask(served.url, "/v1/fim/completions", body).status == 200
