from __future__ import annotations

from pathlib import Path

import pytest

from tuner.errors import MachineError
from tuner.evaluate.copilot import platforms
from tuner.evaluate.copilot.platforms import package, program_in
from tuner.evaluate.copilot.program import find_server, require_recent
from tuner.recipe import CopilotSettings

INSTALL = "hint: `make copilot` installs it from npm (@github/copilot-language-server)"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(platforms.sys, "platform", "linux")
    monkeypatch.setattr(platforms.platform, "machine", lambda: "x86_64")
    return tmp_path


def make(program: Path, mode: int = 0o755) -> Path:
    program.parent.mkdir(parents=True, exist_ok=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(mode)
    return program


def test_the_recipes_program_comes_before_the_installed_one_and_that_before_the_one_on_path(elsewhere: Path) -> None:
    on_path = make(elsewhere / "bin/copilot-language-server")
    assert find_server(CopilotSettings()) == on_path
    installed = make(
        elsewhere / ".copilot/node_modules/@github/copilot-language-server-linux-x64/copilot-language-server"
    )
    assert find_server(CopilotSettings()) == installed
    chosen = make(elsewhere / "mine")
    assert find_server(CopilotSettings(server=str(chosen))) == chosen


def test_no_program_anywhere_is_said_with_the_places(elsewhere: Path) -> None:
    with pytest.raises(MachineError) as caught:
        find_server(CopilotSettings())
    assert str(caught.value) == (
        "the Copilot language server was not found: no "
        ".copilot/node_modules/@github/copilot-language-server-linux-x64/copilot-language-server, and no "
        f"copilot-language-server on PATH\n{INSTALL}; or set compare.copilot.server to its program"
    )


def test_a_chosen_program_that_is_not_there_is_not_looked_for_elsewhere(elsewhere: Path) -> None:
    make(elsewhere / "bin/copilot-language-server")
    with pytest.raises(MachineError) as caught:
        find_server(CopilotSettings(server="gone/server"))
    assert str(caught.value) == f"compare.copilot.server: gone/server: no such file\n{INSTALL}"


def test_a_program_that_cannot_be_run_is_said(elsewhere: Path) -> None:
    chosen = make(elsewhere / "mine", 0o644)
    with pytest.raises(MachineError) as caught:
        find_server(CopilotSettings(server=str(chosen)))
    assert str(caught.value) == f"{chosen}: not executable\nhint: chmod +x {chosen}"


@pytest.mark.parametrize("version", ["1.400.0", "1.550.0", "2.0.1"])
def test_a_recent_version_passes(version: str) -> None:
    require_recent(Path("server"), version)


@pytest.mark.parametrize(("version", "shown"), [("1.399.9", "1.399.9"), ("0.500.0", "0.500.0"), ("", "unknown")])
def test_an_old_version_is_refused(version: str, shown: str) -> None:
    with pytest.raises(MachineError, match=rf"^server: its version is {shown}, wanted 1\.400 or newer\n"):
        require_recent(Path("server"), version)


@pytest.mark.parametrize(
    ("system", "machine", "name"),
    [
        ("linux", "x86_64", "@github/copilot-language-server-linux-x64"),
        ("linux", "aarch64", "@github/copilot-language-server-linux-arm64"),
        ("darwin", "arm64", "@github/copilot-language-server-darwin-arm64"),
        ("freebsd14", "amd64", None),
        ("linux", "riscv64", None),
    ],
)
def test_each_platform_has_its_package(
    monkeypatch: pytest.MonkeyPatch, system: str, machine: str, name: str | None
) -> None:
    monkeypatch.setattr(platforms.sys, "platform", system)
    monkeypatch.setattr(platforms.platform, "machine", lambda: machine)
    assert package() == name
    if name:
        assert program_in(Path("x")).as_posix() == f"x/node_modules/{name}/copilot-language-server"
