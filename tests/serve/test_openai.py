"""OpenAI's protocol, as its own client and as Continue, llm and Tabby's server speak it."""

from __future__ import annotations

import pytest
from openai import BadRequestError, NotFoundError, OpenAI

from tests.serve.asking import ask, error_of
from tests.serve.conftest import Served
from tests.serve.runs import CODE, PATH

AT = CODE.index("_retries)\n        if")  # inside a word
HOLE = {"prompt": CODE[:AT], "suffix": ")" + CODE[CODE.index("\n", AT) :]}


def client(served: Served) -> OpenAI:
    return OpenAI(base_url=f"{served.url}/v1", api_key="none", max_retries=0)


def test_the_client_completes_at_a_cursor_whole_and_streamed(infilling: Served) -> None:
    asked = {"model": "base", **HOLE, "max_tokens": 16, "temperature": 0, "extra_body": {"path": PATH}}
    whole = client(infilling).completions.create(**asked)
    assert whole.choices[0].text and "\n" not in whole.choices[0].text
    assert whole.choices[0].finish_reason == "stop" and whole.usage.prompt_tokens > 100
    chunks = list(client(infilling).completions.create(**asked, stream=True, stream_options={"include_usage": True}))
    assert "".join(chunk.choices[0].text for chunk in chunks if chunk.choices) == whole.choices[0].text
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens


def test_the_suffix_is_used(infilling: Served) -> None:
    without = {"model": "base", "prompt": CODE[:AT], "max_tokens": 16}
    answers = {
        ask(infilling.url, "/v1/completions", {**without, "suffix": s}).json["usage"]["prompt_tokens"]
        for s in ("", "\n" + CODE)
    }
    assert len(answers) == 2


def test_models_are_listed_and_chosen_by_name(served: Served) -> None:
    names = [model.id for model in client(served).models.list()]
    name = served.run.folder.name
    assert names[:3] == [name, "tuned", "base"] and len(names) == 8
    assert names[4:] == [f"{each}+bm25" for each in names[:4]]
    assert client(served).models.retrieve("base").id == "base"
    asked = {**HOLE, "max_tokens": 8, "extra_body": {"path": PATH}}
    texts = {name: client(served).completions.create(model=name, **asked).choices[0].text for name in names[:4]}
    assert texts[name] == texts["tuned"] != texts["base"]
    assert client(served).completions.create(model="", **asked).choices[0].text == texts["tuned"]


def test_the_strength_of_an_adapter_is_chosen_by_the_request(served: Served) -> None:
    def text(**more: object) -> str:
        body = {"prompt": CODE[:300], "max_tokens": 24, "path": PATH, **more}
        return str(ask(served.url, "/v1/completions", body).json["choices"][0]["text"])

    base, tuned = text(model="base"), text(model="tuned")
    assert base != tuned
    assert text(scale=0) == text(lora=[{"id": 0, "scale": 0.0}]) == text(model="base", scale=1) == base
    assert text(scale=1) == text(lora=[{"id": 0, "scale": 1.0}]) == text(lora=[]) == tuned
    assert text(lora=[{"id": 1, "scale": 1.0}]) == text(model=client(served).models.list().data[3].id)


def test_no_adapter_reads_what_another_has_read(served: Served) -> None:
    names = [model.id for model in client(served).models.list()][1:4]
    bodies = [{"prompt": prompt, "max_tokens": 12, "path": PATH} for prompt in (CODE[:300], CODE[:90], CODE[:200])]

    def text(name: str, body: dict[str, object]) -> str:
        return str(ask(served.url, "/v1/completions", body | {"model": name}).json["choices"][0]["text"])

    first = {(name, n): text(name, body) for name in names for n, body in enumerate(bodies)}
    for _ in range(2):
        for n, body in enumerate(bodies):  # now every prompt has been read by another adapter last
            assert {name: text(name, body) for name in names} == {name: first[name, n] for name in names}


