"""The sample of the standard library is the same each time, says which library it is, and its parts share no module."""

from __future__ import annotations

import platform
from pathlib import Path

import pytest

from tuner.errors import MachineError
from tuner.evaluate.probes.library import CHARS, MODULES, sample


def library(folder: Path, modules: list[str]) -> Path:
    for name in modules:
        path = folder / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{name.replace('/', '_')}_{line} = {line}\n" for line in range(200)), encoding="utf-8")
    return folder


def test_the_same_interpreter_gives_the_same_pieces() -> None:
    one, other = sample(32, "gate"), sample(32, "gate")
    assert one == other
    assert one.python == platform.python_version()
    assert len(one.pieces) == len({path for path, _, _ in one.pieces}) == 32
    assert all(100 < len(text) <= CHARS for _, _, text in one.pieces[:8])
    assert sample(8, "gate").pieces == one.pieces[:8]


def test_the_parts_share_no_module() -> None:
    parts = [{path for path, _, _ in sample(32, part).pieces} for part in ("gate", "choice")]
    assert parts[0] & parts[1] == set()
    assert len(MODULES) == len(set(MODULES))


def test_another_library_has_another_hash_and_a_missing_module_is_left_out(tmp_path: Path) -> None:
    found = sample(4, "gate", library(tmp_path, MODULES[:8:2]))
    assert [path for path, _, _ in found.pieces] == [f"{name}.py" for name in MODULES[:8:2]]
    path, line, text = found.pieces[0]
    assert (tmp_path / path).read_text(encoding="utf-8").splitlines(keepends=True)[line - 1] == text.split("\n")[
        0
    ] + "\n"
    (tmp_path / path).write_text((tmp_path / path).read_text(encoding="utf-8").replace("_", "-"), encoding="utf-8")
    changed = sample(4, "gate", tmp_path)
    assert changed.sha256 != found.sha256 and changed.pieces[1:] == found.pieces[1:]


def test_an_interpreter_without_the_sources_of_its_library_is_said(tmp_path: Path) -> None:
    with pytest.raises(MachineError) as caught:
        sample(4, "gate", library(tmp_path, MODULES[:1]))
    assert str(caught.value) == (
        f"{tmp_path}: 1 modules of Python's standard library with their source, wanted 2\n"
        "hint: use an interpreter that comes with it, or SET=evaluate.probes.library_pieces=0"
    )
