"""llama.cpp's protocol, with the bodies that llama.vim and llama.vscode send."""

from __future__ import annotations

import json

import pytest

from tests.serve.asking import ask
from tests.serve.conftest import Served
from tests.serve.runs import CODE, PATH

LLAMA_VIM = (
    b'{"id_slot":0,"input_prefix":"import os\\n\\ndef add(a, b):\\n",'
    b'"input_suffix":"\\n\\ndef sub(a, b):\\n    return a - b\\n",'
    b'"input_extra":[],"prompt":"","n_predict":128,"stop":[],"n_indent":0,"top_k":40,"top_p":0.9,'
    b'"samplers":["top_k","top_p","infill"],"stream":false,"cache_prompt":true,"t_max_prompt_ms":500,"t_max_predict_ms":250,'
    b'"response_fields":["content","timings/prompt_n","timings/prompt_ms","timings/prompt_per_token_ms",'
    b'"timings/prompt_per_second","timings/predicted_n","timings/predicted_ms","timings/predicted_per_token_ms",'
    b'"timings/predicted_per_second","truncated","tokens_cached"],"model":"tuned"}'
)
WARMING = (
    b'{"id_slot":0,"input_prefix":"","input_suffix":"",'
    b'"input_extra":[{"filename":"shop/tank.py","text":"def tank():\\n    pass\\n","time":[1,5]}],'
    b'"prompt":"","n_predict":0,"temperature":0.0,"samplers":[],"stream":false,"cache_prompt":true,'
    b'"t_max_prompt_ms":500,"t_max_predict_ms":1,"response_fields":[""]}'
)
LLAMA_VSCODE = {
    "id_slot": 0,
    "input_extra": [{"filename": "shop/tank.py", "text": "def tank():\n    pass\n"}],
    "n_predict": 32,
    "n_cmpl": 1,
    "top_k": 40,
    "top_p": 0.99,
    "stream": False,
    "samplers": ["top_k", "top_p", "infill"],
    "cache_prompt": True,
    "t_max_prompt_ms": 500,
    "t_max_predict_ms": 2500,
    "lora": [{"id": 0, "scale": 0.5}],
}


def test_llama_vim_gets_the_fields_that_it_names(infilling: Served) -> None:
    asked = json.loads(LLAMA_VIM)
    reply = ask(infilling.url, "/infill", LLAMA_VIM, headers={"Authorization": "Bearer "})
    assert reply.status == 200
    assert set(reply.json) == set(asked["response_fields"])
    assert reply.json["timings/prompt_n"] > 0 and reply.json["truncated"] is False


def test_a_warming_post_is_read_and_answered_with_nothing(infilling: Served) -> None:
    reply = ask(infilling.url, "/infill", WARMING)
    assert (reply.status, reply.json) == (200, {})


def test_llama_vscode_gets_the_same_answer_as_any_other_client(infilling: Served) -> None:
    at = CODE.index("wait_seconds: float")
    line_start = CODE.rindex("\n", 0, at) + 1
    body = {
        **LLAMA_VSCODE,
        "input_prefix": CODE[:line_start],
        "prompt": CODE[line_start:at],
        "input_suffix": CODE[at + 4 :],
        "model": "base",
        "path": PATH,
    }
    del body["lora"]
    infill = ask(infilling.url, "/infill", body)
    other = {
        "model": "base",
        "prompt": CODE[:at],
        "suffix": CODE[at + 4 :],
        "path": PATH,
        "input_extra": body["input_extra"],
    }
    assert infill.json["content"] == ask(infilling.url, "/v1/completions", other).json["choices"][0]["text"] != ""
    assert {"content", "generation_settings", "tokens_cached", "truncated", "timings"} <= set(infill.json)


def test_a_scale_that_a_client_sends_is_taken_at_its_word(served: Served) -> None:
    body = {"input_prefix": CODE[:300], "input_suffix": "", "prompt": "", "n_predict": 20, "path": PATH}
    answers = {
        scale: ask(served.url, "/infill", body | {"lora": [{"id": 0, "scale": scale}]}).json["content"]
        for scale in (0.0, 1.0)
    }
    assert answers[0.0] == ask(served.url, "/infill", body | {"model": "base"}).json["content"] != answers[1.0]


def test_an_infilling_streams(infilling: Served) -> None:
    body = {"input_prefix": CODE[:300], "input_suffix": CODE[340:], "prompt": "", "n_predict": 8, "stream": True}
    events = ask(infilling.url, "/infill", body).events
    whole = ask(infilling.url, "/infill", body | {"stream": False}).json["content"]
    assert "".join(each["content"] for each in events) == whole
    assert [each["stop"] for each in events] == [False] * (len(events) - 1) + [True]


def test_tabby_s_server_asks_with_a_template(infilling: Served) -> None:
    prompt = f"<|fim_prefix|>{CODE[:300]}<|fim_suffix|>{CODE[340:]}<|fim_middle|>"
    body = {"seed": 5, "prompt": prompt, "n_predict": 8, "temperature": 0.1, "stream": True, "penalty_last_n": 0}
    events = ask(infilling.url, "/completion", body | {"presence_penalty": 0.0}).events
    assert events[-1]["stop"] and all("content" in each for each in events)


def test_a_time_limit_of_the_client_is_passed_on(infilling: Served) -> None:
    body = {"input_prefix": CODE[:300], "input_suffix": "", "prompt": "", "n_predict": 64, "t_max_predict_ms": 1}
    assert ask(infilling.url, "/infill", body).json["tokens_predicted"] <= 64


@pytest.mark.parametrize("path", ["/props", "/lora-adapters", "/health"])
def test_what_clients_look_up_is_there(served: Served, path: str) -> None:
    assert ask(served.url, path).status == 200
    assert ask(served.url, "/props").json["default_generation_settings"]["n_ctx"] == 1024
    adapters = ask(served.url, "/lora-adapters").json
    assert [each["id"] for each in adapters] == [0, 1] and adapters[0]["name"] == served.run.folder.name


def test_text_is_cut_into_the_tokens_of_the_base(served: Served) -> None:
    ids = ask(served.url, "/tokenize", {"content": "import json"}).json["tokens"]
    pieces = ask(served.url, "/tokenize", {"content": "import json", "with_pieces": True}).json["tokens"]
    assert [each["id"] for each in pieces] == ids and "".join(each["piece"] for each in pieces) == "import json"
