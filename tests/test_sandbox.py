"""Hostile commands, run for real: each ends in time, is named for what it did, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.isolation import needs_isolation
from tuner.errors import MachineError
from tuner.sandbox import GRACE_SECONDS, Limits, Outcome, folders_of, require_isolation, run

pytestmark = needs_isolation

ROOT = Path(__file__).parent.parent
PYTHON = folders_of(Path(sys.executable))
SMALL = Limits(seconds=120.0, memory_mib=128, disk_mib=16, processes=40, output_bytes=50_000)
NAP = "73.25"  # seconds that nothing else on the machine sleeps


def sh(script: str, limits: Limits = SMALL, tree: Path | None = None, **files: str) -> Outcome:
    return run(["/bin/sh", "-c", script], limits, tree=tree, files=files)


def python(program: str, limits: Limits = SMALL) -> Outcome:
    return run([sys.executable, "-I", "-S", "-c", program], limits, readable=PYTHON)


def sleepers() -> list[str]:
    """List the processes of the whole machine that sleep as long as ours do."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:  # it has just ended
            continue
        if words[:2] == [b"sleep", NAP.encode()]:
            found.append(path.parent.name)
    return found


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    assert sleepers() == []
    yield
    until = time.monotonic() + 5.0  # the kernel may still be at it after a kill from outside
    while sleepers() and time.monotonic() < until:
        time.sleep(0.05)
    assert sleepers() == []


def test_a_command_that_does_no_harm_runs_in_its_copy_and_says_how_it_ended(tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package/a.txt").write_text("as it was\n")
    (tmp_path / "run.sh").write_text("#!/bin/sh\ncat package/a.txt; pwd; exit 3\n")
    (tmp_path / "run.sh").chmod(0o755)
    (tmp_path / "link").symlink_to("package/a.txt")
    outcome = sh("./run.sh && true || echo ended $?; cat link", tree=tmp_path)
    assert outcome.output == "as it was\n/sandbox/tree\nended 3\nas it was\n"
    assert outcome.passed and outcome.ended == "exited"
    failed = sh("exit 3")
    assert (failed.ended, failed.status, failed.passed) == ("exited", 3, False)
    assert sh("kill -SEGV $$").status == -signal.SIGSEGV


def test_files_are_written_over_the_copy_and_not_over_the_original(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("old")
    outcome = run(
        ["/bin/sh", "-c", "cat a.txt new/b.txt; rm -r *"],
        SMALL,
        tree=tmp_path,
        files={"a.txt": "altered ", "new/b.txt": "added"},
    )
    assert outcome.output == "altered added"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "old"


def test_a_file_outside_the_copy_is_refused() -> None:
    for name in ("/etc/x", "../x", "a/../../x"):
        with pytest.raises(ValueError, match="wanted a path inside the copy"):
            sh("true", **{name: "text"})


def test_a_program_that_is_missing_is_said_by_name() -> None:
    outcome = run(["no-such-program"], SMALL)
    assert outcome.status == 127
    assert outcome.output == "no-such-program: No such file or directory\n"


def test_a_loop_without_end_is_a_timeout_whether_it_works_or_sleeps() -> None:
    brief = Limits(seconds=0.4, memory_mib=64)
    for script in ("while :; do :; done", f"sleep {NAP}", f"trap '' TERM INT; sleep {NAP} & wait; sleep {NAP}"):
        outcome = sh(script, brief)
        assert (outcome.ended, outcome.status) == ("timeout", None)
        assert outcome.seconds < 0.4 + GRACE_SECONDS


def test_output_without_end_is_cut_and_the_command_ended() -> None:
    outcome = sh("yes")
    assert outcome.ended == "output"
    assert len(outcome.output) == SMALL.output_bytes


def test_a_fork_bomb_is_stopped_at_the_limit_and_leaves_no_process() -> None:
    bomb = f"bomb() {{ bomb | bomb & sleep {NAP}; }}; bomb; wait; sleep {NAP}"
    outcome = sh(bomb, Limits(seconds=1.0, memory_mib=128, processes=40))
    assert outcome.ended in ("processes", "timeout") and not outcome.passed
    threads = "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(60,)).start()"
    assert python(threads).ended == "processes"


def test_memory_is_counted_over_all_processes_together() -> None:
    hog = "held = []\nwhile True: held.append(b'x' * 2**20)"
    assert python(hog).ended == "memory"
    crowd = f"import os, time\nfor _ in range(4): os.fork()\nheld = b'x' * 2**24\ntime.sleep({NAP})"
    assert python(crowd).ended == "memory"


def test_a_file_that_grows_without_end_is_stopped_and_so_are_many_files() -> None:
    assert sh("exec cat /dev/zero > big").ended == "disk"
    outcome = sh("for i in 1 2 3; do head -c 8000000 /dev/zero > f$i || exit 9; done")
    assert outcome.status == 9 and "No space left" in outcome.output


def test_nothing_outside_the_copy_can_be_written_or_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("word")
    places = ["/x", "/usr/x", "/etc/x", "/bin/x", str(tmp_path / "x"), str(Path.home() / "x"), "/dev/x", "/proc/x"]
    tried = sh("; ".join(f"(echo harm > {place}) && echo done" for place in places))
    assert "done" not in tried.output and len(tried.output.splitlines()) == len(places)
    assert not any(Path(place).exists() for place in places)
    seen = sh(f"cat {secret} /etc/shadow; ls {Path.home()} /run /var /sys; ls / | tr '\\n' ' '")
    assert "word" not in seen.output and "root:" not in seen.output
    shown = set(seen.output.splitlines()[-1].split())
    assert shown <= {
        *["bin", "dev", "etc", "lib", "lib32", "lib64", "libx32", "nix", "gnu", "proc", "sandbox", "sbin", "tmp", "usr"]
    }
    assert sh("echo mine > /tmp/x && cat /tmp/x && echo mine > $HOME/x").passed
    assert not Path("/tmp/x").exists()


def test_nothing_can_be_mounted_or_remounted_and_no_right_is_gained() -> None:
    assert sh("mount -o remount,rw / || umount /usr || unshare --user --map-root-user true").status != 0
    assert "0000000000000000" in sh("grep CapEff /proc/self/status").output
    assert "NoNewPrivs:\t1" in sh("grep NoNewPrivs /proc/self/status").output


@pytest.mark.parametrize("address", ["('127.0.0.1', {port})", "('192.0.2.1', 80)", "('8.8.8.8', 53)"])
def test_no_connection_gets_out_loopback_included(address: str) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        place = address.format(port=server.getsockname()[1])
        outcome = python(f"import socket; socket.create_connection({place}, 1)")
    assert outcome.status == 1 and "Network is unreachable" in outcome.output


def test_no_socket_of_the_machine_can_be_reached(tmp_path: Path) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as abstract:
        server.bind(str(tmp_path / "s"))
        server.listen()
        abstract.bind(f"\0tuner-test-{os.getpid()}")
        abstract.listen()
        for place in (str(tmp_path / "s"), f"\0tuner-test-{os.getpid()}"):
            outcome = python(f"import socket; socket.socket(socket.AF_UNIX).connect({place!r})")
            assert outcome.status == 1


def test_it_sees_and_hits_no_process_but_its_own() -> None:
    numbers = sh("ls /proc | grep '^[0-9]' | tr '\\n' ' '").output.split()
    assert numbers[0] == "1" and len(numbers) <= 6
    outcome = sh("kill -9 1; kill -9 $PPID; kill -STOP 1; kill -9 -1; cat /proc/1/environ; echo still here")
    assert outcome.ended == "exited" and outcome.output.endswith("still here\n")


def test_no_variable_comes_in_that_was_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "a value of this test")
    outcome = run(["/usr/bin/env"], SMALL, environment={"GIVEN": "yes"})
    names = {line.partition("=")[0] for line in outcome.output.splitlines()}
    assert names == {"PATH", "HOME", "TMPDIR", "LANG", "GIVEN"}


def test_what_it_starts_in_the_background_ends_with_it() -> None:
    assert sh(f"setsid sleep {NAP} & nohup sleep {NAP} >/dev/null 2>&1 & exit 0").passed


def test_all_of_it_dies_with_the_program_that_started_it() -> None:
    script = f"from tuner.sandbox import *\nrun(['sleep', '{NAP}'], Limits(60.0, 64))"
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT) as starter:
        until = time.monotonic() + 20.0
        while not sleepers() and time.monotonic() < until:
            time.sleep(0.05)
        assert len(sleepers()) == 1
        starter.send_signal(signal.SIGKILL)


