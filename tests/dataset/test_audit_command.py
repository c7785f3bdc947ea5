from __future__ import annotations

import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tuner import bases
from tuner.cli import main

from .audited_runs import HandMade, pair, row, sound_run, tokenizer

ROOT = Path(__file__).parents[2]


def write_base(folder: Path) -> Path:
    """Write a base with a small tokenizer, and weights of which only the header is ever read."""
    folder.mkdir(parents=True)
    tokenizer().save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text('{"model_type": "llama"}', encoding="utf-8")
    header = json.dumps({"lm_head.weight": {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}}).encode()
    (folder / "model.safetensors").write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 4)
    return folder


@pytest.fixture
def write(tmp_path: Path) -> Callable[[HandMade], Path]:
    def written(run: HandMade) -> Path:
        base = bases.resolve(str(write_base(tmp_path / "base")), tmp_path / "cache")
        run.base = (base.name, base.revision)
        return run.write(tmp_path / "adapters" / "shop-tiny-0")

    return written


def tuner(*given: object) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = main([str(each) for each in given])
    return status, out.getvalue(), err.getvalue()


@pytest.mark.parametrize("how", ["folder", "--run"])
def test_a_sound_run_is_shown_and_its_page_written(write: Callable[[HandMade], Path], how: str) -> None:
    folder = write(sound_run())
    status, out, err = tuner("dataset", "audit", *([folder] if how == "folder" else ["--run", folder]))
    assert (status, err) == (0, "")
    assert "Verdict: sound" in out
    assert out.endswith(f"  page        {folder / 'audit/index.html'}\n")
    assert (folder / "audit/audit.txt").read_text(encoding="utf-8") in out
    assert (folder / "audit/index.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_a_fault_gives_exit_status_1_and_still_a_page(write: Callable[[HandMade], Path]) -> None:
    run = sound_run()
    run.train.append(run.train[2])
    folder = write(run)
    status, out, _ = tuner("dataset", "audit", folder)
    assert status == 1
    assert "duplicate_row" in out
    assert "duplicate_row" in (folder / "audit/index.html").read_text(encoding="utf-8")


def test_the_audit_is_made_anew_and_writes_the_same_again(write: Callable[[HandMade], Path]) -> None:
    folder = write(sound_run())
    tuner("dataset", "audit", folder)
    first = [(folder / "audit" / name).read_bytes() for name in ("index.html", "audit.txt")]
    (folder / "audit/index.html").unlink()
    tuner("dataset", "audit", folder)
    assert [(folder / "audit" / name).read_bytes() for name in ("index.html", "audit.txt")] == first


def test_a_base_that_is_not_the_runs_is_refused(write: Callable[[HandMade], Path], tmp_path: Path) -> None:
    folder = write(sound_run())
    (tmp_path / "base/config.json").write_text('{"model_type": "qwen2"}', encoding="utf-8")
    status, out, err = tuner("dataset", "audit", folder)
    assert (status, out) == (2, "")
    assert "but this run was made for" in err and "hint: put the base of the run back" in err


def test_a_run_before_its_dataset_stage_is_named(write: Callable[[HandMade], Path]) -> None:
    folder = write(sound_run())
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["stages"] = manifest["stages"][:1]
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    status, _, err = tuner("dataset", "audit", folder)
    assert status == 2
    assert "stage `dataset` has not finished" in err


def test_a_folder_that_cannot_be_written_is_named(write: Callable[[HandMade], Path]) -> None:
    folder = write(sound_run())
    (folder / "audit").write_text("in the way", encoding="utf-8")
    status, _, err = tuner("dataset", "audit", folder)
    assert status == 2
    assert err.startswith(f"error: {folder}/audit: cannot be written: ")


def test_settings_beside_a_run_are_refused(write: Callable[[HandMade], Path]) -> None:
    status, _, err = tuner("dataset", "audit", write(sound_run()), "--set", "seed=1")
    assert status == 2
    assert "RUN= shows a finished run" in err


def test_the_dataset_command_without_audit_still_wants_a_repository() -> None:
    status, _, err = tuner("dataset")
    assert status == 2
    assert "REPO is missing" in err


def test_an_audit_imports_no_torch(write: Callable[[HandMade], Path]) -> None:
    folder = write(sound_run())
    program = f"import sys\nfrom tuner.cli import main\nmain(['dataset', 'audit', {str(folder)!r}])\n"
    program += "print(sorted({'torch', 'transformers', 'datasets'} & set(sys.modules)))"
    shown = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert shown.returncode == 0, shown.stderr
    assert shown.stdout.endswith("[]\n")


def test_a_terminal_that_cannot_write_every_character_gets_its_code(write: Callable[[HandMade], Path]) -> None:
    run = sound_run()
    run.train.append(row(accented := pair("body", "    return 'ça'\n")))
    run.pairs.append(accented)
    folder = write(run)
    program = f"from tuner.cli import main\nmain(['dataset', 'audit', {str(folder)!r}])"
    environment = {"PYTHONIOENCODING": "ascii", "PATH": "/usr/bin:/bin"}
    shown = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, env=environment)
    assert shown.returncode == 0, shown.stderr
    assert "'\\xe7a'" in shown.stdout
