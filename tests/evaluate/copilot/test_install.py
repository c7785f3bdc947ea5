"""What `make copilot` does and says; npm is a program that the test writes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.evaluate.copilot.conftest import ROOT
from tuner.evaluate.copilot import install, platforms

NPM = """#!/bin/sh
echo "$@" > "{0}/asked"
mkdir -p "{0}/c/node_modules/@github/copilot-language-server-linux-x64"
[ {1} = 0 ] && touch "{0}/c/node_modules/@github/copilot-language-server-linux-x64/copilot-language-server"
exit {1}
"""


@pytest.fixture(autouse=True)
def a_linux_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platforms.sys, "platform", "linux")
    monkeypatch.setattr(platforms.platform, "machine", lambda: "x86_64")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.delenv("COPILOT_VERSION", raising=False)


def write_npm(folder: Path, status: int) -> None:
    (folder / "npm").write_text(NPM.format(folder, status))
    (folder / "npm").chmod(0o755)


@pytest.mark.parametrize(("chosen", "version"), [(None, install.VERSION), ("", install.VERSION), ("latest", "latest")])
def test_the_platforms_own_package_is_fetched_without_its_scripts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chosen: str | None, version: str
) -> None:
    write_npm(tmp_path, 0)
    if chosen is not None:
        monkeypatch.setenv("COPILOT_VERSION", chosen)
    assert install.main(str(tmp_path / "c")) == 0
    assert (tmp_path / "asked").read_text() == (
        f"install --prefix {tmp_path}/c --no-save --no-audit --no-fund --ignore-scripts "
        f"@github/copilot-language-server-linux-x64@{version} --loglevel=error\n"
    )


def test_a_failing_npm_is_named(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_npm(tmp_path, 1)
    assert install.main(str(tmp_path / "c")) == 1
    assert capfd.readouterr().err.splitlines()[-2:] == [
        f"error: npm could not install @github/copilot-language-server-linux-x64@{install.VERSION}: exit status 1",
        "hint: see the lines above; then `make copilot` again",
    ]


def test_a_machine_without_npm_is_told_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert install.main(str(tmp_path / "c")) == 2
    assert capfd.readouterr().err == (
        "error: npm was not found on PATH; the Copilot language server comes from its registry\n"
        "hint: install Node.js, or fetch npmjs.com/package/@github/copilot-language-server-linux-x64 by hand and set "
        "compare.copilot.server to its program\n"
    )
    assert not (tmp_path / "c").exists()


def test_a_platform_that_github_has_nothing_for_is_told(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(platforms.sys, "platform", "freebsd14")
    assert install.main("c") == 2
    assert capfd.readouterr().err == (
        "error: GitHub publishes no Copilot language server for freebsd14 on x86_64\n"
        "hint: see npmjs.com/package/@github/copilot-language-server\n"
    )


def test_it_needs_nothing_but_the_standard_library() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    program = "import sys, tuner.evaluate.copilot.install; print(sorted(set(sys.modules) & {'pydantic', 'torch'}))"
    shown = subprocess.run([sys.executable, "-S", "-c", program], env=environment, capture_output=True, check=True)
    assert shown.stdout == b"[]\n"
