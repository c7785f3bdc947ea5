"""The client of language servers against small programs that speak, stammer, hang and die."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuner.evaluate.copilot.language_server import Gone, LanguageServer, Refused, TimedOut, read_message

FRAMES = """
import json, os, sys, time
def send(**message):
    data = json.dumps({"jsonrpc": "2.0", **message}).encode()
    sys.stdout.buffer.write(b"Content-Type: x\\r\\nContent-Length: %d\\r\\n\\r\\n%b" % (len(data), data))
    sys.stdout.buffer.flush()
def take():
    length = 0
    while (line := sys.stdin.buffer.readline()) not in (b"\\r\\n", b""):
        length = int(line.split(b":")[1])
    if not line:
        sys.exit(0)
    return json.loads(sys.stdin.buffer.read(length))
"""
ECHO = """
while True:
    told = take()
    if "id" in told:
        send(id=told["id"], result=told["params"])
"""


class Heard:
    """What a server told and asked."""

    def __init__(self) -> None:
        self.notifications: list[tuple[str, Any]] = []
        self.requests: list[tuple[str, Any]] = []

    def tell(self, method: str, params: Any) -> None:
        self.notifications.append((method, params))

    def ask(self, method: str, params: Any) -> Any:
        self.requests.append((method, params))
        return {"answer to": method}


needs_proc = pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="no /proc to look processes up in")
Start = Callable[..., LanguageServer]


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def start(tmp_path: Path, heard: Heard) -> Iterator[Start]:
    started: list[LanguageServer] = []

    def begin(program: str, hide: Callable[[str], str] = lambda text: text) -> LanguageServer:
        command = [sys.executable, "-c", FRAMES + program]
        started.append(LanguageServer(command, os.environ, tmp_path, heard.ask, heard.tell, hide))
        started[-1].name = "server"
        return started[-1]

    yield begin
    for server in started:
        server.kill()
        server.close()


def test_a_result_comes_back_to_who_asked_for_it(start: Start) -> None:
    server = start(ECHO)
    for value in ({"a": 1}, "naïve \U0001f600 café", ["\udc80", None]):
        assert server.request("echo", value, 10) == value


def test_an_answer_out_of_order_finds_its_question(start: Start) -> None:
    server = start(
        """
first = take()
send(id=first["id"] + 1, result="to nobody")
send(id=first["id"], result="to the first")
take()
"""
    )
    assert server.request("one", {}, 10) == "to the first"


def test_what_the_server_asks_is_answered_and_what_it_tells_is_heard(start: Start, heard: Heard) -> None:
    server = start(
        """
asked = take()
send(method="window/logMessage", params={"message": "x"})
send(id="mine", method="workspace/configuration", params={"items": []})
reply = take()
send(id=asked["id"], result=reply)
take()
"""
    )
    reply = server.request("go", {}, 10)
    assert reply == {"jsonrpc": "2.0", "id": "mine", "result": {"answer to": "workspace/configuration"}}
    assert heard.notifications == [("window/logMessage", {"message": "x"})]
    assert heard.requests == [("workspace/configuration", {"items": []})]


def test_an_error_keeps_its_code(start: Start) -> None:
    server = start('send(id=take()["id"], error={"code": 1000, "message": "Not authenticated"}); take()')
    with pytest.raises(Refused, match=r"^Not authenticated$") as caught:
        server.request("x", {}, 10)
    assert caught.value.code == 1000


def test_no_answer_in_time_is_said_and_the_server_is_told_to_stop(start: Start) -> None:
    server = start('first = take(); told = take(); last = take(); send(id=last["id"], result=told); take()')
    with pytest.raises(TimedOut, match=r"^server: no answer to slow within 0\.2 s$"):
        server.request("slow", {}, 0.2)
    told = server.request("next", {}, 10)
    assert (told["method"], told["params"]) == ("$/cancelRequest", {"id": 1})


def test_a_server_that_reads_no_more_blocks_nobody(start: Start) -> None:
    server = start("take(); time.sleep(60)")
    server.notify("start", {})
    server.notify("textDocument/didOpen", {"text": "x" * 10_000_000})
    with pytest.raises(TimedOut):
        server.request("next", {}, 0.3)
    server.kill()
    with pytest.raises(Gone, match=r"^server: ended with status -9$"):
        server.request("next", {}, 10)


def test_a_server_that_dies_is_gone_for_this_question_and_the_next(start: Start) -> None:
    server = start('take(); print("no libfoo.so", file=sys.stderr); sys.stderr.flush(); os._exit(3)')
    for _ in range(2):
        with pytest.raises(Gone, match=r"^server: ended with status 3: no libfoo\.so$"):
            server.request("x", {}, 10)


def test_a_server_that_breaks_off_within_a_message_is_gone(start: Start) -> None:
    server = start('take(); sys.stdout.buffer.write(b"Content-Length: 99\\r\\n\\r\\n{"); sys.stdout.buffer.flush()')
    with pytest.raises(Gone, match=r"^server: ended with status 0$"):
        server.request("x", {}, 10)


def test_secrets_in_its_last_words_are_not_shown(start: Start) -> None:
    server = start(
        'take(); print("bad token gho_abc", file=sys.stderr); sys.stderr.flush(); os._exit(1)',
        lambda text: text.replace("gho_abc", "<token>"),
    )
    with pytest.raises(Gone, match=r"^server: ended with status 1: bad token <token>$"):
        server.request("x", {}, 10)


def test_a_program_that_is_no_language_server_is_ended(start: Start) -> None:
    server = start('print("Welcome to cat 1.0"); sys.stdout.flush(); time.sleep(60)')
    with pytest.raises(Gone, match=r"^server: no language server: it wrote b'Welcome to cat 1\.0\\n'$"):
        server.request("x", {}, 10)
    assert server.process.poll() is not None


def test_a_program_that_cannot_be_started_is_named(tmp_path: Path, heard: Heard) -> None:
    program = tmp_path / "text"
    program.write_bytes(b"\x7fELF")
    program.chmod(0o755)
    with pytest.raises(Gone, match=r"text: cannot be started: Exec format error$"):
        LanguageServer([str(program)], os.environ, tmp_path, heard.ask, heard.tell, str)


@needs_proc
def test_closing_ends_a_server_that_will_not_leave_and_its_children(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tuner.evaluate.copilot.language_server.POLITE_SECONDS", 0.2)
    server = start(
        """
