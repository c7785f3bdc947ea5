"""A headless Chromium for tests of the pages that this program writes or serves.

    with Browser.start() as browser, browser.open(page_url, width=360) as tab:
        tab.press("Tab")
        assert tab.evaluate("document.activeElement.textContent") == "Skip to the verdict"
        assert tab.problems == [] and tab.requests == [page_url]

Chromium is spoken to over a pipe in its own DevTools protocol: no port is opened, no driver has to match its version,
and no package is needed. Every tab has a profile of its own. Names of other machines resolve to nothing, so that a page
that asks for one fails, and the request is on record in `requests` all the same.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
AXE = ROOT / ".browser/node_modules/axe-core/axe.min.js"
PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
PATIENCE = 60.0  # seconds: a busy machine is no failure, a browser that hangs is
FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-features=Translate,MediaRouter,OptimizationHints",
    "--no-first-run",
    "--no-default-browser-check",
    "--hide-scrollbars",
    "--force-color-profile=srgb",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost",
)
# Puts the two ends of the pipe where the browser looks for them; a fork with Python code in between would not be safe
# in a test process that has threads.
LAUNCH = """
import fcntl, os, sys
high = [fcntl.fcntl(int(fd), fcntl.F_DUPFD, 10) for fd in sys.argv[1:3]]
for fd, wanted in zip(high, (3, 4)):
    os.dup2(fd, wanted)
os.execv(sys.argv[3], sys.argv[3:])
"""
KEYS = {  # key: code, virtual key, text
    "Tab": ("Tab", 9, ""),
    "Enter": ("Enter", 13, "\r"),
    "Escape": ("Escape", 27, ""),
    " ": ("Space", 32, " "),
    "End": ("End", 35, ""),
    "Home": ("Home", 36, ""),
    "ArrowLeft": ("ArrowLeft", 37, ""),
    "ArrowUp": ("ArrowUp", 38, ""),
    "ArrowRight": ("ArrowRight", 39, ""),
    "ArrowDown": ("ArrowDown", 40, ""),
    "Backspace": ("Backspace", 8, ""),
}


class BrowserError(RuntimeError):
    """The browser ended, did not answer in time, or refused what it was asked."""


def chromium() -> str | None:
    """Find the browser's program, or None."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), None)


needs_chromium = pytest.mark.skipif(
    chromium() is None, reason="no Chromium on this machine; on Debian: apt-get install chromium"
)
needs_axe = pytest.mark.skipif(not AXE.is_file(), reason="no axe-core here; `make browser-checks` installs it")


