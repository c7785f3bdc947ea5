"""GitHub's own program between our driver and a loopback backend: each thing that a backend can do, in its class.

The failures of this module leave nothing behind in the server, so that one serves them all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.evaluate.copilot.backend import Reply, event, says
from tests.evaluate.copilot.conftest import Place, item, needs_the_server
from tuner.evaluate.copilot.system import CopilotSystem
from tuner.evaluate.system import Stopped
from tuner.records import Item, Neighbour, Prediction

pytestmark = needs_the_server


class Shared:
    """One running server, since starting it takes seconds; `beside` are the neighbours of the next items."""

    def __init__(self, place: Place) -> None:
        self.backend = place.backend
        self.beside: list[Neighbour] = []
        self.system: CopilotSystem = place.system(lambda _: self.beside, timeout_seconds=20.0)

    def ask(self, asked: Item, *replies: Reply) -> Prediction:
        """Ask about one item; all replies must have been fetched."""
        self.backend.replies.extend(replies)
        [found] = self.system.answer([asked])
        assert not self.backend.replies
        return found


def put_into_a_repository(folder: Path) -> None:
    """Make a folder a checkout of something on GitHub, as the one around a run folder often is."""
    for name in ("objects", "refs"):
        (folder / ".git" / name).mkdir(parents=True)
    (folder / ".git/HEAD").write_text("ref: refs/heads/main\n")
    (folder / ".git/config").write_text('[core]\n[remote "origin"]\n\turl = https://github.com/acme/private.git\n')


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    with Place(tmp_path_factory.mktemp("shared")) as place:
        put_into_a_repository(place.folder)
        made = Shared(place)
        with made.system:
            yield made


def test_a_completion_of_a_line_is_asked_for_as_at_an_automatic_trigger(shared: Shared) -> None:
    found = shared.ask(asked := item(), says("max", "(0.0)"))
    assert (found.raw, found.text, found.void) == ("    total = max(0.0)", "max(0.0)", None)
    assert found.latency_ms is not None and found.latency_ms > 0.0
    question = shared.backend.questions[-1]
    assert (question["n"], question["temperature"], question["stop"]) == (1, 0, ["\n"])
    assert question["prompt"].endswith(asked.prefix.rstrip(" ") + " ")
    assert asked.suffix.strip() in question["suffix"]
    assert "nwo" not in question  # the repository around the run folder is not named


def test_a_completion_of_a_block_is_kept_whole_and_cut_to_its_line(shared: Shared) -> None:
    asked = dataclasses.replace(item('    """Say how many."""\n    ', ""), suffix="")
    found = shared.ask(asked, says("    n = 0\n", "    for each in specs:\n        n += 1\n", "    return n"))
    assert found.raw == "    n = 0\n    for each in specs:\n        n += 1\n    return n"
    assert found.text == "n = 0"


def test_a_cursor_within_a_word_gets_the_rest_of_it(shared: Shared) -> None:
    found = shared.ask(item("    tota"), says("l = 0.0"))
    assert (found.raw, found.text) == ("    total = 0.0", "l = 0.0")


def test_characters_beyond_the_basic_plane_before_the_cursor_move_nothing(shared: Shared) -> None:
    found = shared.ask(item('    s = "\U0001f600é汉\U0001d54f" + '), says('"\U0001f680" + str(specs)'))
    assert found.text == '"\U0001f680" + str(specs)'


def test_windows_line_ends_move_nothing(shared: Shared) -> None:
    asked = item()
    asked = dataclasses.replace(
        asked, prefix=asked.prefix.replace("\n", "\r\n"), suffix=asked.suffix.replace("\n", "\r\n")
    )
    assert shared.ask(asked, says("0.0")).text == "0.0"


def test_tabs_are_kept(shared: Shared) -> None:
    asked = dataclasses.replace(item(path="shop/{}.go"), prefix="package x\n\nfunc f() {\n\tif y {\n\t\tx := ")
    assert shared.ask(asked, says("g(\t1)")).raw == "\t\tx := g(\t1)"


def test_a_line_moved_to_another_indent_is_told_from_a_completion(shared: Shared) -> None:
    found = shared.ask(item("    if specs:\n        return 1\n        "), says("    return 0"))
    assert (found.raw, found.text, found.format_failure) == ("    return 0", "return 0", "moves_indent")


@pytest.mark.parametrize("parts", [("",), ("   ",)])
def test_nothing_suggested_is_an_empty_answer(shared: Shared, parts: tuple[str, ...]) -> None:
    found = shared.ask(item(), says(*parts))
    assert (found.text, found.void, found.format_failure) == ("", None, None)
    assert found.latency_ms is not None


def test_a_place_that_copilot_declines_is_empty_and_asks_nobody(shared: Shared) -> None:
    before = len(shared.backend.questions)
    found = shared.ask(dataclasses.replace(item(), prefix="im", suffix=""))
    assert (found.text, found.void, found.format_failure) == ("", None, "declined")
    assert len(shared.backend.questions) == before


def test_what_is_opened_beside_an_item_reaches_the_model_and_leaves_with_it(shared: Shared) -> None:
    before = "    total = 0\n    for each in specs:\n        total += "
    code = f"def volume(specs):\n{before}each.litres()\n    return total\n"
    for shared.beside in ([Neighbour("shop/volume.py", code)], []):
        shared.ask(item(before), says("each"))
    beside, alone = (question["prompt"] for question in shared.backend.questions[-2:])
    assert "# Compare this snippet from shop/volume.py:\n# def volume(specs):" in beside
    assert "volume" not in alone


@pytest.mark.parametrize(
    ("reply", "void"),
    [
        (Reply(500, b"oops"), "server"),
        (Reply(503, b"<html>busy</html>", "text/html"), "server"),
        (Reply(400, b"{}"), "server"),
        (Reply(200, b"<html><body>Sign in to the network</body></html>", "text/html"), "protocol"),
        (Reply(200, b""), "protocol"),
        (Reply(200, b"data: [DONE]\n\n"), "protocol"),
        (Reply(200, event({"error": {"message": "overloaded"}}) + b"data: [DONE]\n\n"), "server"),
        (says("0.", "0 + ", finish=None), "truncated"),
        (says("0.", "0 + ", finish=None, cut=4000), "truncated"),
    ],
)
def test_a_failing_backend_gives_a_void_and_never_an_empty_answer(shared: Shared, reply: Reply, void: str) -> None:
    found = shared.ask(item(), reply)
    assert (found.void, found.raw, found.text, found.latency_ms) == (void, "", "", None)


def test_a_rate_limit_is_waited_out_and_nobody_is_asked_meanwhile(shared: Shared) -> None:
    found = shared.ask(item(), Reply(429, b"slow down", headers={"retry-after": "1"}), says("0.0"))
    assert (found.text, found.void) == ("0.0", None)


@pytest.mark.parametrize("status", [401, 403])
def test_a_session_that_ran_out_is_renewed_and_the_item_asked_again(shared: Shared, status: int) -> None:
    before = shared.backend.token_requests
    found = shared.ask(item(), Reply(status, b"token expired"), says("0.0"))
    assert (found.text, found.void) == ("0.0", None)
    assert shared.backend.token_requests > before


@pytest.mark.parametrize(
    ("status", "void"),
    [
        (401, "auth: status 401: not for you"),
        (403, "no_access: status 403: not for you"),
        (466, "no_access: status 466"),
    ],
)
def test_a_refusal_that_stays_stops_the_run(shared: Shared, status: int, void: str) -> None:
    refusal = Reply(status, b"not for you")
    with pytest.raises(Stopped, match=rf"^copilot stopped: {void}\n"):
        shared.ask(item(), refusal, refusal)
    assert not shared.backend.replies


def test_an_unknown_model_stops_the_run(shared: Shared) -> None:
    with pytest.raises(Stopped, match=r"^copilot stopped: no_model: status 404: no such model\n"):
        shared.ask(item(), Reply(404, b"no such model"))


def test_what_answered_is_told_without_a_name(shared: Shared) -> None:
    about = shared.system.about
    assert about.pop("server").startswith("GitHub Copilot Language Server 1.")
    assert about == {"model": "gpt-41-copilot", "plan": "business"}


def test_the_server_reached_for_nothing_but_its_telemetry(shared: Shared) -> None:
    """It tries to, though it is told to send none; the loopback proxy lets nothing out."""
    assert {host.rpartition(":")[0] for host in shared.backend.refused} <= {"copilot-telemetry.githubusercontent.com"}
