"""The rooms stay apart: who may import whom, what is heavy and where, and how long a file may grow.

The checks are plain functions over a folder of source files; each is shown to find an offence in a made-up one.
"""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "tuner"
STAGES = ("mine", "dataset", "replay", "train", "evaluate", "compare", "export", "serve", "report", "arena")
# The modules that know rooms: all of them the first three, one or a few the others.
COMPOSERS = {
    *("cli.py", "contest.py", "pipeline.py", "probe_stages.py", "probe_commands.py", "editor_commands.py"),
    *("executing.py", "plan_commands.py", "reproduce.py", "screen_commands.py", "serve_commands.py", "shipped.py"),
    *("sweep_commands.py", "sweep_rows.py", "sweep_stages.py", "sweep_trials.py"),
}
LOWEST = {"errors.py", "strict.py", "records.py", "progress.py"}
MOST_LINES = 400
HEAVY = {"torch", "transformers", "trl", "peft", "accelerate", "bitsandbytes", "datasets", "gguf", "xllamacpp"}


@functools.cache
def imports(path: Path, package: Path = SOURCE) -> tuple[str, ...]:
    """Name every module that a file imports, anywhere in it, as absolute dotted names; each file is read once."""
    return tuple(_imports(ast.parse(path.read_text(encoding="utf-8")), path.relative_to(package)))


def _imports(tree: ast.Module, relative: Path) -> Iterator[str]:
    here = ("tuner", *relative.parent.parts)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = [*here[: len(here) - node.level + 1]] if node.level else []
            module = ".".join([*start, *([node.module] if node.module else [])])
            yield from (f"{module}.{each.name}" for each in node.names)


def offences(package: Path) -> list[str]:
    """List the imports that the layers forbid."""
    found = []
    for path in sorted(package.rglob("*.py")):
        relative = path.relative_to(package)
        room = relative.parts[0] if len(relative.parts) > 1 else ""
        for name in imports(path, package):
            parts = name.split(".")
            target = parts[1] if parts[0] == "tuner" and len(parts) > 1 else ""
            if room and target in STAGES and target != room:
                found.append(f"{relative}: {room} imports {target}")
            elif not room and target in STAGES and relative.name not in COMPOSERS:
                found.append(f"{relative}: a module below the stages imports {target}")
            elif relative.as_posix() not in COMPOSERS and target in ("cli", "pipeline"):
                found.append(f"{relative}: imports {target}, which is above it")
            elif relative.as_posix() in LOWEST and target not in ("", "errors", "strict"):
                found.append(f"{relative}: the lowest layer imports {target}")
    return found


def users_of(library: str, package: Path) -> list[str]:
    """List the files that import a library."""
    return [
        path.relative_to(package).as_posix()
        for path in sorted(package.rglob("*.py"))
        if any(name.partition(".")[0] == library for name in imports(path, package))
    ]


def too_long(package: Path) -> list[str]:
    """List the files that nobody reads in one go any more."""
    counted = ((path, len(path.read_text(encoding="utf-8").splitlines())) for path in sorted(package.rglob("*.py")))
    return [f"{path.relative_to(package)}: {count} lines" for path, count in counted if count > MOST_LINES]


def undescribed(package: Path) -> list[str]:
    """List the modules that do not say what they are; a folder's empty `__init__` is named by its folder."""
    sources = ((path, path.read_text(encoding="utf-8")) for path in sorted(package.rglob("*.py")))
    return [
        path.relative_to(package).as_posix()
        for path, text in sources
        if not ast.get_docstring(ast.parse(text)) and not (path.name == "__init__.py" and not text.strip())
    ]