class Browser:
    """A running browser. Start it once for a test file: that takes a second or more."""

    def __init__(self, process: subprocess.Popen[bytes], to: int, back: int, profile: Path) -> None:
        self._process = process
        self._to = to
        self._back = back
        self._profile = profile
        self._read = b""
        self._last = 0
        self._answers: dict[int, dict[str, Any]] = {}
        self._tabs: dict[str, Tab] = {}

    @classmethod
    def start(cls) -> Browser:
        """Start the browser, with an empty profile that is removed with it."""
        program = chromium()
        if program is None:
            raise BrowserError("no Chromium on this machine")
        profile = Path(tempfile.mkdtemp(prefix="chromium-"))
        theirs_in, to = os.pipe()
        back, theirs_out = os.pipe()
        flags = [*FLAGS, f"--user-data-dir={profile}"]
        if os.geteuid() == 0:
            flags.append("--no-sandbox")  # Chromium does not start for root with one
        process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, str(theirs_in), str(theirs_out), program, *flags, "about:blank"],
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # so that its helper processes can be ended with it
            env={**os.environ, "HOME": str(profile)},
        )
        os.close(theirs_in)
        os.close(theirs_out)
        return cls(process, to, back, profile)

    def __enter__(self) -> Browser:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the browser and all its processes."""
        with suppress(BrowserError, OSError):
            self.ask("Browser.close")
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        for fd in (self._to, self._back):
            with suppress(OSError):
                os.close(fd)
        shutil.rmtree(self._profile, ignore_errors=True)

    def open(self, url: str, *, width: int = 1100, height: int = 800, dark: bool = False, scripts: bool = True) -> Tab:
        """Open an address in a tab of its own and wait until it is loaded."""
        context = self.ask("Target.createBrowserContext")["browserContextId"]
        target = self.ask("Target.createTarget", {"url": "about:blank", "browserContextId": context})["targetId"]
        session = self.ask("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        tab = Tab(self, session, context, scripts)
        self._tabs[session] = tab
        for domain in ("Page", "Runtime", "Log", "Network"):
            tab.ask(f"{domain}.enable")
        tab.ask("Emulation.setFocusEmulationEnabled", {"enabled": True})  # a tab behind another takes keys, too
        tab.resize(width, height)
        tab.colours(dark=dark)
        if not scripts:
            tab.ask("Emulation.setScriptExecutionDisabled", {"value": True})
        tab.goto(url)
        return tab

    def ask(self, method: str, parameters: dict[str, Any] | None = None, session: str | None = None) -> dict[str, Any]:
        """Send one command of the DevTools protocol and give its result."""
        self._last += 1
        ident = self._last
        message: dict[str, Any] = {"id": ident, "method": method, "params": parameters or {}}
        if session is not None:
            message["sessionId"] = session
        left = json.dumps(message).encode() + b"\0"
        try:
            while left:
                left = left[os.write(self._to, left) :]
        except BrokenPipeError:
            raise BrowserError(f"{method}: the browser has ended") from None
        deadline = time.monotonic() + PATIENCE
        while ident not in self._answers:
            self.listen(deadline, method)
        answer = self._answers.pop(ident)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def listen(self, deadline: float, waiting_for: str) -> None:
        """Read at least one message, and hand events to the tab that they are of."""
        while b"\0" not in self._read:
            ready, _, _ = select.select([self._back], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise BrowserError(f"{waiting_for}: no answer within {PATIENCE:.0f} s")
            piece = os.read(self._back, 1 << 20)
            if not piece:
                raise BrowserError(f"{waiting_for}: the browser has ended")
            self._read += piece
        *whole, self._read = self._read.split(b"\0")
        for each in whole:
            message = json.loads(each)
            if "id" in message:
                self._answers[message["id"]] = message
            elif (tab := self._tabs.get(message.get("sessionId", ""))) is not None:
                tab.happened(message["method"], message["params"])

    def forget(self, session: str) -> None:
        """Drop a tab that was closed."""
        self._tabs.pop(session, None)


class Tab:
    """One page in a profile of its own."""

    def __init__(self, browser: Browser, session: str, context: str, scripts: bool) -> None:
        self._problems: list[str] = []
        self._requests: list[str] = []
        self._browser = browser
        self._session = session
        self._context = context
        self._scripts = scripts
        self._loaded = False

    def __enter__(self) -> Tab:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def problems(self) -> list[str]:
        """List the console's errors and warnings, exceptions, and what the browser refused to load or run."""
        self._settle()
        return list(self._problems)

    @property
    def requests(self) -> list[str]:
        """List every address that was asked for, the page's own first."""
        self._settle()
        return list(self._requests)

    def close(self) -> None:
        """Close the tab and drop its profile."""
        self._browser.ask("Target.disposeBrowserContext", {"browserContextId": self._context})
        self._browser.forget(self._session)

    def ask(self, method: str, parameters: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send one command of the DevTools protocol to this tab."""
        return self._browser.ask(method, parameters, self._session)

    def happened(self, event: str, given: dict[str, Any]) -> None:
        """Note an event that a test may ask about."""
        if event == "Page.loadEventFired":
            self._loaded = True
        elif event == "Network.requestWillBeSent":
            self._requests.append(given["request"]["url"])
        elif event == "Network.webSocketCreated":
            self._requests.append(given["url"])
        elif event == "Runtime.exceptionThrown":
            details = given["exceptionDetails"]
            self._problems.append(details.get("exception", {}).get("description") or details["text"])
        elif event == "Runtime.consoleAPICalled" and given["type"] in ("error", "warning", "assert"):
            self._problems.append(" ".join(str(each.get("value", each.get("description"))) for each in given["args"]))
        elif event == "Log.entryAdded" and given["entry"]["level"] in ("error", "warning"):
            self._problems.append(given["entry"]["text"])

    def goto(self, url: str) -> None:
        """Load an address and wait for it, and for all that it loads in turn."""
        self._loaded = False
        failed = self.ask("Page.navigate", {"url": url}).get("errorText")
        if failed:
            raise BrowserError(f"{url}: {failed}")
        deadline = time.monotonic() + PATIENCE
        while not self._loaded:
            self._browser.listen(deadline, url)

    def evaluate(self, expression: str) -> Any:
        """Give the value of a JavaScript expression, awaited if it is a promise."""
        answer = self.ask("Runtime.evaluate", {"expression": expression, "returnByValue": True, "awaitPromise": True})
        if "exceptionDetails" in answer:
            details = answer["exceptionDetails"]
            raise BrowserError(details.get("exception", {}).get("description") or details["text"])
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> Any:
        """Evaluate an expression until it is true, and give its value."""
        deadline = time.monotonic() + PATIENCE
        while not (value := self.evaluate(expression)):
            if time.monotonic() > deadline:
                raise BrowserError(f"{expression}: still {value!r} after {PATIENCE:.0f} s")
            time.sleep(0.02)
        return value

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press and release a key, as a person does: a name of `KEYS`, or one character."""
        code, virtual, text = KEYS.get(key) or (f"Key{key.upper()}", ord(key.upper()), key)
        given = {"key": key, "code": code, "windowsVirtualKeyCode": virtual, "modifiers": 8 if shift else 0}
        down = {"type": "keyDown", "text": text} if text else {"type": "rawKeyDown"}
        self.ask("Input.dispatchKeyEvent", {**given, **down})
        self.ask("Input.dispatchKeyEvent", {**given, "type": "keyUp"})

    def type(self, text: str) -> None:
        """Put text where the focus is, as if it were typed."""
        self.ask("Input.insertText", {"text": text})

    def resize(self, width: int, height: int) -> None:
        """Give the tab a size; below 600 pixels it is a phone's."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.ask("Emulation.setDeviceMetricsOverride", size)

    def colours(self, *, dark: bool = False, printed: bool = False) -> None:
        """Show the page as in dark mode, or as it would be printed."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", {"media": "print" if printed else "", "features": [scheme]})

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Write a PNG of what can be seen, or of the whole page."""
        given: dict[str, Any] = {"format": "png"}
        if whole:
            size = self.ask("Page.getLayoutMetrics")["cssContentSize"]
            clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
            given |= {"captureBeyondViewport": True, "clip": clip}
        path.write_bytes(base64.b64decode(self.ask("Page.captureScreenshot", given)["data"]))

    def pdf(self) -> bytes:
        """Print the page."""
        return base64.b64decode(self.ask("Page.printToPDF", {"printBackground": False})["data"])

    def _settle(self) -> None:
        """Let the page end what it is at: a promise that fails is reported a turn later."""
        self.evaluate("new Promise(done => setTimeout(done))" if self._scripts else "0")

    def grave_findings(self) -> list[str]:
        """Run axe-core and list its serious and critical findings, with the places they are of."""
        self.evaluate(AXE.read_text(encoding="utf-8") + "\n;0")
        found = self.evaluate("axe.run(document, {resultTypes: ['violations']}).then(each => each.violations)")
        return [
            f"{each['impact']}: {each['id']}: {each['help']}: {node['target']}"
            for each in found
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]
