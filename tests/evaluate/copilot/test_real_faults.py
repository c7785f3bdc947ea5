"""GitHub's own program when it, its backend or the whole run breaks off: what is kept, and what is asked again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.evaluate.copilot.backend import Reply, says
from tests.evaluate.copilot.conftest import ROOT, Place, item, needs_the_server
from tests.evaluate.copilot.test_language_server import ends, needs_proc
from tuner.evaluate.copilot.session import Session
from tuner.evaluate.stage import answer_all
from tuner.evaluate.system import Stopped
from tuner.progress import Progress
from tuner.records import Item
from tuner.rundir import Workspace

pytestmark = needs_the_server


def items(count: int) -> list[Item]:
    """Make items in the order in which they are asked."""
    return sorted((item() for _ in range(count)), key=lambda each: each.id)


def work(place: Place) -> Workspace:
    (place.folder / "scratch").mkdir(exist_ok=True)
    return Workspace(place.folder, place.folder / "out", place.folder / "scratch", Progress())


def asked(place: Place) -> list[str]:
    """Name the functions that the backend was asked to complete, in order."""
    return [question["prompt"].partition("def ")[2].partition("(")[0] for question in place.backend.questions]


def test_a_crash_in_the_middle_and_a_quota_lose_no_answer_and_ask_nothing_twice(place: Place) -> None:
    five = items(5)
    names = [Path(each.path).stem for each in five]
    system = place.system()

    def crash() -> None:
        assert system._session is not None
        os.kill(system._session.server.process.pid, signal.SIGKILL)

    place.backend.replies.extend([says("one"), says("lost", first=crash), says("two"), Reply(402, b"quota")])
    with system:
        with pytest.raises(Stopped, match=r"^copilot stopped: quota: status 402"):
            answer_all(system, five, 1, work(place))
        with pytest.raises(Stopped, match=r"^copilot stopped: quota: monthly free code completions exhausted"):
            list(system.answer([item()]))  # the server answers with nothing, and asks nobody any more
        token = os.environ["GH_COPILOT_TOKEN"].encode()
        assert not [path for path in place.folder.rglob("*") if path.is_file() and token in path.read_bytes()]
    assert asked(place) == [names[0], names[1], names[1], names[2]]  # the crash is asked about once more

    place.backend.replies.extend([says("three"), says("four"), says("five")])
    with place.system() as resumed:
        found = answer_all(resumed, five, 1, work(place))
    assert [(each.text, each.void) for each in found] == [
        ("one", None),
        ("two", None),
        ("three", None),
        ("four", None),
        ("five", None),
    ]
    assert asked(place)[4:] == names[2:]


def test_a_backend_that_hangs_costs_one_item_and_its_late_answer_counts_for_no_other(place: Place) -> None:
    release = threading.Event()
    place.backend.replies.extend([says("one"), says("late", first=lambda: assert_set(release)), says("three")])
    found = []
    with place.system() as system:
        for seconds in (30.0, 1.0, 30.0):  # a busy machine answers late; only the hanging question is to be given up
            system.settings = place.settings(timeout_seconds=seconds)
            [prediction] = system.answer([item()])
            found.append((prediction.text, prediction.void))
        release.set()
    assert found == [("one", None), ("", "timeout"), ("three", None)]


def assert_set(event: threading.Event) -> None:
    assert event.wait(60)


def test_a_token_that_github_refuses_is_told_from_an_account_without_copilot_and_from_a_github_that_fails(
    place: Place,
) -> None:
    words = "No access to GitHub Copilot found. You are currently logged in as octocat."
    refusals = [
        (401, {"message": "Bad credentials"}),
        (403, {"error_details": {"message": words, "notification_id": "no_copilot_access"}}),
        (500, {}),
    ]
    session = Session(Path(place.settings().server or ""), place.folder / "session")
    found = []
    try:
        for place.backend.token_reply in refusals:
            found.append(session.standing())
    finally:
        session.close()
    assert [each.void for each in found] == ["auth", "no_access", "server"]
    assert found[0].detail == "GitHub refused the token in GH_COPILOT_TOKEN"
    assert found[1].detail.startswith("GitHub refuses completions to this account: ")
    assert "500" in found[2].detail


@needs_proc
def test_the_server_ends_when_the_run_is_killed(place: Place) -> None:
    program = f"""
import sys, time
from pathlib import Path
from tuner.evaluate.copilot.session import Session
session = Session(Path({place.settings().server!r}), Path({str(place.folder / "killed")!r}))
print(session.server.process.pid, flush=True)
time.sleep(60)
"""
    started = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    assert started.stdout is not None
    with started.stdout as stream:
        server = int(stream.readline())
        assert not ends(server, 0.0)
        started.kill()
        started.wait()
        assert ends(server, 30.0)