def test_where_the_kernel_allows_no_isolation_nothing_is_run() -> None:
    require_isolation()  # as it is here
    script = (
        "from tuner.sandbox import *\ntry:\n    require_isolation()\nexcept MachineError as error:\n    print(error)"
    )
    environment = {"PYTHONPATH": str(ROOT)}
    outcome = run([sys.executable, "-c", script], SMALL, readable=[*PYTHON, ROOT], environment=environment)
    assert outcome.output == (
        "no code can be run in isolation here: unshare: No space left on device\n"
        "hint: code is run on Linux 5.14 or newer with user namespaces: `sysctl user.max_user_namespaces` must not be "
        "0, and neither AppArmor nor the container may forbid `unshare --user`\n"
    )


def test_a_refusal_by_the_kernel_runs_nothing(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match=r"no code can be run in isolation here: .*No such file"):
        sh("echo run", tree=tmp_path / "missing")


def test_an_interpreter_brings_its_own_folders_and_never_a_home(tmp_path: Path) -> None:
    (tmp_path / "python/bin").mkdir(parents=True)
    (tmp_path / "python/lib/python3.12").mkdir(parents=True)
    (tmp_path / "python/bin/python3").touch()
    (tmp_path / "venv/bin").mkdir(parents=True)
    (tmp_path / "venv/pyvenv.cfg").touch()
    (tmp_path / "venv/bin/python").symlink_to("../../python/bin/python3")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/python").symlink_to(tmp_path / "venv/bin/python")
    assert folders_of(tmp_path / "bin/python") == [tmp_path / "venv", tmp_path / "python"]
    (Path(tmp_path) / "lib/python3.11").mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(tmp_path))
        assert folders_of(tmp_path / "bin/python") == [tmp_path / "venv", tmp_path / "python"]
