"""Sign in to GitHub Copilot from a terminal, and say whether somebody is.

In: `compare.copilot`. The server does the signing in, by GitHub's device flow, and keeps the token in its own store
(`github-copilot/` in the user's configuration folder), which editors on this machine share. No browser is opened.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tuner.errors import EvaluateError
from tuner.evaluate.copilot import tokens
from tuner.evaluate.copilot.language_server import Refused, TimedOut
from tuner.evaluate.copilot.program import find_server
from tuner.evaluate.copilot.session import Session
from tuner.recipe import CopilotSettings

ASK_SECONDS = 60.0
GRACE_SECONDS = 30.0  # beyond the code's own life, for the server to say so itself


@dataclass(frozen=True, slots=True)
class Status:
    """What the server knows; `text` says it in a line."""

    ready: bool
    server_version: str
    text: str


def status(settings: CopilotSettings) -> Status:
    """Say whether completions may be asked for, and by whose leave."""
    with _session(settings) as session:
        standing = session.standing()
        if standing.void is not None:
            return Status(False, session.version, f"{standing.void}: {standing.detail}")
        variable = tokens.source()
        by = f"the token in {variable}" if variable else "the sign-in of this machine"
        return Status(True, session.version, f"ready, by {by}; plan: {session.plan() or 'not told'}")


def sign_in(settings: CopilotSettings, say: Callable[[str], None]) -> Status:
    """Walk through GitHub's device flow; `say` shows each line that the user must read."""
    variable = tokens.source()
    if variable is not None:
        raise EvaluateError(
            f"{variable} is set, and the server takes its token rather than any sign-in", f"unset {variable} first"
        )
    with _session(settings) as session:
        say(f"Copilot language server {session.version}")
        try:
            started = session.request("signIn", {}, ASK_SECONDS)
            if started.get("status") == "AlreadySignedIn":
                say("already signed in")
            else:
                say(f"open {started['verificationUri']} and enter the code {started['userCode']}")
                minutes = started["expiresIn"] / 60
                say(f"waiting for GitHub; the code is good for {minutes:.0f} minutes, Ctrl-C stops waiting")
                session.request("workspace/executeCommand", started["command"], started["expiresIn"] + GRACE_SECONDS)
        except (Refused, TimedOut) as error:
            raise EvaluateError(
                f"GitHub Copilot: signing in failed: {tokens.hidden(str(error))}",
                "see whether this machine reaches github.com, then `tuner copilot sign-in` again",
            ) from None
        standing = session.standing()
        text = "signed in" if standing.void is None else f"signed in, but {standing.void}: {standing.detail}"
        return Status(standing.void is None, session.version, text)


@contextmanager
def _session(settings: CopilotSettings) -> Iterator[Session]:
    program = find_server(settings)
    with tempfile.TemporaryDirectory(prefix="tuner-copilot-") as folder:
        session = Session(program, Path(folder) / "server")
        try:
            yield session
        finally:
            session.close()
