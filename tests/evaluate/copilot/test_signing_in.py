"""Signing in and asking for the status, against a scripted server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.evaluate.copilot.conftest import TOKEN
from tests.evaluate.copilot.fake_server import FakeServer
from tuner.errors import EvaluateError
from tuner.evaluate.copilot.signing_in import sign_in, status
from tuner.recipe import CopilotSettings

CODE = {
    "result": {
        "status": "PromptUserDeviceFlow",
        "userCode": "ABCD-1234",
        "verificationUri": "https://github.com/login/device",
        "expiresIn": 899,
        "interval": 5,
        "command": {"command": "github.copilot.finishDeviceFlow", "title": "Sign in with GitHub", "arguments": []},
    }
}
HINT = "see whether this machine reaches github.com, then `tuner copilot sign-in` again"


pytestmark = pytest.mark.usefixtures("no_token")


def settings(fake: FakeServer) -> CopilotSettings:
    return CopilotSettings(server=str(fake.program))


def test_the_user_is_told_where_to_enter_which_code(tmp_path: Path) -> None:
    fake, said = FakeServer(tmp_path, [CODE, {"result": {"status": "OK", "user": "octocat"}}]), []
    found = sign_in(settings(fake), said.append)
    assert (found.ready, found.text) == (True, "signed in")
    assert said == [
        "Copilot language server 1.550.0",
        "open https://github.com/login/device and enter the code ABCD-1234",
        "waiting for GitHub; the code is good for 15 minutes, Ctrl-C stops waiting",
    ]
    [command] = fake.heard("workspace/executeCommand")
    assert command == CODE["result"]["command"]


def test_who_is_signed_in_already_is_not_asked_again(tmp_path: Path) -> None:
    fake, said = FakeServer(tmp_path, [{"result": {"status": "AlreadySignedIn", "user": "octocat"}}]), []
    assert sign_in(settings(fake), said.append).ready
    assert said[1:] == ["already signed in"]
    assert fake.heard("workspace/executeCommand") == []


def test_a_sign_in_without_a_plan_says_so(tmp_path: Path) -> None:
    fake = FakeServer(tmp_path, [CODE, {"result": None}], status="NotAuthorized")
    found = sign_in(settings(fake), lambda _: None)
    assert (found.ready, found.text) == (
        False,
        "signed in, but no_access: GitHub refuses completions to this account: NotAuthorized",
    )


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        (
            [{"error": {"code": 1001, "message": "Could not log in with device flow"}}],
            "Could not log in with device flow",
        ),
        ([CODE, {"error": {"code": 1001, "message": "Timed out polling"}}], "Timed out polling"),
    ],
)
def test_a_flow_that_fails_says_why(tmp_path: Path, steps: list[dict[str, Any]], message: str) -> None:
    with pytest.raises(EvaluateError) as caught:
        sign_in(settings(FakeServer(tmp_path, steps)), lambda _: None)
    assert str(caught.value) == f"GitHub Copilot: signing in failed: {message}\nhint: {HINT}"


@pytest.mark.parametrize("name", ["GH_COPILOT_TOKEN", "GITHUB_COPILOT_TOKEN"])
def test_a_token_in_the_environment_is_not_signed_in_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, TOKEN)
    fake = FakeServer(tmp_path, [])
    with pytest.raises(EvaluateError) as caught:
        sign_in(settings(fake), lambda _: None)
    assert str(caught.value) == (
        f"{name} is set, and the server takes its token rather than any sign-in\nhint: unset {name} first"
    )
    assert fake.heard("initialize") == []


def test_the_status_says_by_whose_leave_completions_may_be_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = FakeServer(tmp_path, [])
    assert status(settings(fake)).text == "ready, by the sign-in of this machine; plan: not told"
    monkeypatch.setenv("GH_COPILOT_TOKEN", TOKEN)
    assert status(settings(fake)).text == "ready, by the token in GH_COPILOT_TOKEN; plan: not told"
    monkeypatch.setenv("GH_COPILOT_TOKEN", "a=b")  # the server ignores it
    monkeypatch.setenv("GITHUB_COPILOT_TOKEN", TOKEN)
    assert status(settings(fake)).text == "ready, by the token in GITHUB_COPILOT_TOKEN; plan: not told"


def test_the_status_says_what_is_missing(tmp_path: Path) -> None:
    found = status(settings(FakeServer(tmp_path, [], status="NotSignedIn")))
    assert (found.ready, found.server_version) == (False, "1.550.0")
    assert found.text == "auth: nobody is signed in to GitHub Copilot on this machine, and GH_COPILOT_TOKEN is not set"
