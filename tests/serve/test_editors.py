"""The recorder between a client and the server keeps every byte, and the page says what was sent and answered."""

from __future__ import annotations

import json
from pathlib import Path

from openai import OpenAI

from editors.recorder import Exchange, recording
from editors.table import Outcome, as_page
from tests.serve.asking import ask
from tests.serve.conftest import Served
from tests.serve.runs import CODE

BODY = b'{"model":"base","prompt":"import json\\n\\n\\nclass Cou","suffix":":\\n    pass","max_tokens":4}'


def test_a_client_behind_the_recorder_gets_what_the_server_says(infilling: Served) -> None:
    with recording(infilling.url) as (address, exchanges):
        client = OpenAI(base_url=f"{address}/v1", api_key="none", max_retries=0)
        hole = {"model": "base", "prompt": CODE[:300], "suffix": CODE[340:], "max_tokens": 8, "temperature": 0}
        pieces = client.completions.create(**hole, stream=True)
        text = "".join(each.choices[0].text for each in pieces if each.choices)
        client.close()
    direct = ask(infilling.url, "/v1/completions", hole).json["choices"][0]["text"]
    assert text == direct != ""
    (exchange,) = exchanges
    assert json.loads(exchange.body) == {**hole, "stream": True}
    assert (exchange.status, exchange.is_whole) == (200, True) and exchange.answer.endswith(b"data: [DONE]\n\n")


def test_the_recorder_keeps_every_byte_and_the_names_of_headers_as_they_were_written(infilling: Served) -> None:
    with recording(infilling.url) as (address, exchanges):
        reply = ask(address, "/v1/completions", BODY, headers={"X-oDD": "1"})
        missing = ask(address, "/nowhere", b"\xff")
    assert reply.status == 200 and missing.status == 404
    assert exchanges[0].body == BODY and ("X-oDD", "1") in exchanges[0].headers
    assert exchanges[0].answer == reply.content and exchanges[1].body == b"\xff"


def outcome(**more: object) -> Outcome:
    answer = b'{"choices":[{"text":"nter(x)"}]}'
    exchange = Exchange("POST", "/v1/completions", [], BODY, 200, "application/json", answer, 1.0, True)
    return Outcome(**{"client": "one", "version": "1.0", "shown": "get_counter(x)", "exchanges": [exchange], **more})


def test_the_page_says_what_was_sent_and_whether_the_text_was_shown() -> None:
    skipped = Outcome("other", state="skipped", reason="Node.js is not installed")
    page = as_page([outcome(), outcome(client="two", shown="else"), skipped], "Model: m.")
    fields = "`max_tokens`, `model`, `prompt`, `suffix`"
    assert f"| one | 1.0 | `POST /v1/completions` | {fields} | 200 | yes |" in page
    assert f"| two | 1.0 | `POST /v1/completions` | {fields} | 200 | no |" in page
    assert "| other | | | | | skipped: Node.js is not installed |" in page


def test_an_answer_that_cannot_be_read_is_a_fault_of_the_client_s_row(tmp_path: Path) -> None:
    broken = Exchange("POST", "/v1/completions", [], BODY, 200, "application/json", b"{}", 1.0, True)
    left = Exchange("POST", "/v1/completions", [], BODY, 200, "text/event-stream", b"data: {", 1.0, False)
    assert outcome(exchanges=[broken, left]).faults() == ["POST /v1/completions: choices.0.text is missing"]