import signal, subprocess
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(30)"])
send(id=take()["id"], result=child.pid)
time.sleep(60)
"""
    )
    child = server.request("child", {}, 10)
    server.close()
    assert server.process.poll() is not None
    assert ends(child, 5.0)


@needs_proc
def test_a_server_ends_when_who_started_it_is_killed(tmp_path: Path) -> None:
    program = f"""
import os, sys, time
from pathlib import Path
from tuner.evaluate.copilot.language_server import LanguageServer
command, here = [sys.executable, "-c", {FRAMES + ECHO!r}], Path({str(tmp_path)!r})
server = LanguageServer(command, os.environ, here, print, print, str)
print(server.request("pid", server.process.pid, 10), flush=True)
time.sleep(60)
"""
    started = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert started.stdout is not None
    with started.stdout as stream:
        server = int(stream.readline())
        assert not ends(server, 0.0)
        started.kill()
        started.wait()
        assert ends(server)


WORDS = st.text('ab\r\n"\\é\U0001f600', max_size=8)


@given(st.lists(st.dictionaries(WORDS, WORDS | st.integers() | st.none(), max_size=4), max_size=4))
def test_messages_are_read_as_they_were_framed(messages: list[dict[str, Any]]) -> None:
    stream = io.BytesIO()
    for message in messages:
        data = json.dumps(message, ensure_ascii=False).encode("utf-8", "surrogatepass")
        stream.write(b"Content-Length: %d\r\nContent-Type: application/vscode-jsonrpc\r\n\r\n%b" % (len(data), data))
    stream.seek(0)
    assert [read_message(stream) for _ in messages] == messages
    assert read_message(stream) is None


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"<html>\r\n", "no language server: it wrote b'<html>\\r\\n'"),
        (b"X: 1\r\n\r\n", "no language server: a message of None bytes"),
        (b"Content-Length: 0\r\n\r\n", "no language server: a message of 0 bytes"),
        (b"Content-Length: -5\r\n\r\n", "no language server: a message of -5 bytes"),
        (b"Content-Length: 999999999999\r\n\r\n", "no language server: a message of 999999999999 bytes"),
        (b"Content-Length: 2\r\n\r\n[]", "no language server: a message that is no object: b'[]'"),
    ],
)
def test_what_is_no_frame_is_refused(data: bytes, fault: str) -> None:
    with pytest.raises(ValueError) as caught:
        read_message(io.BytesIO(data))
    assert str(caught.value) == fault


def ends(process: int, seconds: float = 10.0) -> bool:
    """Wait until a process that is not our child has gone, or is a zombie that nobody has fetched yet."""
    until = time.monotonic() + seconds
    while True:
        try:
            if Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except FileNotFoundError:
            return True
        if time.monotonic() >= until:
            return False
        time.sleep(0.05)
