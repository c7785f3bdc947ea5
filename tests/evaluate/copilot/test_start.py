"""What is told before the first item: who may not ask, and which program cannot be asked."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.evaluate.copilot.conftest import TOKEN, Desk
from tests.evaluate.copilot.fake_server import answering
from tuner.errors import MachineError
from tuner.evaluate.system import Stopped

GOOD = answering("    total = 0.0", 0, 12, line=4)


@pytest.fixture
def desk(tmp_path: Path, no_token: None) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize(
    ("token", "status", "message"),
    [
        (
            None,
            "NotSignedIn",
            "copilot stopped: auth: nobody is signed in to GitHub Copilot on this machine, and GH_COPILOT_TOKEN is not "
            "set",
        ),
        (
            "a=b",
            "NotSignedIn",
            "copilot stopped: auth: nobody is signed in to GitHub Copilot, and GH_COPILOT_TOKEN holds a `=`: the "
            "server takes no such token",
        ),
        (TOKEN, "NotSignedIn", "copilot stopped: auth: GitHub refused the token in GH_COPILOT_TOKEN"),
        (
            TOKEN,
            "NotAuthorized",
            "copilot stopped: no_access: GitHub refuses completions to this account: NotAuthorized",
        ),
    ],
)
def test_who_may_not_ask_is_told_before_the_first_item(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, token: str | None, status: str, message: str
) -> None:
    if token is not None:
        monkeypatch.setenv("GH_COPILOT_TOKEN", token)
    fake = desk.server(GOOD, status=status)
    with pytest.raises(Stopped) as caught, desk.system(fake):
        pass
    assert caught.value.message == message
    assert fake.heard("textDocument/didOpen") == []
    assert not (desk.scratch / "copilot-server").exists()


def test_a_server_that_is_too_old_is_refused(desk: Desk) -> None:
    fake = desk.server(GOOD, version="1.399.0")
    with pytest.raises(MachineError) as caught, desk.system(fake):
        pass
    assert str(caught.value) == (
        f"{fake.program}: its version is 1.399.0, wanted 1.400 or newer\n"
        "hint: `make copilot` installs a newer one from npm"
    )


def test_a_program_that_does_not_start_is_named_with_its_last_words(desk: Desk) -> None:
    fake = desk.server()
    fake.program.write_text('#!/bin/sh\necho "Node.js 22.13 is required" >&2\nexit 1\n')
    with pytest.raises(MachineError) as caught, desk.system(fake):
        pass
    assert str(caught.value) == (
        "the Copilot language server did not start: fake-copilot: ended with status 1: Node.js 22.13 is required\n"
        f"hint: see what `{fake.program} --version` says; `make copilot` installs the server again"
    )
