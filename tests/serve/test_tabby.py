"""Tabby's protocol, with the bodies that its agent sends."""

from __future__ import annotations

from tests.serve.asking import ask
from tests.serve.conftest import Served
from tests.serve.runs import CODE, PATH

AGENT = b'{"language":"python","segments":{"prefix":"import json\\n\\n\\nclass Cou","suffix":":\\n    pass\\n"}}'
EVENT = b'{"type":"select","completion_id":"cmpl-1","choice_index":0,"view_id":"v1"}'


def test_the_agent_is_answered_with_one_choice(served: Served) -> None:
    reply = ask(served.url, "/v1/completions", AGENT)
    assert reply.status == 200 and set(reply.json) == {"id", "choices"}
    assert reply.json["choices"][0]["index"] == 0 and isinstance(reply.json["choices"][0]["text"], str)


def test_segments_give_the_answer_that_every_client_gets(infilling: Served) -> None:
    segments = {
        "prefix": CODE[:300],
        "suffix": CODE[340:],
        "filepath": PATH,
        "git_url": "git@example.org:shop.git",
        "relevant_snippets_from_changed_files": [{"filepath": "a.py", "body": "x = 1\n", "score": 0.5}],
        "declarations": [{"filepath": "b.py", "body": "y = 2\n"}],
        "clipboard": "z",
    }
    agent = ask(infilling.url, "/v1/completions", {"language": "python", "segments": segments, "model": "base"}).json
    extra = [{"filename": "a.py", "text": "x = 1\n"}, {"filename": "b.py", "text": "y = 2\n"}]
    hole = {"model": "base", "prompt": CODE[:300], "suffix": CODE[340:], "path": PATH, "input_extra": extra}
    assert agent["choices"][0]["text"] == ask(infilling.url, "/v1/completions", hole).json["choices"][0]["text"]


def test_the_agent_s_questions_about_the_server_are_answered(served: Served) -> None:
    for method in ("GET", "POST"):
        health = ask(served.url, "/v1/health", method=method).json
        assert health["model"] == served.run.folder.name and health["version"]["git_describe"].startswith("tuner-")
    assert ask(served.url, "/v1beta/server_setting").json == {"disable_client_side_telemetry": True}
    assert ask(served.url, "/v1/events", EVENT).status == 200


def test_segments_of_the_wrong_form_are_refused(served: Served) -> None:
    assert ask(served.url, "/v1/completions", {"segments": {"suffix": "x"}}).status == 400
