"""What real clients sent, replayed byte for byte, is answered as they read it; `tuner serve --check` says where not."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from tests.pipelines import tuner
from tests.serve.conftest import Served
from tuner.errors import ServeError
from tuner.serve.check import check, served_names
from tuner.serve.reading import Read, read
from tuner.serve.recorded import FOLDER, as_text, recorded

ALL = recorded()
CLIENTS = sorted({each.client for each in ALL})
EVENT = b'data: {"choices":[{"text":"a"}]}\n\n'
ASKED = b'{"stream":true}'


@pytest.mark.parametrize("client", CLIENTS)
def test_every_client_is_answered_as_it_reads(infilling: Served, client: str) -> None:
    found = list(check(infilling.url, sents=[each for each in ALL if each.client == client]))
    assert [(each.sent.endpoint, each.fault) for each in found if each.fault] == []
    assert {each.status for each in found} == {200}
    if any(b"_suffix" in each.sent.body or b'"suffix"' in each.sent.body for each in found):
        assert any(each.text for each in found)


def test_the_same_cursor_gives_the_same_text_to_every_client_that_asks_for_the_likeliest(infilling: Served) -> None:
    greedy = [
        each
        for each in ALL
        if b'"suffix":' in each.body and (b'"temperature":0' in each.body or b'"segments"' in each.body)
    ]
    plain = [each for each in greedy if b'"temperature":0.' not in each.body.replace(b"0.0,", b"0,")]
    assert {"openai", "mistralai", "ollama", "tabby-agent", "Continue, its adapter"} <= {each.client for each in plain}
    texts = Counter(
        each.text for each in check(infilling.url, sents=[each for each in plain if b'"stop"' not in each.body])
    )
    assert len(texts) == 1 and next(iter(texts))


def test_what_was_recorded_is_kept_byte_for_byte_and_holds_no_key() -> None:
    assert {each.origin for each in ALL} == {"recorded", "written from its source"}
    for path in sorted(FOLDER.glob("*.json")):
        client = json.loads(path.read_text(encoding="utf-8"))["client"]
        assert as_text([each for each in ALL if each.client == client]) == path.read_text(encoding="utf-8")
    assert not [each for each in ALL for name, _ in each.headers if name.lower() in ("authorization", "x-api-key")]


@pytest.mark.parametrize(
    ("path", "body", "status", "media_type", "content", "fault"),
    [
        ("/v1/completions", b"{}", 503, "application/json", b"busy", "status 503: busy"),
        ("/v1/completions", b"{}", 200, "application/json", b"{}", "choices.0.text is missing"),
        ("/v1/completions", b"{}", 200, "application/json", b"{", "not JSON: "),
        ("/v1/completions", b"{}", 200, "text/html", b"", "wanted one JSON object, got text/html"),
        ("/v1/completions", ASKED, 200, "application/json", b"{}", "wanted server-sent events, got application/json"),
        ("/v1/completions", ASKED, 200, "text/event-stream", EVENT, "the stream has no end"),
        ("/v1/completions", ASKED, 200, "text/event-stream", b"", "the stream has no end"),
        (
            "/v1/fim/completions",
            ASKED,
            200,
            "text/event-stream",
            EVENT + b"data: [DONE]\n\n",
            "no piece of the stream has ",
        ),
        (
            "/v1/completions",
            ASKED,
            200,
            "text/event-stream",
            EVENT + b'data: {"error":{"message":"gone"}}\n\n',
            "the stream ends with an error: gone",
        ),
        ("/api/generate", b"{}", 200, "application/json", b'{"response":"a"}', "wanted lines of JSON, got "),
        (
            "/api/generate",
            b"{}",
            200,
            "application/x-ndjson",
            b'{"response":"a","done":false}\n',
            "the stream has no end",
        ),
        ("/infill", b"{}", 200, "application/json", b'{"text":"a"}', "content is missing"),
        ("/v1/models", b"", 200, "application/json", b'{"data":[]}', "data.0.id is missing"),
        ("/api/show", b"{}", 200, "application/json", b"{}", "template is missing"),
    ],
)
def test_an_answer_that_the_client_cannot_read_is_a_fault(
    path: str, body: bytes, status: int, media_type: str, content: bytes, fault: str
) -> None:
    found = read(path, body, status, media_type, content)
    assert found.text is None and found.fault.startswith(fault)


def test_a_whole_stream_is_read_to_its_end() -> None:
    content = EVENT + EVENT + b"data: [DONE]\n\n"
    assert read("/completions", ASKED, 200, "text/event-stream; charset=utf-8", content) == Read("aa")
    warming = read("/infill", b'{"n_predict":0}', 200, "application/json", b"{}")
    assert warming == Read(None)


def test_only_a_server_of_this_machine_is_asked() -> None:
    with pytest.raises(ServeError, match=r"^https://example\.org: wanted an address of this machine\n"):
        served_names("https://example.org")
    with pytest.raises(ServeError) as caught:
        served_names("http://127.0.0.1:9")
    assert caught.value.hint == "is the server running? `tuner serve` starts it"


def test_the_command_asks_a_running_server_and_says_what_came_back(infilling: Served) -> None:
    answer = tuner("serve", "--check", infilling.url)
    assert answer.status == 0, answer.out + answer.err
    first, _, head, *rows = answer.out.splitlines()
    assert first == f"{infilling.run.folder.name} at {infilling.url}"
    assert head.split() == ["client", "request", "status", "ms", "answer"]
    assert len(rows) == len(ALL) + 2 and all(" 200 " in row and " ok" in row for row in rows[: len(ALL)])
    assert rows[-1] == f"{len(ALL)} of {len(ALL)} requests were answered as their clients read them"


def test_the_command_starts_a_server_of_its_own_beside_a_running_one(infilling: Served) -> None:
    answer = tuner("serve", "--check", "--run", infilling.run.folder, "--set", "serve.threads=1")
    assert answer.status == 0, answer.out + answer.err
    assert answer.err.splitlines()[0] == f"starting a server for {infilling.run.folder.name}"


class _Deaf(BaseHTTPRequestHandler):
    """A server that lists a model and answers everything else with an empty object."""

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        content = b'{"data":[{"id":"other"}]}' if self.path == "/v1/models" else b"{}"
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = _answer

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def deaf() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Deaf)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_server_that_answers_otherwise_fails_the_check(deaf: str) -> None:
    answer = tuner("serve", "--check", deaf)
    assert answer.status == 1
    assert "FAILED wanted server-sent events, got application/json" in answer.out
    assert "FAILED choices.0.text is missing" in answer.out


def test_an_address_and_a_run_are_one_too_many(deaf: str) -> None:
    answer = tuner("serve", "--check", deaf, "--run", "adapters/x")
    assert answer.status == 2
    assert answer.err == (
        f"error: --check {deaf} asks a running server; --run and --repo would change nothing\n"
        "hint: leave out the address, or leave out the others\n"
    )
