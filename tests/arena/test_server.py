"""The page is for this machine and for its own forms only, over the test client and over a real socket."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from starlette.testclient import TestClient

from tests.arena.arenas import compared_run, items, neutral_answers
from tests.pipelines import ROOT
from tuner.arena import server
from tuner.arena.booth import Booth
from tuner.arena.stage import open_arena
from tuner.arena.votes import Votes
from tuner.errors import ServeError
from tuner.rundir import Run

OWN = "http://127.0.0.1:8000"
ELSEWHERE = "http://evil.example"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = items(30)
    return compared_run(tmp_path_factory.mktemp("runs"), found, neutral_answers(("base", "tuned"), found)).folder


@pytest.fixture
def booth(folder: Path, tmp_path: Path) -> Iterator[Booth]:
    arena = open_arena(Run.find(folder))
    votes = Votes(tmp_path / "votes.sqlite", arena.items_sha256)
    yield Booth(arena, votes, lambda: 1_700_000_000.0)
    votes.close()


@pytest.fixture
def client(booth: Booth) -> TestClient:
    return TestClient(server.application(booth, "key"), OWN, headers={"Origin": OWN}, follow_redirects=False)


@pytest.fixture
def url(booth: Booth) -> Iterator[str]:
    with server.running(booth) as address:
        yield address


def ask(url: str, method: str = "GET", body: str | None = None, **headers: str) -> tuple[int, str, dict[str, str]]:
    """Ask over a real socket; the headers given replace those that a browser would send."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=30)
    sent = {"Host": parts.netloc} | ({"Origin": f"http://{parts.netloc}"} if method == "POST" else {})
    connection.putrequest(method, f"{parts.path}?{parts.query}", skip_host=True)
    for name, value in {**sent, **headers, "Content-Length": str(len(body or ""))}.items():
        if value:
            connection.putheader(name, value)
    connection.endheaders((body or "").encode())
    answer = connection.getresponse()
    found = answer.status, answer.read().decode(), {name.lower(): value for name, value in answer.getheaders()}
    connection.close()
    return found


def test_a_whole_vote_goes_over_the_wire(client: TestClient, booth: Booth) -> None:
    assert "Your name or nickname" in client.get("/key/").text
    entered = client.post("/key/enter", data={"voter": "anna"})
    assert (entered.status_code, entered.headers["location"]) == (303, "vote?voter=anna")
    page = client.get("/key/vote?voter=anna").text
    token = re.findall(r'name="duel" value="(\w+)"', page)[0]
    voted = client.post("/key/vote", data={"voter": "anna", "duel": token, "choice": "left", "seconds": "3"})
    assert voted.status_code == 303
    assert len(booth.votes.all()) == 1
    assert client.post("/key/undo", data={"voter": "anna"}).status_code == 303
    assert booth.votes.all() == []
    assert client.post("/key/end", data={"voter": "anna"}).headers["location"] == "ratings?voter=anna"
    assert "What the votes say so far" in client.get("/key/ratings?voter=anna").text


def test_style_and_script_are_served_and_nothing_else(client: TestClient) -> None:
    assert client.get("/key/arena.css").headers["content-type"].startswith("text/css")
    assert client.get("/key/arena.js").headers["content-type"].startswith("text/javascript")
    for path in (
        "/",
        "/vote?voter=anna",
        "/other/",
        "/key/manifest.json",
        "/key/../manifest.json",
        "/key/votes.sqlite",
    ):
        assert client.get(path).status_code == 404, path


def test_every_answer_has_the_same_strict_headers_and_no_cookie(client: TestClient) -> None:
    client.post("/key/enter", data={"voter": "anna"})
    paths = ("/key/", "/key/vote?voter=anna", "/key/arena.js", "/nowhere", "/key/ratings?voter=anna")
    for path in paths:
        headers = client.get(path).headers
        assert "default-src 'none'" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert not {"set-cookie", "server", "access-control-allow-origin", "etag", "last-modified"} & set(headers)
    assert client.get("/key/vote?voter=anna").headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:80",
        "127.0.0.1.evil.example",
        "127.0.0.2:80",
        "[::1]:80",
        "0.0.0.0",
        "",
        "localhost@x",
    ],
)
def test_a_foreign_host_is_refused(client: TestClient, host: str) -> None:
    answer = client.get("/key/", headers={"Host": host})
    assert (answer.status_code, answer.text) == (403, "refused: this page is for 127.0.0.1 only")


@pytest.mark.parametrize("host", ["127.0.0.1:9999", "localhost:8000", "localhost", "127.0.0.1"])
def test_a_port_that_is_forwarded_to_this_machine_is_its_own(client: TestClient, host: str) -> None:
    assert client.get("/key/", headers={"Host": host, "Origin": f"http://{host}"}).status_code == 200


@pytest.mark.parametrize(
    "origin", [ELSEWHERE, "null", "http://127.0.0.1:3000", "https://127.0.0.1:8000", "http://localhost:8000"]
)
def test_a_form_of_another_page_is_refused_and_not_stored(client: TestClient, booth: Booth, origin: str) -> None:
    answer = client.post("/key/enter", data={"voter": "mallory"}, headers={"Origin": origin})
    assert (answer.status_code, answer.text) == (403, "refused: this form was not sent by the arena's own page")
    assert booth.votes.voter("mallory") is None


