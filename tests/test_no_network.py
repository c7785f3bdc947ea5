"""The tests' own guard: a connection that would leave this machine is refused, one on the loopback address is not."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request

import pytest

ELSEWHERE = ("192.0.2.1", 9)  # RFC 5737: an address for documentation, which nobody has
REFUSED = r"a test tried to reach .*; tests may only use the loopback address"


@pytest.mark.parametrize("method", ["connect", "connect_ex"])
def test_a_socket_cannot_leave_this_machine(method: str) -> None:
    with socket.socket() as client, pytest.raises(RuntimeError, match=REFUSED):
        getattr(client, method)(ELSEWHERE)


def test_no_connection_is_created_and_no_name_looked_up() -> None:
    with pytest.raises(RuntimeError, match=REFUSED):
        socket.create_connection(ELSEWHERE)
    with pytest.raises(RuntimeError, match=REFUSED):
        socket.getaddrinfo("example.org", 443)


def test_a_library_meets_the_guard_too() -> None:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with pytest.raises(RuntimeError, match=REFUSED):
        opener.open("http://192.0.2.1:9/", timeout=1)


def test_the_loopback_address_and_local_sockets_are_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()) as client:
        client.sendall(b"x")
        accepted, _ = server.accept()
        with accepted:
            assert accepted.recv(1) == b"x"
    here, there = socket.socketpair(socket.AF_UNIX)
    with here, there:
        here.sendall(b"y")
        assert there.recv(1) == b"y"


@pytest.mark.parametrize("name", ["HF_HUB_OFFLINE", "HF_HUB_DISABLE_TELEMETRY"])
def test_processes_that_a_test_starts_are_offline_too(name: str) -> None:
    assert os.environ[name] == "1"
    shown = subprocess.run(
        [sys.executable, "-c", f"import os; print(os.environ['{name}'])"], capture_output=True, check=True
    )
    assert shown.stdout == b"1\n"
