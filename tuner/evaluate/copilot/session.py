"""One running Copilot language server: started, greeted, told what it may do, and asked for its state.

In: its program, and a folder to throw away afterwards. The server keeps its sign-in where the user's editors keep it,
or takes a token from the environment; neither is read or written here. It is asked to log much, since only its log
tells an empty answer from a failure; the log stays in memory. The folder is made a repository of its own, for the
server names the repository that a file lies in to GitHub, and that would be the one around the run folder.
"""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tuner import __version__
from tuner.errors import MachineError
from tuner.evaluate.copilot import tokens
from tuner.evaluate.copilot.language_server import Gone, LanguageServer, Refused, TimedOut
from tuner.evaluate.copilot.program import require_recent
from tuner.evaluate.system import Void

START_SECONDS = 60.0
STATUS_SECONDS = 60.0
EDITOR = {"name": "tuner", "version": __version__}


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether completions may be asked for; `void` and `detail` say why not."""

    void: Void | None
    detail: str


class Session:
    """A server between `start` and `close`. `lines` is what it has logged since they were last cleared."""

    def __init__(self, program: Path, folder: Path) -> None:
        self.program = program
        self.folder = folder
        self.lines: list[str] = []
        self.version = ""
        self._message = ""
        self._opened = 0
        self._workspace = folder / "workspace"
        self._prepare()
        environment = {**os.environ, "COPILOT_AGENT_VERBOSE": "1", "TMPDIR": str(folder / "tmp")}
        try:
            self.server = LanguageServer(
                [str(program), "--stdio"], environment, self._workspace, self._answer, self._hear, tokens.hidden
            )
        except Gone as error:
            raise self._not_started(error) from None
        try:
            self._greet()
        except (Gone, TimedOut, Refused) as error:
            self.close()
            raise self._not_started(error) from None
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the server, and remove its folder."""
        self.server.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self) -> None:
        """End a server that does not answer any more."""
        self.server.kill()
        self.close()

    def request(self, method: str, params: Any, seconds: float) -> Any:
        """Ask the server."""
        return self.server.request(method, params, seconds)

    def open(self, path: str, language: str, text: str) -> dict[str, Any]:
        """Open a document of the workspace and look at it; the result names it in requests."""
        self._opened += 1
        document = {"uri": self.uri(path), "version": self._opened}
        self.server.notify("textDocument/didOpen", {"textDocument": {**document, "languageId": language, "text": text}})
        self.server.notify("textDocument/didFocus", {"textDocument": {"uri": document["uri"]}})
        return document

    def shut(self, document: dict[str, Any]) -> None:
        """Close a document."""
        self.server.notify("textDocument/didClose", {"textDocument": {"uri": document["uri"]}})

    def settle(self, seconds: float) -> None:
        """Wait until the server has taken in what it was told, so that this is not measured with an answer."""
        self.request("getVersion", {}, seconds)

    def uri(self, path: str) -> str:
        """Name a file of the workspace; steps out of it are left out."""
        parts = [part for part in path.replace("\\", "/").split("/") if part not in ("", ".", "..")]
        return self._workspace.joinpath(*(parts or ["unnamed"])).as_uri()

    def standing(self) -> Standing:
        """Ask GitHub whether the user is signed in and may have completions."""
        try:
            status = self.request("checkStatus", {}, STATUS_SECONDS).get("status", "")
        except Refused as error:
            return Standing("server", f"GitHub could not be asked who is signed in: {tokens.hidden(str(error))}")
        except TimedOut:
            return Standing("timeout", f"GitHub did not say within {STATUS_SECONDS:g} s who is signed in")
        except Gone as error:
            return Standing("crash", str(error))
        if status == "OK":
            return Standing(None, "")
        if status == "NotSignedIn":
            return Standing("auth", tokens.signed_out())
        return Standing(
            "no_access", f"GitHub refuses completions to this account: {tokens.hidden(self._message) or status}"
        )

    def plan(self) -> str | None:
        """Ask which plan the account has; None where the server does not say."""
        with contextlib.suppress(Refused, TimedOut):
            plan = self.request("checkQuota", {}, STATUS_SECONDS).get("copilotPlan")
            return str(plan) if plan else None
        return None

    def _not_started(self, error: Exception) -> MachineError:
        shutil.rmtree(self.folder, ignore_errors=True)
        return MachineError(
            f"the Copilot language server did not start: {error}",
            f"see what `{self.program} --version` says; `make copilot` installs the server again",
        )

    def _prepare(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        git = self._workspace / ".git"
        for folder in (self.folder / "tmp", git / "objects", git / "refs"):
            folder.mkdir(parents=True)
        (git / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")
        (git / "config").write_text("[core]\n\trepositoryformatversion = 0\n", encoding="utf-8")

    def _greet(self) -> None:
        uri = self._workspace.as_uri()
        greeting = self.request(
            "initialize",
            {
                "processId": os.getpid(),
                "workspaceFolders": [{"uri": uri, "name": "workspace"}],
                "capabilities": {
                    "workspace": {"workspaceFolders": True},
                    "window": {"showDocument": {"support": True}},
                },
                "initializationOptions": {"editorInfo": EDITOR, "editorPluginInfo": EDITOR},
            },
            START_SECONDS,
        )
        self.version = str((greeting.get("serverInfo") or {}).get("version", ""))
        require_recent(self.program, self.version)
        self.server.notify("initialized", {})
        settings = {"telemetry": {"telemetryLevel": "off"}}
        self.server.notify("workspace/didChangeConfiguration", {"settings": settings})

    def _answer(self, method: str, params: Any) -> Any:
        if method == "workspace/configuration":
            return [{} for _ in params.get("items", [])]
        if method == "window/showDocument":
            return {"success": False}  # who signs in is shown the address; no browser is opened behind their back
        return None

    def _hear(self, method: str, params: Any) -> None:
        if method == "window/logMessage":
            self.lines.append(str(params.get("message", "")))
        elif method == "didChangeStatus" and params.get("kind") == "Error":
            self._message = str(params.get("message", ""))