def test_an_unknown_model_is_answered_with_the_known_names(served: Served) -> None:
    with pytest.raises(NotFoundError) as caught:
        client(served).completions.create(model="gpt-9", prompt="x")
    name = served.run.folder.name
    known = client(served).models.list().data[3].id
    names = [name, "tuned", "base", known]
    listed = ", ".join([*names, *(f"{each}+bm25" for each in names)])
    assert caught.value.body["message"] == f"there is no model 'gpt-9' here; known are {listed}"


def test_the_client_chats_whole_and_streamed(served: Served) -> None:
    asked = {"model": "tuned", "messages": [{"role": "user", "content": "import json"}], "max_tokens": 6}
    whole = client(served).chat.completions.create(**asked)
    assert whole.choices[0].message.content and whole.choices[0].finish_reason == "length"
    chunks = list(client(served).chat.completions.create(**asked, stream=True))
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content


CONTINUE = (
    b'{"model":"tuned","max_tokens":32,"temperature":0.01,"stop":["<fim_prefix>","<fim_suffix>","<fim_middle>","<file_sep>",'
    b'"<|endoftext|>","</fim_middle>","</code>","/src/","#- coding: utf-8","```"],"stream":true,'
    b'"prompt":"<fim_prefix>import json\\n\\n\\nclass Cou<fim_suffix>:\\n    pass<fim_middle>"}'
)
LLM = (
    b'{"model":"tuned","prompt":"import json","stream":true,"stream_options":{"include_usage":true},'
    b'"max_tokens":8,"messages":null}'
)
TABBY_SERVER = (
    b'{"model":"base","prompt":"import json\\n\\n\\nclass Cou","suffix":":\\n    pass","max_tokens":64,'
    b'"temperature":0.1,"stream":true,"presence_penalty":0.0}'
)


@pytest.mark.parametrize("body", [CONTINUE, LLM, TABBY_SERVER], ids=["continue", "llm", "tabby"])
@pytest.mark.parametrize("path", ["/v1/completions", "/completions"])
def test_what_clients_send_is_answered_with_a_stream(served: Served, path: str, body: bytes) -> None:
    reply = ask(served.url, path, body)
    assert reply.status == 200 and reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert reply.events[-1] == "[DONE]"
    assert all({"id", "object", "model", "choices"} <= set(each) for each in reply.events[:-1])


def test_a_template_of_another_family_stands_for_the_same_cursor(infilling: Served) -> None:
    plain = {"model": "base", "prompt": CODE[:AT], "suffix": HOLE["suffix"], "path": PATH}
    template = f"<fim_prefix>{CODE[:AT]}<fim_suffix>{HOLE['suffix']}<fim_middle>"  # StarCoder's, for a Qwen model
    answers = [
        ask(infilling.url, "/v1/completions", body).json
        for body in (plain, {"model": "base", "prompt": template, "path": PATH})
    ]
    assert answers[0]["choices"][0]["text"] == answers[1]["choices"][0]["text"]
    assert answers[0]["usage"]["prompt_tokens"] == answers[1]["usage"]["prompt_tokens"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"n": 2}, "n: 2, wanted 1: one answer is given a request"),
        ({"echo": True}, "echo: true, wanted false: the prompt is not repeated"),
        ({"logprobs": 5}, "logprobs: 5, wanted none: probabilities are not given"),
        ({"prompt": ["a", "b"]}, "prompt: 2 prompts, wanted one a request"),
        ({"temperature": -1}, "temperature: Input should be greater than or equal to 0"),
        ({"max_tokens": "many"}, "max_tokens: Input should be a valid integer, unable to parse string as an integer"),
    ],
)
def test_what_cannot_be_answered_is_refused(served: Served, more: dict[str, object], message: str) -> None:
    reply = ask(served.url, "/v1/completions", {"prompt": "x"} | more)
    assert reply.status == 400 and error_of(reply) == message
    with pytest.raises(BadRequestError):
        client(served).completions.create(model="tuned", prompt="x", n=2)


def test_unknown_fields_are_passed_over(served: Served) -> None:
    assert ask(served.url, "/v1/completions", {"prompt": "x", "max_tokens": 1, "user": 5, "made_up": {}}).status == 200
