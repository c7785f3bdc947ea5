"""Set-up chooses the right torch and says what is wrong; no package is installed here."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from tuner import install

ROOT = Path(__file__).parent.parent


def report(*names: str) -> str:
    """Write what `pip install --dry-run --report -` prints."""
    return json.dumps({"version": "1", "install": [{"metadata": {"name": name, "version": "1"}} for name in names]})


def fake_python(tmp_path: Path, printed: str, status: int = 0) -> Path:
    """Write a program that answers every command as pip would, and notes what it was asked."""
    (tmp_path / "answer").write_text(printed, encoding="utf-8")
    program = tmp_path / "python"
    program.write_text(f'#!/bin/sh\necho "$@" >> "{tmp_path}/asked"\ncat "{tmp_path}/answer"\nexit {status}\n')
    program.chmod(0o755)
    return program


@pytest.mark.parametrize(
    ("names", "cuda"),
    [
        (["torch", "numpy"], False),
        ([], False),
        (["torch", "nvidia-cublas-cu12"], True),
        (["torch", "NVIDIA-cudnn"], True),
        (["torch", "triton"], True),
        (["torch", "cuda-bindings"], True),
        (["torch", "tritonclient", "barracuda"], False),
    ],
)
def test_a_cuda_package_in_pips_plan_is_seen(names: list[str], cuda: bool) -> None:
    assert install.brings_cuda(report(*names)) is cuda


@pytest.mark.parametrize("gpu", [True, False])
def test_an_internal_index_is_taken_as_given(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gpu: bool) -> None:
    monkeypatch.setenv("TORCH_INDEX", "https://mirror.example/cpu")
    assert install.torch_index(tmp_path / "none", gpu) == ["--index-url", "https://mirror.example/cpu"]


@pytest.mark.parametrize(
    ("printed", "status", "options"),
    [
        (report("torch", "numpy"), 0, []),
        (report("torch", "triton"), 0, ["--index-url", "https://download.pytorch.org/whl/cpu"]),
        ("", 1, ["--index-url", "https://download.pytorch.org/whl/cpu"]),
    ],
)
def test_without_a_gpu_the_cuda_build_is_never_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, printed: str, status: int, options: list[str]
) -> None:
    monkeypatch.delenv("TORCH_INDEX", raising=False)
    monkeypatch.setattr(install.platform, "system", lambda: "Linux")
    python = fake_python(tmp_path, printed, status)
    assert install.torch_index(python, gpu=False) == options
    assert (tmp_path / "asked").read_text() == f"-m pip install --dry-run --quiet --report - {install.TORCH}\n"


def test_with_a_gpu_the_configured_index_is_not_even_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("TORCH_INDEX", raising=False)
    assert install.torch_index(fake_python(tmp_path, report("torch", "triton")), gpu=True) == []
    assert not (tmp_path / "asked").exists()


def test_a_python_that_is_too_old_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 4, "final", 0))
    monkeypatch.setattr(install.platform, "python_version", lambda: "3.10.4")
    assert install.main(str(tmp_path / "venv")) == 2
    assert capsys.readouterr().err == (
        "error: this is Python 3.10.4, wanted 3.11 or newer\nhint: make setup PYTHON=python3.11\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_step_that_fails_is_named_and_set_up_is_not_marked_ready(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_INDEX", "https://mirror.example/cpu")
    (tmp_path / "venv/bin").mkdir(parents=True)
    fake_python(tmp_path, "", 3).rename(tmp_path / "venv/bin/python")
    assert install.main(str(tmp_path / "venv")) == 1
    assert capsys.readouterr().err.splitlines()[-2:] == [
        f"error: set-up stopped: --no-compile {install.TORCH} --index-url https://mirror.example/cpu "
        "gave exit status 3",
        "hint: see the lines above; `make setup` goes on from there, `make clean` starts over",
    ]
    assert not (tmp_path / "venv/.ready").exists()


def test_the_wanted_torch_is_the_locked_one() -> None:
    assert install.TORCH in (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    needs = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'requires-python = ">={".".join(map(str, install.OLDEST_PYTHON))}"' in needs


def test_set_up_needs_nothing_but_the_standard_library() -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    program = "import sys, tuner.install; print(sorted(set(sys.modules) & {'pydantic', 'yaml', 'tqdm', 'numpy'}))"
    shown = subprocess.run([sys.executable, "-S", "-c", program], env=environment, capture_output=True, check=True)
    assert shown.stdout == b"[]\n"


def undeclared(package: Path, declared: str) -> dict[str, str]:
    """Name the libraries that code imports and the project does not ask for, with a file that does."""
    by_module = packages_distributions()
    wanted = {re.split(r"[<>=\[]", each)[0].lower().replace("_", "-") for each in re.findall(r'"([^"]+)"', declared)}
    missing = {}
    for path in sorted(package.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [str(node.module)]
            for name in (each.partition(".")[0] for each in names):
                owners = {each.lower().replace("_", "-") for each in by_module.get(name, [name])}
                if name not in sys.stdlib_module_names and name not in ("tuner", "benchmarks") and not owners & wanted:
                    missing[name] = path.name
    return missing


def test_every_library_that_is_imported_is_asked_for() -> None:
    declared = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    parts_of_others = {"markupsafe", "pydantic_core"}  # of jinja2 and pydantic, which hand out their objects
    assert undeclared(ROOT / "tuner", declared).keys() <= parts_of_others


def test_a_library_that_nobody_asks_for_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import json\nimport yaml\nfrom tenacity import retry\n", encoding="utf-8")
    assert undeclared(tmp_path, 'dependencies = ["pyyaml>=6.0"]') == {"tenacity": "a.py"}


def test_make_lets_imports_keep_what_they_compiled() -> None:
    shown = ["--no-print-directory", "--eval", "shown: ; @echo [$$PYTHONDONTWRITEBYTECODE]", "shown"]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}  # as many container images set it
    environment.pop("MAKEFLAGS", None)  # the suite itself is started by make
    for options, wanted in ((["-f", "Makefile"], "[]\n"), (["-f", os.devnull], "[1]\n")):
        made = subprocess.run(["make", *options, *shown], cwd=ROOT, env=environment, capture_output=True, text=True)
        assert made.stdout == wanted, made.stderr
