"""Where a client is driven: folders of its own, the address it is given, and the cursor it is to complete at.

In: the folder of the tools. Out: a `Place` for one client. Its HOME and all its folders of settings lie in there, so
that nothing of the user's own is read or written. Every client is given the same file of our own, at the same cursor:
inside a word at the end of a line.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.serve.runs import CODE
from tests.serve.runs import PATH as NAME

_AT = CODE.index("nter(wait_seconds)\n\n")
TYPED = "ou"  # what the editors that can type do type: the file ends the line before that
PREFIX, SUFFIX = CODE[:_AT], CODE[CODE.index("\n", _AT) :]
MODEL, MOST_TOKENS = "tuned", 24
SECONDS = 120  # for one run of one client; an adapter of a real size on a slow machine needs most of it


class Skipped(Exception):
    """A client cannot be driven here; the message says what is missing."""


class Failed(Exception):
    """A client ended with an error."""


@dataclass(frozen=True, slots=True)
class Place:
    """What one client gets."""

    tools: Path
    client: str
    url: str
    settings: Path  # what `tuner export --editor` wrote for this address

    @property
    def home(self) -> Path:
        """Its HOME."""
        folder = self.tools / "home" / self.client
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    @property
    def project(self) -> Path:
        """The project that it opens; the file is as it is before the last letters are typed."""
        folder = self.tools / "project"
        path = folder / NAME
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(PREFIX.removesuffix(TYPED) + SUFFIX, encoding="utf-8")
        return folder

    def run(self, *command: str | Path, given: str = "", **more: Any) -> str:
        """Run a program as this client, and return what it wrote to standard output."""
        try:
            ended = subprocess.run(
                [str(part) for part in command],
                input=given,
                capture_output=True,
                text=True,
                cwd=self.project,
                env=self.environment(**more),
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired:
            raise Failed(f"no end within {SECONDS} seconds") from None
        if ended.returncode:
            last = (ended.stderr.strip() or ended.stdout.strip() or "it said nothing").splitlines()[-1]
            raise Failed(f"it ended with {ended.returncode}: {last[:200]}")
        return ended.stdout

    def environment(self, **more: str) -> dict[str, str]:
        """Give it folders of its own, no telemetry, and no way out for what asks through a proxy."""
        home = str(self.home)
        own = {
            "HOME": home,
            **{f"XDG_{name}_HOME": f"{home}/{name.lower()}" for name in ("CONFIG", "CACHE", "DATA", "STATE")},
            **{name: "http://127.0.0.1:9" for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")},
            "NO_PROXY": "127.0.0.1,localhost",
            "no_proxy": "127.0.0.1,localhost",
            "CONTINUE_TELEMETRY_ENABLED": "0",
            "DO_NOT_TRACK": "1",
        }
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL", "TERM") if name in os.environ}
        return kept | own | more


def program(name: str) -> Path:
    """Find one of the small programs that drive a client from inside."""
    return Path(__file__).with_name("programs") / name


def first_line(texts: Sequence[str]) -> str:
    """Give the first line that says something."""
    return next((line.strip() for text in texts for line in text.splitlines() if line.strip()), "")