def loaded_by(*modules: str) -> set[str]:
    """Import modules in a fresh process and name the top-level packages that came with them."""
    lines = [
        *(f"import {module}" for module in modules),
        "import sys",
        "print(*{n.split('.')[0] for n in sys.modules})",
    ]
    shown = subprocess.run([sys.executable, "-c", "\n".join(lines)], cwd=ROOT, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    return set(shown.stdout.split())


def write(package: Path, **files: str) -> Path:
    for name, text in files.items():
        path = package / f"{name.replace('__', '/')}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return package


def test_every_stage_is_a_room_and_every_room_a_stage() -> None:
    rooms = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    assert rooms == set(STAGES)
    assert all((SOURCE / room / "stage.py").is_file() for room in rooms)


def test_no_stage_imports_another_and_nothing_imports_upwards() -> None:
    assert offences(SOURCE) == []


@pytest.mark.parametrize(
    ("file", "text", "offence"),
    [
        ("train__stage", "from tuner.mine import pairs", "train/stage.py: train imports mine"),
        ("train__stage", "def run():\n    import tuner.mine.pairs", "train/stage.py: train imports mine"),
        ("train__stage", "from ..mine.pairs import cut", "train/stage.py: train imports mine"),
        ("train__stage", "from tuner import mine", "train/stage.py: train imports mine"),
        ("render", "from tuner.mine import pairs", "render.py: a module below the stages imports mine"),
        ("mine__pairs", "from tuner.cli import main", "mine/pairs.py: imports cli, which is above it"),
        ("records", "from tuner.recipe import Recipe", "records.py: the lowest layer imports recipe"),
    ],
)
def test_an_import_across_the_layers_is_found(tmp_path: Path, file: str, text: str, offence: str) -> None:
    assert offences(write(tmp_path, **{file: text})) == [offence]


def test_imports_along_the_layers_are_no_offence(tmp_path: Path) -> None:
    allowed = (
        "from tuner.records import Pair\nfrom tuner.train.watch import Watch\nfrom .watch import Watch\nimport trl\n"
    )
    assert offences(write(tmp_path, train__stage=allowed, cli="from tuner.mine import stage\n")) == []


def test_each_of_these_libraries_lives_in_one_module() -> None:
    assert users_of("git", SOURCE) == ["mine/repository.py"]
    assert users_of("trl", SOURCE) == ["train/trainer.py"]
    assert users_of("yaml", SOURCE) == ["recipe_file.py"]


def test_a_second_user_of_a_library_is_found(tmp_path: Path) -> None:
    package = write(tmp_path, a="import trl", b="def f():\n    from trl.trainer import X", c="import trlx")
    assert users_of("trl", package) == ["a.py", "b.py"]


def test_light_commands_start_without_torch() -> None:
    stages = [f"tuner.{stage}.stage" for stage in ("mine", "dataset", "compare", "report")]
    loaded = loaded_by("tuner.cli", "tuner.pipeline", "tuner.bases", "tuner.screen", *stages)
    assert loaded & HEAVY == set()
    assert "tuner" in loaded and "pydantic" in loaded


def test_a_heavy_import_is_seen() -> None:
    assert "gguf" in loaded_by("gguf")


def test_help_is_shown_without_torch() -> None:
    tries = "try:\n    main(['--help'])\nfinally:\n    print('torch' in sys.modules)"
    program = f"import sys\nfrom tuner.cli import main\n{tries}"
    shown = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert shown.returncode == 0
    assert shown.stdout.startswith("usage: tuner") and shown.stdout.endswith("False\n")


def test_no_file_is_longer_than_can_be_read() -> None:
    assert too_long(SOURCE) == []


def test_a_file_that_grew_too_long_is_found(tmp_path: Path) -> None:
    package = write(tmp_path, long="x = 1\n" * (MOST_LINES + 1), short="x = 1\n" * MOST_LINES)
    assert too_long(package) == ["long.py: 401 lines"]


def test_every_module_says_what_it_is() -> None:
    assert undescribed(SOURCE) == []


def test_a_module_that_does_not_say_what_it_is_is_found(tmp_path: Path) -> None:
    package = write(tmp_path, silent="x = 1\n", said='"""Said."""\n')
    (tmp_path / "__init__.py").touch()
    assert undescribed(package) == ["silent.py"]