def test_a_form_without_an_origin_is_refused_but_an_address_may_be_opened(booth: Booth) -> None:
    plain = TestClient(server.application(booth, "key"), OWN, follow_redirects=False)
    assert plain.get("/key/").status_code == 200
    assert plain.post("/key/enter", data={"voter": "anna"}).status_code == 403


def test_only_forms_change_anything(client: TestClient, booth: Booth) -> None:
    for path in ("enter", "undo", "end"):
        assert client.get(f"/key/{path}?voter=anna").status_code == 405
    assert booth.votes.voter("anna") is None


def test_what_is_too_large_or_no_form_is_refused(client: TestClient) -> None:
    assert client.post("/key/enter", content=b"voter=" + b"x" * 5000).status_code == 413
    assert client.post("/key/enter", content="voter=é".encode()).status_code == 400
    assert client.post("/key/enter", content=b"&".join(b"a=1" for _ in range(20))).status_code == 400
    assert client.post("/key/enter", content=b"voter=%FF").status_code == 400


def test_a_real_server_listens_on_the_loopback_address_only(url: str) -> None:
    assert url.startswith("http://127.0.0.1:")
    with socket.socket() as probe, pytest.raises(ConnectionRefusedError):
        probe.connect(("127.0.0.2", urlsplit(url).port))  # answers if every address of this machine were bound


def test_a_real_server_takes_a_vote_and_refuses_others(url: str, booth: Booth) -> None:
    assert ask(f"{url}enter", "POST", "voter=anna")[0] == 303
    page = ask(f"{url}vote?voter=anna")[1]
    token = re.findall(r'name="duel" value="(\w+)"', page)[0]
    form = urlencode({"voter": "anna", "duel": token, "choice": "equal", "seconds": "1.5"})
    assert ask(f"{url}vote", "POST", form, Origin=ELSEWHERE)[0] == 403
    assert ask(f"{url}vote", "POST", form, Host="evil.example")[0] == 403
    assert booth.votes.all() == []
    status, _, headers = ask(f"{url}vote", "POST", form)
    assert status == 303 and "server" not in headers
    assert [each.choice for each in booth.votes.all()] == ["equal"]


def test_the_address_has_a_key_that_is_drawn_at_each_start(url: str, booth: Booth) -> None:
    parts = urlsplit(url)
    assert len(parts.path.strip("/")) >= 12
    assert ask(f"http://{parts.netloc}/")[0] == ask(f"http://{parts.netloc}/guess/")[0] == 404
    with server.running(booth) as other:
        assert urlsplit(other).path != parts.path


def test_a_taken_port_is_named(url: str, booth: Booth) -> None:
    port = urlsplit(url).port
    assert port is not None
    with pytest.raises(ServeError) as caught, server.running(booth, port):
        pass
    assert str(caught.value) == (
        f"port {port} on 127.0.0.1 is taken\nhint: stop the other server, or leave out --port: a free one is taken"
    )


def test_the_port_is_free_again_afterwards(booth: Booth) -> None:
    with server.running(booth) as first:
        port = urlsplit(first).port
        ask(first)
    assert port is not None
    with server.running(booth, port) as second:
        assert ask(second)[0] == 200


def test_a_kill_in_the_middle_of_voting_keeps_every_vote_that_was_answered(folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tuner.cli", "arena", "--run", str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    address = next(found[0] for line in process.stdout if (found := re.findall(r"http://\S+", line)))
    answered: dict[str, list[str]] = {"anna": [], "ben": []}

    def vote(voter: str) -> None:
        try:
            ask(f"{address}enter", "POST", urlencode({"voter": voter}))
            while True:
                token = re.findall(r'name="duel" value="(\w+)"', ask(f"{address}vote?voter={voter}")[1])[0]
                form = urlencode({"voter": voter, "duel": token, "choice": "left"})
                if ask(f"{address}vote", "POST", form)[0] == 303:
                    answered[voter].append(token)
                if len(answered["anna"]) == 6:
                    os.kill(process.pid, signal.SIGKILL)
        except (OSError, http.client.HTTPException):
            return  # killed

    voters = [threading.Thread(target=vote, args=(name,)) for name in answered]
    for each in voters:
        each.start()
    for each in voters:
        each.join()
    assert process.wait() == -signal.SIGKILL
    logged = process.communicate()[1]
    assert logged == ""  # no request, and no code, is logged
    arena = open_arena(Run.find(folder))
    votes = arena.open_votes()
    again = Booth(arena, votes, lambda: 1.0)
    for name, tokens in answered.items():
        voter = votes.voter(name)
        assert voter is not None
        by_token = {each.token: each.duel.id for each in again.ballot(voter.number)}
        stored = [each.duel for each in votes.of(voter.number)]
        assert stored[: len(tokens)] == [by_token[each] for each in tokens]
        assert f"{len(stored) + 1} of " in again.duel({"voter": name}).body
    assert len(answered["anna"]) >= 6
    votes.close()


def test_serving_ends_on_a_signal_and_gives_the_signals_back(booth: Booth) -> None:
    seen: list[int] = []

    def ready(address: str) -> None:
        seen.append(ask(address)[0])
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    server.serve(booth, 0, ready)
    assert seen == [200]
    assert signal.getsignal(signal.SIGTERM) is before
